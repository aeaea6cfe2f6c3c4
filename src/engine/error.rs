//! Errors of a run.

use std::io;

use super::start::StartError;
use crate::client::OpenError;

/// Error of a run that could not be made or completed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriveError {
    /// A connection cannot be made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The system provides no thread, timer or signal.
    #[error("cannot set up the generator")]
    Setup(#[from] io::Error),
    /// The plan was read from a document.
    #[error(
        "this plan has no messages: it was read from a document, which does not hold texts; make it from settings"
    )]
    NoMessages,
    /// The agreed start is not possible.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A worker panicked.
    #[error(
        "a worker of the generator panicked: this is a defect of plimsoll; please report it with the lines above"
    )]
    Panicked,
}
