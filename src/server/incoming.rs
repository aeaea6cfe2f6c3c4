//! Connections from all listeners, as one stream, up to a number open at once.

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

/// After a failed accept, mostly for want of file descriptors: time for some to come free.
const PAUSE: Duration = Duration::from_millis(20);

pub(super) struct Incoming {
    listeners: Vec<TcpListener>,
    /// Which listener is asked first, so that none starves the others.
    turn: usize,
    places: Option<Arc<Semaphore>>,
    pause: Option<Pin<Box<Sleep>>>,
}

/// A socket with its place among those open at once, where their number is bounded.
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
                    // Closed at once: the caller sees it, where a place in a queue would look like a hang.
                    Err(_) => continue,
                },
            };
            // Without it, small replies wait for the acknowledgement of the one before.
            if stream.set_nodelay(true).is_ok() {
                return Poll::Ready(Some(Ok((stream, place))));
            }
        }
    }
}
