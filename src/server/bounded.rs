//! A service whose calls are counted and bounded per connection.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use pin_project_lite::pin_project;
use prost::bytes::Bytes;
use tonic::{Status, body::Body, server::NamedService};
use tower::{Layer, Service};

use super::connection::{Held, ReplyRoom, RequestBytes, SMALL};
use crate::units::ByteSize;

/// Layer that wraps a service in [`Bounded`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounding;

impl<S> Layer<S> for Bounding {
    type Service = Bounded<S>;

    fn layer(&self, service: S) -> Bounded<S> {
        Bounded { service }
    }
}

/// A service that counts the bytes of its requests, and reserves the room of replies until they are sent.
#[derive(Debug, Clone)]
pub(super) struct Bounded<S> {
    service: S,
}

impl<S: NamedService> NamedService for Bounded<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, B> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
{
    type Response = Response<Reply<B>>;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let mut call = None;
        if let Some(held) = request.extensions().get::<Arc<Held>>().map(Arc::clone) {
            call = Some(held.begin_call());
            request =
                request.map(|body| Body::new(Counted { body, received: 0, bytes: RequestBytes::new(held) }));
        }
        Answering { answer: self.service.call(request), call }
    }
}

pin_project! {
    /// A call whose reply is not complete.
    pub(super) struct Answering<F> {
        #[pin]
        answer: F,
        call: Option<Arc<()>>,
    }
}

impl<F, B, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<Reply<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.answer.poll(context))?;
        let room = response.extensions_mut().remove::<ReplyRoom>();
        let call = this.call.take();
        Poll::Ready(Ok(response.map(|body| Reply { body, room, _call: call })))
    }
}

/// A request whose bytes are counted as they arrive, starting when it becomes a large one.
struct Counted {
    body: Body,
    received: usize,
    bytes: RequestBytes,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)?) else {
            return Poll::Ready(None);
        };
        if let Some(data) = frame.data_ref() {
            self.received += data.len();
            let received = self.received;
            if received > SMALL
                && let Err(most) = self.bytes.count(received as u64)
            {
                return Poll::Ready(Some(Err(over_request_memory(most))));
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Returns the status of a call whose connection holds too many bytes of requests.
pub(super) fn over_request_memory(most: u64) -> Status {
    let most = ByteSize(most);
    Status::resource_exhausted(format!(
        "the requests in progress on this connection hold more than {most}; send fewer at once, or raise the server's --max-request-memory"
    ))
}

pin_project! {
    /// A reply that keeps its room until its bytes are sent or dropped.
    pub(super) struct Reply<B> {
        #[pin]
        body: B,
        room: Option<ReplyRoom>,
        _call: Option<Arc<()>>,
    }
}

/// Bytes on their way to the socket.
struct Sending {
    bytes: Bytes,
    _room: ReplyRoom,
}

impl AsRef<[u8]> for Sending {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<B: HttpBody<Data = Bytes>> HttpBody for Reply<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let frame = ready!(this.body.poll_frame(context)?);
        let Some(room) = this.room.clone() else { return Poll::Ready(frame.map(Ok)) };
        let sending = |bytes| Bytes::from_owner(Sending { bytes, _room: room });
        Poll::Ready(frame.map(|frame| Ok(frame.map_data(sending))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
