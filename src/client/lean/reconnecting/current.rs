//! What a call that starts now has before it.

use std::time::Duration;

use tokio::time::Instant;

use super::socket::Socket;
use crate::{client::lean::streams::Call, rpc::Failure};

/// State of the connection that new calls start on.
#[derive(Debug)]
pub(super) enum Current {
    Socket(Box<Socket>),
    /// An attempt to connect has failed: calls that it carried, and those that start before the next turn,
    /// are broken with this.
    Failed {
        at: Instant,
        failure: Failure,
        calls: Vec<Call>,
    },
    /// The server takes connections and ends them before it takes a call. Calls wait until the next attempt.
    Held {
        until: Instant,
        calls: Vec<Call>,
    },
    /// No connection: the next attempt, and why the last one failed.
    Down {
        until: Instant,
        failure: Failure,
    },
}

/// A wait that doubles each time, up to a second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff(Duration);

impl Backoff {
    const FIRST: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_secs(1);

    pub(super) fn new() -> Self {
        Self(Self::FIRST)
    }

    /// The wait that is due now; the next one is twice as long.
    pub(super) fn take(&mut self) -> Duration {
        let longer = (self.0 * 2).min(Self::LONGEST);
        std::mem::replace(&mut self.0, longer)
    }
}
