//! Between tonic's client and its channel: notes which statuses came from the server and which answers were
//! none of gRPC's, and takes out what tonic would panic over.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Frame, SizeHint};
use prost::bytes::Bytes;
use tonic::{Status, body::Body, transport::Channel};
use tower::Service;

use super::uploads::watched;
use crate::rpc::{HttpAnswer, not_a_code};

/// Put beside a status that the server sent. A tonic server refuses a request in the very words
/// that a tonic client refuses a reply with, and nothing else in a status tells the two apart.
const FROM_WIRE: &str = "plimsoll-status-from-wire";

/// Tonic panics when this is not base64, and nobody here reads it.
const DETAILS: &str = "grpc-status-details-bin";

/// A channel whose statuses can be told from those that tonic's client makes, and whose large requests are
/// watched.
#[derive(Debug, Clone)]
pub(crate) struct OriginChannel(Channel);

pub(super) fn over(channel: Channel) -> OriginChannel {
    OriginChannel(channel)
}

impl Service<Request<Body>> for OriginChannel {
    type Response = Response<NotedBody>;
    type Error = tonic::transport::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let heard = request.extensions_mut().remove::<Heard>();
        let response = self.0.call(watched(request));
        Box::pin(async move {
            let mut response = response.await?;
            if let Some(heard) = heard {
                heard.note(&response);
            }
            note(response.headers_mut());
            Ok(response.map(NotedBody))
        })
    }
}

/// How the server answered a call, where that was not in gRPC. Tonic reads such an answer's page as a message,
/// and its status says what is wrong with that message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(Arc<OnceLock<HttpAnswer>>);

impl Heard {
    /// Listens for the answer to a request.
    pub(crate) fn to<T>(request: &mut tonic::Request<T>) -> Self {
        let own = Self::default();
        request.extensions_mut().insert(own.clone());
        own
    }

    /// An answer in HTTP, if one came.
    pub(crate) fn http(&self) -> Option<HttpAnswer> {
        self.0.get().copied()
    }

    fn note(&self, response: &Response<Body>) {
        let headers = response.headers();
        if headers.contains_key("grpc-status") {
            return;
        }
        let content_type = headers.get(http::header::CONTENT_TYPE);
        let is_grpc = content_type.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
        if let Some(answer) = HttpAnswer::of(response.status().as_u16(), is_grpc) {
            let _ = self.0.set(answer);
        }
    }
}

/// Whether the server sent this status.
pub(crate) fn is_from_wire(status: &Status) -> bool {
    status.metadata().contains_key(FROM_WIRE)
}

/// Whether metadata of this name was put there by this module.
pub(crate) fn is_own_note(name: &str) -> bool {
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
pub(crate) struct NotedBody(Body);

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
