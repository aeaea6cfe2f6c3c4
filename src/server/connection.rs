//! One connection of the server, and its resources: calls, large requests, large replies.

use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tonic::transport::server::Connected;

use super::config::Bounds;

/// Size up to which requests and replies are not counted: the bound on streams bounds them. Counting them
/// would cost each small call two shared counters.
pub(super) const SMALL: usize = 16 << 10;

/// Unit for bytes of replies: KiB, because a semaphore has 32 bits per acquisition.
const REPLY_UNIT: u64 = 1_024;

/// All open connections.
#[derive(Debug)]
pub(super) struct Connections {
    bounds: Bounds,
    opened: AtomicU64,
    open: Mutex<BTreeMap<u64, Weak<Held>>>,
}

/// Connections and calls that were ended without a reply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cut {
    /// Number of connections that were still open.
    pub connections: usize,
    /// Number of calls on them: partly received, in progress, or with an unsent reply.
    pub calls: usize,
}

impl Connections {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, opened: AtomicU64::new(0), open: Mutex::default() }
    }

    /// Creates a connection over this socket. `place` is released when the connection closes.
    pub(super) fn open<C>(
        self: &Arc<Self>,
        socket: C,
        place: Option<OwnedSemaphorePermit>,
    ) -> HeldConnection<C> {
        let held = Arc::new(Held::new(&self.bounds));
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(number, Arc::downgrade(&held));
        HeldConnection { socket, held, number, connections: Arc::clone(self), _place: place }
    }

    /// Returns the connections and calls that would be ended if all connections were closed now.
    pub(super) fn cut(&self) -> Cut {
        let open = self.lock();
        let calls = open.values().filter_map(Weak::upgrade).map(|held| held.calls()).sum();
        Cut { connections: open.len(), calls }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Weak<Held>>> {
        // The map is consistent between any two statements that hold the lock.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Resources that one connection uses. Each call of the connection has this value among its extensions.
#[derive(Debug)]
pub(super) struct Held {
    /// Value cloned by each call: the number of clones is the number of calls.
    calls: Arc<()>,
    request_bytes: AtomicU64,
    most_request_bytes: u64,
    replies: Arc<Semaphore>,
    most_reply_units: u32,
}

/// Bytes of requests, counted until this value is dropped.
#[derive(Debug)]
pub(super) struct RequestBytes {
    held: Arc<Held>,
    bytes: u64,
}

/// Room for a reply, released when the last clone is dropped.
pub(super) type ReplyRoom = Arc<OwnedSemaphorePermit>;

impl Held {
    fn new(bounds: &Bounds) -> Self {
        let units = bounds.reply_bytes.as_bytes().div_ceil(REPLY_UNIT).max(1);
        let most_reply_units = u32::try_from(units).unwrap_or(u32::MAX);
        // At most 2^29 - 1 on a 32-bit machine.
        let permits = usize::try_from(most_reply_units).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self {
            calls: Arc::new(()),
            request_bytes: AtomicU64::new(0),
            most_request_bytes: bounds.request_bytes.as_bytes(),
            replies: Arc::new(Semaphore::new(permits)),
            most_reply_units: u32::try_from(permits).unwrap_or(u32::MAX),
        }
    }

    /// Starts a call of this connection; the call ends when the value is dropped.
    pub(super) fn begin_call(&self) -> Arc<()> {
        Arc::clone(&self.calls)
    }

    fn calls(&self) -> usize {
        Arc::strong_count(&self.calls).saturating_sub(1)
    }

    /// Returns the bound on the bytes of requests.
    pub(super) fn most_request_bytes(&self) -> u64 {
        self.most_request_bytes
    }

    /// Waits until earlier replies have left room for this one, and reserves it. A reply larger than the
    /// whole bound waits until it is the only one. `None` for a small reply.
    pub(super) async fn room_for_reply(&self, bytes: u64) -> Option<ReplyRoom> {
        if bytes <= SMALL as u64 {
            return None;
        }
        let units = u32::try_from(bytes.div_ceil(REPLY_UNIT)).unwrap_or(u32::MAX).min(self.most_reply_units);
        let replies = Arc::clone(&self.replies);
        // The semaphore is never closed.
        replies.acquire_many_owned(units).await.ok().map(Arc::new)
    }
}

impl RequestBytes {
    /// Creates a count of 0 bytes.
    pub(super) fn new(held: Arc<Held>) -> Self {
        Self { held, bytes: 0 }
    }

    /// Sets the count to this total. The error is the connection's bound, if it is exceeded.
    pub(super) fn count(&mut self, bytes: u64) -> Result<(), u64> {
        let more = bytes.saturating_sub(self.bytes);
        self.bytes += more;
        let before = self.held.request_bytes.fetch_add(more, Ordering::Relaxed);
        let most = self.held.most_request_bytes();
        if before.saturating_add(more) > most { Err(most) } else { Ok(()) }
    }
}

impl Drop for RequestBytes {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.held.request_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

/// A socket that is registered among the open connections until it is dropped.
#[derive(Debug)]
pub(super) struct HeldConnection<C> {
    socket: C,
    held: Arc<Held>,
    number: u64,
    connections: Arc<Connections>,
    _place: Option<OwnedSemaphorePermit>,
}

impl<C> Drop for HeldConnection<C> {
    fn drop(&mut self) {
        self.connections.lock().remove(&self.number);
    }
}

impl<C> Connected for HeldConnection<C> {
    type ConnectInfo = Arc<Held>;

    fn connect_info(&self) -> Arc<Held> {
        Arc::clone(&self.held)
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for HeldConnection<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for HeldConnection<C> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Limit;

    fn held(request_bytes: u64, reply_bytes: u64) -> Arc<Held> {
        let bounds = Bounds {
            streams: 10,
            request_bytes: Limit::Bytes(request_bytes),
            reply_bytes: Limit::Bytes(reply_bytes),
        };
        Arc::new(Held::new(&bounds))
    }

    #[test]
    fn request_bytes_are_bounded_and_given_back() {
        let held = held(100_000, 0);
        let mut first = RequestBytes::new(Arc::clone(&held));
        let mut second = RequestBytes::new(Arc::clone(&held));
        assert_eq!(first.count(60_000), Ok(()));
        assert_eq!(first.count(70_000), Ok(()), "in all, not more");
        assert_eq!(second.count(40_000), Err(100_000));
        drop(second);
        assert_eq!(first.count(100_000), Ok(()));
        drop(first);
        assert_eq!(held.request_bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_reply_waits_for_those_before_it_and_one_over_the_bound_is_let_through_alone() {
        let held = held(0, 100 << 10);
        assert!(held.room_for_reply(10).await.is_none(), "small replies are not counted");
        let first = held.room_for_reply(60 << 10).await;
        let mut huge = Box::pin(held.room_for_reply(1 << 30));
        let is_waiting = tokio::select! {
            biased;
            _ = &mut huge => false,
            () = std::future::ready(()) => true,
        };
        assert!(is_waiting);
        drop(first);
        assert!(huge.await.is_some());
    }

    #[test]
    fn what_would_be_cut_is_counted() {
        let connections = Arc::new(Connections::new(Bounds::default()));
        let one = connections.open((), None);
        let other = connections.open((), None);
        let call = one.held.begin_call();
        assert_eq!(connections.cut(), Cut { connections: 2, calls: 1 });
        drop((call, other));
        assert_eq!(connections.cut(), Cut { connections: 1, calls: 0 });
        drop(one);
        assert_eq!(connections.cut(), Cut::default());
    }
}
