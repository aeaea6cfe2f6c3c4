//! Between tonic's client and its channel: notes which statuses came from the server, and takes out
//! what tonic would panic over.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Frame, SizeHint};
use prost::bytes::Bytes;
use tonic::{Status, body::Body, transport::Channel};
use tower::{
    ServiceExt,
    util::{MapRequest, MapResponse},
};

use super::uploads::watched;
use crate::client::not_a_code;

/// Put beside a status that the server sent. A tonic server refuses a request in the very words
/// that a tonic client refuses a reply with, and nothing else in a status tells the two apart.
const FROM_WIRE: &str = "plimsoll-status-from-wire";

/// Tonic panics when this is not base64, and nobody here reads it.
const DETAILS: &str = "grpc-status-details-bin";

pub(in super::super) type Wire = MapResponse<
    MapRequest<Channel, fn(Request<Body>) -> Request<Body>>,
    fn(Response<Body>) -> Response<NotedBody>,
>;

/// A channel whose statuses can be told from those that tonic's client makes, and whose large requests are
/// watched.
pub(super) fn over(channel: Channel) -> Wire {
    let watched: fn(Request<Body>) -> Request<Body> = watched;
    channel.map_request(watched).map_response(|mut response| {
        note(response.headers_mut());
        response.map(NotedBody)
    })
}

/// Whether the server sent this status.
pub(super) fn is_from_wire(status: &Status) -> bool {
    status.metadata().contains_key(FROM_WIRE)
}

/// Whether metadata of this name was put there by this module.
pub(in super::super) fn is_own_note(name: &str) -> bool {
    name == FROM_WIRE
}

fn note(headers: &mut HeaderMap) {
    if headers.get("grpc-status").is_some_and(|status| status != "0") {
        headers.insert(FROM_WIRE, HeaderValue::from_static("1"));
    }
    headers.remove(DETAILS);
    // Tonic would call it UNKNOWN, and nothing else.
    if let Some(words) = headers.get("grpc-status").and_then(|status| not_a_code(status.as_bytes())) {
        let message = headers.get("grpc-message").map_or(&[] as &[u8], HeaderValue::as_bytes);
        let colon: &[u8] = if message.is_empty() { b"" } else { b": " };
        // The message is percent-encoded, and the words are ASCII.
        let encoded = words.replace('%', "%25");
        if let Ok(value) = HeaderValue::from_bytes(&[encoded.as_bytes(), colon, message].concat()) {
            headers.insert("grpc-message", value);
        }
    }
}

/// A reply's body whose trailers are noted too.
pub(in super::super) struct NotedBody(Body);

impl http_body::Body for NotedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.0).poll_frame(context);
        polled.map_ok(|mut frame| {
            if let Some(trailers) = frame.trailers_mut() {
                note(trailers);
            }
            frame
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
