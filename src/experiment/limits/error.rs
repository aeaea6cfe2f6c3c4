//! Errors of a search for limits.

use std::io;

use crate::client::OpenError;

/// Reason why a search for limits could not start, or could not finish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LimitsError {
    /// The server no longer accepts connections.
    #[error("{target} accepts no connections any more")]
    Gone {
        /// The target, as on the command line.
        target: String,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The server does not answer even a small call.
    #[error("{target} does not answer a small call: {what}")]
    Mute {
        /// The target, as on the command line.
        target: String,
        /// Text of the server's answer.
        what: String,
    },
    /// The stub client cannot connect, or cannot send the metadata.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The search was stopped from outside.
    #[error("interrupted")]
    Interrupted,
    /// The operating system refused to create a runtime.
    #[error("cannot set up the client")]
    Setup(#[source] io::Error),
}

pub(super) fn causes(error: &LimitsError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
