//! Layer between tonic's client and its channel. It notes which statuses came from the server and which
//! answers were HTTP instead of gRPC. It removes a header on which tonic would panic.

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

/// Metadata name that marks a status from the server. A tonic server refuses a request with the same text
/// with which a tonic client refuses a reply. Nothing else in a status distinguishes the two.
const FROM_WIRE: &str = "plimsoll-status-from-wire";

/// Header on which tonic panics if it is not base64. This crate does not use it.
const DETAILS: &str = "grpc-status-details-bin";

/// Channel that marks statuses from the server, and watches large requests.
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

/// The server's HTTP answer to a call, if the answer was not gRPC. Tonic parses the page of such an answer as
/// a message, and its status describes the fault in that message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(Arc<OnceLock<HttpAnswer>>);

impl Heard {
    /// Attaches a listener for the answer to a request.
    pub(crate) fn to<T>(request: &mut tonic::Request<T>) -> Self {
        let own = Self::default();
        request.extensions_mut().insert(own.clone());
        own
    }

    /// The HTTP answer, if one came.
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

/// Returns true if the server sent this status.
pub(crate) fn is_from_wire(status: &Status) -> bool {
    status.metadata().contains_key(FROM_WIRE)
}

/// Returns true if this module added metadata of this name.
pub(crate) fn is_own_note(name: &str) -> bool {
    name == FROM_WIRE
}

fn note(headers: &mut HeaderMap) {
    if headers.get("grpc-status").is_some_and(|status| status != "0") {
        headers.insert(FROM_WIRE, HeaderValue::from_static("1"));
    }
    headers.remove(DETAILS);
    // Tonic would report UNKNOWN without a reason.
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

/// Body of a reply whose trailers are marked too.
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
