//! State of the connection on which new calls start.

use std::time::Duration;

use tokio::time::Instant;

use super::socket::Socket;
use crate::{client::Call, rpc::Failure};

/// State of the connection on which new calls start.
#[derive(Debug)]
pub(super) enum Current {
    Socket(Box<Socket>),
    /// An attempt to connect has failed. Its calls, and calls that start before the next turn, are broken
    /// with this failure.
    Failed {
        at: Instant,
        failure: Failure,
        calls: Vec<Call>,
    },
    /// The server accepts connections and ends them before it takes a call. Calls wait until the next
    /// attempt.
    Held {
        until: Instant,
        calls: Vec<Call>,
    },
    /// There is no connection: the time of the next attempt, and the failure of the last one.
    Down {
        until: Instant,
        failure: Failure,
    },
}

impl Current {
    /// Time of the next due action, with `timeout` as the deadline of calls.
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

/// A wait that doubles each time, from 10 ms up to 1 s.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff(Duration);

impl Backoff {
    const FIRST: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_secs(1);

    pub(crate) fn new() -> Self {
        Self(Self::FIRST)
    }

    /// Returns the current wait; the next one is twice as long.
    pub(crate) fn take(&mut self) -> Duration {
        let longer = (self.0 * 2).min(Self::LONGEST);
        std::mem::replace(&mut self.0, longer)
    }
}
