//! Errors of looking for limits.

use std::io;

use crate::client::OpenError;

/// Why limits could not be looked for, or not to the end.
#[derive(Debug, thiserror::Error)]
pub enum LimitsError {
    /// The server does not accept connections any more.
    #[error("{target} accepts no connections any more")]
    Gone {
        /// The target as it was written.
        target: String,
        /// What the system said.
        source: io::Error,
    },
    /// It answers not even a small call.
    #[error("{target} does not answer a small call: {what}")]
    Mute {
        /// The target as it was written.
        target: String,
        /// What it said.
        what: String,
    },
    /// The stub client cannot connect, or send the metadata.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Somebody wanted an end.
    #[error("interrupted")]
    Interrupted,
    /// The system gives no runtime.
    #[error("cannot set up the client")]
    Setup(#[source] io::Error),
}

pub(super) fn causes(error: &LimitsError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
