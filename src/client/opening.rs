//! Opening a connection: how long it may take, and its errors.

use std::{io, time::Duration};

pub(crate) use crate::endpoint::CONNECT_TIMEOUT;
use crate::{
    endpoint::{Located, is_lack_of_means},
    rpc::metadata::MetadataError,
};

/// How often a client that waits looks whether an end is wanted: sooner than a person notices.
pub(crate) const INTERRUPT_TICK: Duration = Duration::from_millis(50);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The server does not accept one.
    #[error("cannot connect to {authority} ({cause})")]
    Connect {
        /// The target as it was written.
        authority: String,
        /// What the transport said.
        cause: String,
    },
    /// The system refuses this program a means that every connection needs.
    #[error("plimsoll cannot connect to {authority}: this is no failure of the server")]
    Means {
        /// The target as it was written.
        authority: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A pair of metadata cannot be sent.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

impl OpenError {
    /// A connection that the system does not make.
    pub(crate) fn of(target: &Located, source: io::Error) -> Self {
        let authority = target.authority.clone();
        if is_lack_of_means(&source) {
            Self::Means { authority, source }
        } else {
            Self::Connect { authority, cause: source.to_string() }
        }
    }
}

/// What this program calls itself.
pub(crate) fn user_agent() -> String {
    concat!("plimsoll/", env!("CARGO_PKG_VERSION")).to_owned()
}
