//! The progress of a run, and errors of driving it.

use std::{io, time::Duration};

use crate::{
    client::OpenError,
    measure::{Interval, Outcomes},
};

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
