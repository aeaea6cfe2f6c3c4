//! A finished run, its progress, and errors of driving it.

use std::{
    io,
    time::{Duration, SystemTime},
};

use super::usage::Usage;
use crate::{
    client::{ConnectionAccount, OpenError, UploadWaits},
    measure::{Interval, Outcomes, Recording, Timeline},
};

/// What a run brought to light; the summary is made of it.
#[derive(Debug)]
pub struct Run {
    /// When its measured window began.
    pub started_at: SystemTime,
    /// Length of the measured window.
    pub window: Duration,
    /// Whether the window ended because all calls were made, before its time.
    pub ended_by_count: bool,
    /// Whether it was ended from outside.
    pub is_interrupted: bool,
    /// Everything that was counted.
    pub recording: Recording,
    /// The same, by the second.
    pub timeline: Timeline,
    /// What the window cost.
    pub usage: Usage,
    /// What became of the connections within the window.
    pub connections: ConnectionAccount,
    /// How calls waited, before they were sent, for what was left of refused uploads.
    pub upload_waits: UploadWaits,
}

/// How far a run has come.
#[derive(Debug)]
pub enum Progress<'a> {
    /// All connections stand; the warm-up begins.
    Connected,
    /// The measured window has begun.
    Started,
    /// A second of it is over.
    Second {
        /// Since the start of the window.
        elapsed: Duration,
        /// What happened in this second.
        second: &'a Interval,
        /// Calls in flight at its end.
        in_flight: u64,
        /// What has become of calls since the start of the window.
        so_far: &'a Outcomes,
    },
    /// The window is over; calls in flight are waited for.
    Draining {
        /// Whether the run was interrupted: then the drain is [`INTERRUPTED_DRAIN`](super::INTERRUPTED_DRAIN) at most.
        is_interrupted: bool,
    },
}

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// A connection cannot be made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The system gives no thread, timer or signal.
    #[error("cannot set up the generator")]
    Setup(#[from] io::Error),
    /// The plan was read from a document.
    #[error(
        "this plan has no messages: it was read from a document, which does not hold texts; make it from settings"
    )]
    NoMessages,
    /// A worker panicked.
    #[error(
        "a worker of the generator panicked: this is a defect of plimsoll; please report it with the lines above"
    )]
    Panicked,
}
