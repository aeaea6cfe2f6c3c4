//! Errors of driving a run.

use std::io;

use crate::client::OpenError;

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
