//! What is left of large requests when their calls have ended, and a bound on it.
//!
//! A server may refuse a request and go on reading it, as Node's does. Tonic's client then holds the rest
//! until it is read: 1,500 refused calls of 5 MiB took 6 GB. So large requests wait while there is too much
//! of it, and how long they wait is said.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::Request;
use http_body::{Frame, SizeHint};
use prost::bytes::Bytes;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};
use tonic::{Status, body::Body};

use crate::client::account::UploadWaits;

/// Requests from this size on are watched: a thousand smaller ones must be left for the bound to matter.
const LARGE: u64 = 64 << 10;

/// So much may be left of requests whose calls have ended, on one connection.
const MOST_LEFT: u64 = 64 << 20;

/// A server that reads nothing for this long will not make room: the next request goes all the same.
const NO_PROGRESS: Duration = Duration::from_secs(1);

/// The large requests of one connection. The numbers hand nothing over, so they need no ordering.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    /// Bytes that the transport holds.
    held: AtomicU64,
    /// Bytes of requests whose calls have not ended, whether they are held or sent.
    in_flight: AtomicU64,
    freed: Notify,
    waits: AtomicU64,
    waited_ns: AtomicU64,
}

/// A large request whose call has not ended.
#[derive(Debug)]
pub(super) struct InFlight {
    uploads: Arc<Uploads>,
    bytes: u64,
}

impl Uploads {
    /// Waits for room where the request is large. `None` where it is not.
    pub(super) async fn begin(self: &Arc<Self>, bytes: u64) -> Option<InFlight> {
        if bytes < LARGE {
            return None;
        }
        if self.left() > MOST_LEFT {
            self.wait().await;
        }
        self.in_flight.fetch_add(bytes, Ordering::Relaxed);
        Some(InFlight { uploads: Arc::clone(self), bytes })
    }

    /// How often requests waited, and for how long.
    pub(super) fn waits(&self) -> UploadWaits {
        UploadWaits {
            count: self.waits.load(Ordering::Relaxed),
            time: Duration::from_nanos(self.waited_ns.load(Ordering::Relaxed)),
        }
    }

    /// Of requests whose calls have ended. What calls in flight have sent already is missing from it, so
    /// that it is too little by that at most.
    fn left(&self) -> u64 {
        self.held.load(Ordering::Relaxed).saturating_sub(self.in_flight.load(Ordering::Relaxed))
    }

    async fn wait(&self) {
        let since = Instant::now();
        while self.left() > MOST_LEFT {
            if timeout(NO_PROGRESS, self.freed.notified()).await.is_err() {
                break;
            }
        }
        self.waits.fetch_add(1, Ordering::Relaxed);
        self.waited_ns.fetch_add(crate::units::nanoseconds_of(since.elapsed()), Ordering::Relaxed);
    }
}

impl InFlight {
    /// Has the request's body watched.
    pub(super) fn watch<T>(&self, request: &mut tonic::Request<T>) {
        request.extensions_mut().insert(Watch(Arc::clone(&self.uploads)));
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.uploads.in_flight.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Says in a request whose account its body belongs to.
#[derive(Debug, Clone)]
struct Watch(Arc<Uploads>);

/// Watches the body of a request that asks for it.
pub(super) fn watched(mut request: Request<Body>) -> Request<Body> {
    match request.extensions_mut().remove::<Watch>() {
        Some(Watch(uploads)) => request.map(|body| Body::new(WatchedBody { body, uploads })),
        None => request,
    }
}

struct WatchedBody {
    body: Body,
    uploads: Arc<Uploads>,
}

impl http_body::Body for WatchedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        polled.map_ok(|frame| {
            frame.map_data(|bytes| {
                self.uploads.held.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                Bytes::from_owner(Held { bytes, uploads: Arc::clone(&self.uploads) })
            })
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Bytes that the transport holds until it drops the last part of them.
struct Held {
    bytes: Bytes,
    uploads: Arc<Uploads>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.uploads.held.fetch_sub(self.bytes.len() as u64, Ordering::Relaxed);
        self.uploads.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(uploads: &Arc<Uploads>, bytes: usize) -> Bytes {
        uploads.held.fetch_add(bytes as u64, Ordering::Relaxed);
        Bytes::from_owner(Held { bytes: Bytes::from(vec![0; bytes]), uploads: Arc::clone(uploads) })
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_request_waits_until_what_is_left_of_others_is_gone() {
        let uploads: Arc<Uploads> = Arc::default();
        let call = uploads.begin(65 << 20).await;
        let left = hold(&uploads, 65 << 20);
        // Its own call is in flight: nothing is left over.
        assert_eq!(uploads.left(), 0);
        drop(call);
        assert_eq!(uploads.left(), 65 << 20);
        assert!(uploads.begin(LARGE - 1).await.is_none(), "a small one does not wait");
        let since = Instant::now();
        let part = left.slice(0..10);
        drop(left);
        let waiting = async { uploads.begin(LARGE).await.is_some() };
        let freeing = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            drop(part);
        };
        assert!(tokio::join!(waiting, freeing).0);
        assert_eq!(since.elapsed(), Duration::from_millis(300));
        assert_eq!(uploads.waits(), UploadWaits { count: 1, time: Duration::from_millis(300) });
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_reads_nothing_does_not_stop_the_run() {
        let uploads: Arc<Uploads> = Arc::default();
        let _left = hold(&uploads, 65 << 20);
        let since = Instant::now();
        assert!(uploads.begin(LARGE).await.is_some());
        assert_eq!(since.elapsed(), NO_PROGRESS);
    }
}
