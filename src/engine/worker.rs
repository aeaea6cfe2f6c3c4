//! A worker: one thread of the generator, on one core. It waits for the time or for a free slot, makes calls,
//! and records them.
//!
//! Its account of calls and time is its `worker_run`. One of two loops waits and makes calls: `lean_loop`,
//! over the sockets of the lean client, or `tokio_loop`, with tasks on a runtime for the stub.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{
    client::{ConnectionAccount, UploadWaits},
    load::Plan,
    measure::{Interval, LoopAccount, Recording, ThreadTime},
};

/// Longest drain of an interrupted run: time for replies that are on their way.
pub const INTERRUPTED_DRAIN: Duration = Duration::from_secs(1);

/// Order of the driver to its workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Connections are being made.
    Wait,
    /// Start the run: the measured window starts at this instant, the warm-up before it.
    Run(Instant),
    /// End the window, and wait for calls in flight.
    Drain,
    /// End at once, without waiting.
    Leave,
}

/// Counters that all workers of a run share. The numbers synchronise no other data, so relaxed ordering
/// suffices.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Number of calls started in a counted closed loop.
    pub(super) started: AtomicU64,
    /// Number of calls in flight in an open loop.
    pub(super) in_flight: AtomicU64,
}

/// Inputs of a worker, except for its connections.
pub(crate) struct Work {
    pub(crate) plan: Arc<Plan>,
    /// Length of the intervals that it reports.
    pub(crate) interval: Duration,
    /// Index of the worker, from 0.
    pub(crate) index: usize,
    pub(crate) shared: Arc<Counters>,
    pub(crate) orders: watch::Receiver<Order>,
    pub(crate) reports: mpsc::UnboundedSender<Report>,
}

/// Reason why a worker's window ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The window's time was over.
    Time,
    /// The last call of a counted plan was started.
    Count,
    /// The driver ordered the end.
    Order,
}

/// Message of a worker to the driver while it works.
#[derive(Debug)]
pub(crate) enum Report {
    /// The worker has its connections, and waits for the start.
    Ready,
    /// The worker has no connection, and has ended.
    Failed,
    /// An interval has ended; the report contains its calls.
    Interval(Box<EndedInterval>),
    /// The worker's window is over; calls may still be in flight.
    WindowOver,
}

/// An interval of a worker's window; the last one may be shorter.
#[derive(Debug)]
pub(crate) struct EndedInterval {
    /// Number of the interval since the start of the window, from 0.
    pub(crate) index: u64,
    /// Number of intervals after it in which the worker did not run: no call ended, and all stayed in flight.
    pub(crate) skipped: u64,
    pub(crate) interval: Interval,
}

/// Result of a worker.
#[derive(Debug)]
pub(crate) struct WorkerResult {
    pub(crate) recording: Recording,
    /// Length of this worker's window.
    pub(crate) window: Duration,
    /// CPU time of the worker's thread within the window.
    pub(crate) thread: Option<ThreadTime>,
    /// The loop's account of the window; `None` if calls are tasks.
    pub(crate) in_loop: Option<LoopAccount>,
    /// Waits of its calls for the unsent rest of refused uploads.
    pub(crate) upload_waits: UploadWaits,
    /// Account of its connections within the window.
    pub(crate) connections: ConnectionAccount,
    /// Lengths of the TLS handshakes of its connections, from the first one on.
    pub(crate) handshakes: Vec<Duration>,
    /// True if the window ended early because all calls were made.
    pub(crate) ended_by_count: bool,
}
