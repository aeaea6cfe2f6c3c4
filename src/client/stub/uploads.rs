//! Unsent rests of large requests whose calls have ended, and a bound on their total size.
//!
//! A server may refuse a request and keep reading it, as Node's does. Tonic's client then holds the rest
//! until the server has read it: 1,500 refused calls of 5 MiB took 6 GB. Large requests therefore wait while
//! the total is over the bound, and the waiting time is reported.

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

/// Smallest request that is watched, in bytes. A thousand smaller requests are needed to reach the bound.
const LARGE: u64 = 64 << 10;

/// Most unsent bytes of requests whose calls have ended, per connection.
const MOST_LEFT: u64 = 64 << 20;

/// Longest wait without progress. A server that reads nothing for this long will not make room, so the next
/// request is sent anyway.
const NO_PROGRESS: Duration = Duration::from_secs(1);

/// Large requests of one connection. The counters synchronise no other data, so relaxed ordering suffices.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    /// Bytes that the transport holds.
    held: AtomicU64,
    /// Bytes of requests whose calls have not ended, held or sent.
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
    /// Waits for room if the request is large. Returns `None` if it is not.
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

    /// Number and total time of the waits.
    pub(super) fn waits(&self) -> UploadWaits {
        UploadWaits {
            count: self.waits.load(Ordering::Relaxed),
            time: Duration::from_nanos(self.waited_ns.load(Ordering::Relaxed)),
        }
    }

    /// Unsent bytes of requests whose calls have ended. The value may be too low, by the bytes that calls in
    /// flight have already sent.
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
    /// Attaches the account to the request, so that its body is watched.
    pub(super) fn watch<T>(&self, request: &mut tonic::Request<T>) {
        request.extensions_mut().insert(Watch(Arc::clone(&self.uploads)));
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.uploads.in_flight.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Request extension with the account to which the body belongs.
#[derive(Debug, Clone)]
struct Watch(Arc<Uploads>);

/// Watches the body of a request that has the extension.
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

/// Bytes that the transport holds until it drops their last part.
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
        // Only the caller's own call is in flight, so nothing is left over.
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
