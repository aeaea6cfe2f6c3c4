//! Connections from all listeners, as one stream, with a bound on open connections.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Sleep,
};
use tokio_stream::Stream;

/// Pause after a failed accept. The cause is mostly a lack of file descriptors, and some may be released
/// meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

pub(super) struct Incoming {
    listeners: Vec<TcpListener>,
    /// Index of the listener that is polled first; it rotates, so that no listener starves.
    turn: usize,
    places: Option<Arc<Semaphore>>,
    pause: Option<Pin<Box<Sleep>>>,
}

/// A socket, with its place among the open connections if their number is bounded.
pub(super) type Accepted = (TcpStream, Option<OwnedSemaphorePermit>);

impl Incoming {
    pub(super) fn new(listeners: Vec<TcpListener>, max_connections: Option<usize>) -> Self {
        let places =
            max_connections.map(|places| Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))));
        Self { listeners, turn: 0, places, pause: None }
    }

    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        let count = self.listeners.len();
        for offset in 0..count {
            let index = (self.turn + offset) % count;
            if let Poll::Ready(accepted) = self.listeners[index].poll_accept(context) {
                self.turn = index + 1;
                return Poll::Ready(accepted.map(|(stream, _)| stream));
            }
        }
        Poll::Pending
    }
}

impl Stream for Incoming {
    type Item = io::Result<Accepted>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(context));
                self.pause = None;
            }
            let Ok(stream) = ready!(self.poll_accept(context)) else {
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
            // Without this option, small replies wait for the acknowledgement of the reply before.
            if stream.set_nodelay(true).is_ok() {
                return Poll::Ready(Some(Ok((stream, place))));
            }
        }
    }
}
