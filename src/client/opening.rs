//! Opening a connection: its time limit and its errors.

use std::{io, time::Duration};

use crate::{
    endpoint::{Located, is_lack_of_means},
    rpc::metadata::MetadataError,
};

/// Interval at which a waiting client checks for a stop request: shorter than a person notices.
pub(crate) const INTERRUPT_TICK: Duration = Duration::from_millis(50);

/// Error of a connection that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The server does not accept the connection.
    #[error("cannot connect to {authority} ({cause})")]
    Connect {
        /// The target as typed.
        authority: String,
        /// The transport's error.
        cause: String,
    },
    /// The system refuses this program a resource that every connection needs.
    #[error("plimsoll cannot connect to {authority}; the cause is this machine, not the server")]
    Means {
        /// The target as typed.
        authority: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A pair of metadata cannot be sent.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

impl OpenError {
    /// Makes the error for a connection that the system could not open.
    pub(crate) fn of(target: &Located, source: io::Error) -> Self {
        let authority = target.authority.clone();
        if is_lack_of_means(&source) {
            Self::Means { authority, source }
        } else {
            Self::Connect { authority, cause: source.to_string() }
        }
    }
}

/// Name and version of this program in the `user-agent` header.
pub(crate) fn user_agent() -> String {
    concat!("plimsoll/", env!("CARGO_PKG_VERSION")).to_owned()
}
