//! Connections from all listeners, as one stream, with a bound on open connections.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::Sleep,
};
use tokio_rustls::server::TlsStream;
use tokio_stream::Stream;
use tokio_util::either::Either;

use super::{
    listener::{Listener, Raw},
    tls::ServerTls,
};

/// Pause after a failed accept. The cause is mostly a lack of file descriptors, and some may be released
/// meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

pub(super) struct Incoming {
    listeners: Vec<Listener>,
    /// Index of the listener that is polled first; it rotates, so that no listener starves.
    turn: usize,
    places: Option<Arc<Semaphore>>,
    pause: Option<Pin<Box<Sleep>>>,
    /// TLS handshakes in progress. A slow peer delays no other one.
    handshakes: JoinSet<io::Result<Accepted>>,
}

/// Bytes of HTTP/2: on the socket itself, or in TLS.
pub(super) type Accepting = Either<Raw, Box<TlsStream<Raw>>>;

/// A connection, with its place among the open connections if their number is bounded.
pub(super) type Accepted = (Accepting, Option<OwnedSemaphorePermit>);

impl Incoming {
    pub(super) fn new(listeners: Vec<Listener>, max_connections: Option<usize>) -> Self {
        let places =
            max_connections.map(|places| Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))));
        Self { listeners, turn: 0, places, pause: None, handshakes: JoinSet::new() }
    }

    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<(Raw, Option<ServerTls>)>> {
        let count = self.listeners.len();
        for offset in 0..count {
            let index = (self.turn + offset) % count;
            let listener = &self.listeners[index];
            if let Poll::Ready(accepted) = listener.poll_accept(context) {
                let tls = listener.tls.clone();
                self.turn = index + 1;
                return Poll::Ready(accepted.map(|socket| (socket, tls)));
            }
        }
        Poll::Pending
    }

    /// Next connection whose TLS handshake is over. A failed one is closed.
    fn poll_handshakes(&mut self, context: &mut Context<'_>) -> Poll<Accepted> {
        loop {
            match ready!(self.handshakes.poll_join_next(context)) {
                Some(Ok(Ok(accepted))) => return Poll::Ready(accepted),
                Some(_) => {}
                None => return Poll::Pending,
            }
        }
    }
}

impl Stream for Incoming {
    type Item = io::Result<Accepted>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Poll::Ready(accepted) = self.poll_handshakes(context) {
                return Poll::Ready(Some(Ok(accepted)));
            }
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(context));
                self.pause = None;
            }
            let Ok((socket, tls)) = ready!(self.poll_accept(context)) else {
                self.pause = Some(Box::pin(tokio::time::sleep(PAUSE)));
                continue;
            };
            let place = match &self.places {
                None => None,
                Some(places) => match Arc::clone(places).try_acquire_owned() {
                    Ok(place) => Some(place),
                    // Closed at once: the caller notices that, while waiting in a queue would look like a
                    // hang.
                    Err(_) => continue,
                },
            };
            match tls {
                None => return Poll::Ready(Some(Ok((Either::Left(socket), place)))),
                Some(tls) => {
                    self.handshakes.spawn(async move {
                        let stream = tls.accept(socket).await?;
                        Ok((Either::Right(Box::new(stream)), place))
                    });
                }
            }
        }
    }
}
