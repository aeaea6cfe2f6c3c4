//! Options of a client, and errors of opening a connection.

use std::{io, time::Duration};

use crate::{
    endpoint::{Located, is_lack_of_means},
    load::Plan,
    rpc::{
        Compression,
        metadata::{MetadataError, Pair},
    },
    units::Limit,
};

pub(crate) use crate::endpoint::CONNECT_TIMEOUT;

/// How often a client that waits looks whether an end is wanted: sooner than a person notices.
pub(crate) const INTERRUPT_TICK: Duration = Duration::from_millis(50);

/// What a client is told once, for all its calls.
#[derive(Debug, Clone)]
pub struct Options {
    /// The largest request that it sends, in message bytes.
    pub max_send_message_size: Limit,
    /// The largest reply that it takes, in message bytes.
    pub max_recv_message_size: Limit,
    /// The deadline of each call.
    pub timeout: Option<Duration>,
    /// Sent with each call.
    pub metadata: Vec<Pair>,
    /// How requests are compressed; compressed replies are then taken too.
    pub compression: Option<Compression>,
}

impl Options {
    /// What a plan tells its clients.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        Self {
            max_send_message_size: plan.max_send_message_size(),
            max_recv_message_size: plan.max_recv_message_size(),
            timeout: plan.timeout(),
            metadata: plan.metadata().to_vec(),
            compression: plan.compression(),
        }
    }
}

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
