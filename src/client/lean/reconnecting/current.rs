//! What a call that starts now has before it.

use std::time::Duration;

use tokio::time::Instant;

use super::socket::Socket;
use crate::{client::Call, rpc::Failure};

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

impl Current {
    /// When something is due, where a call may take `timeout`.
    pub(super) fn next_turn(&self, timeout: Option<Duration>) -> Option<Instant> {
        match self {
            Self::Socket(line) => {
                [line.ready_by, line.connection.next_deadline()].into_iter().flatten().min()
            }
            Self::Failed { at, .. } => Some(*at),
            Self::Held { until, calls } => {
                let deadline = |call: &Call| timeout.and_then(|timeout| call.sent.checked_add(timeout));
                calls.iter().filter_map(deadline).chain([*until]).min()
            }
            Self::Down { until, .. } => Some(*until),
        }
    }
}

/// A wait that doubles each time, up to a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff(Duration);

impl Backoff {
    const FIRST: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_secs(1);

    pub(crate) fn new() -> Self {
        Self(Self::FIRST)
    }

    /// The wait that is due now; the next one is twice as long.
    pub(crate) fn take(&mut self) -> Duration {
        let longer = (self.0 * 2).min(Self::LONGEST);
        std::mem::replace(&mut self.0, longer)
    }
}
