//! One core of the generator: waits for the time or for a free slot, calls, records.
//!
//! Its account of calls and of time is its `worker_run`. One of two waits and calls: `lean_loop`, over the sockets
//! of the lean client, or `tokio_loop`, with tasks on a runtime for the stub.

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

/// The longest drain of a run that was interrupted: time for replies that are on their way.
pub const INTERRUPTED_DRAIN: Duration = Duration::from_secs(1);

/// Order of the driver to its workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Connections are being made.
    Wait,
    /// The measured window starts at this instant, the warm-up before it.
    Run(Instant),
    /// The window is over: calls in flight are waited for.
    Drain,
    /// Do not wait any longer.
    Leave,
}

/// Counters that all workers of a run share. Nothing is handed over through these numbers, so they need no
/// ordering among each other.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Calls of a closed loop that is counted: how many were started.
    pub(super) started: AtomicU64,
    /// Calls of an open loop: how many are in flight.
    pub(super) in_flight: AtomicU64,
}

/// Means of a worker besides its connections.
pub(crate) struct Work {
    pub(crate) plan: Arc<Plan>,
    /// From 0.
    pub(crate) index: usize,
    pub(crate) shared: Arc<Counters>,
    pub(crate) orders: watch::Receiver<Order>,
    pub(crate) reports: mpsc::UnboundedSender<Report>,
}

/// Reason why a worker's window ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Its time was over.
    Time,
    /// The last call of a counted plan was started.
    Count,
    /// The driver said so.
    Order,
}

/// Message of a worker to the driver while it works.
#[derive(Debug)]
pub(crate) enum Report {
    /// It has connections, and waits for the start.
    Ready,
    /// It has no connection, and is gone.
    Failed,
    /// A second is over: what happened in it.
    Second(Box<Second>),
    /// Its window is over; calls may still be in flight.
    WindowOver,
}

/// A second of a worker's work, or less for its last.
#[derive(Debug)]
pub(crate) struct Second {
    /// From 0, since the start of the window.
    pub(crate) index: u64,
    pub(crate) interval: Interval,
    /// Calls in flight at its end.
    pub(crate) in_flight: u64,
}

/// Result of a worker.
#[derive(Debug)]
pub(crate) struct WorkerResult {
    pub(crate) recording: Recording,
    /// When this worker's window ended, since its start.
    pub(crate) window: Duration,
    /// The thread's time within the window.
    pub(crate) thread: Option<ThreadTime>,
    /// The loop's account of the window; `None` where calls are tasks.
    pub(crate) in_loop: Option<LoopAccount>,
    /// How its calls waited for what was left of refused uploads.
    pub(crate) upload_waits: UploadWaits,
    /// Account of its connections within the window.
    pub(crate) connections: ConnectionAccount,
    /// Whether it ended because all calls were made, before its time.
    pub(crate) ended_by_count: bool,
}
