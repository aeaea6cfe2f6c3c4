//! One call as two values: what it is while it is on its way, and what it has come to.

use tokio::time::Instant;

use super::account::Loss;
use crate::rpc::{Failure, Outcome};

/// A call on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The message that it sends, as an index of the payload.
    pub message: usize,
    /// Whether it is one of the plan's, or belongs to the warm-up.
    pub is_planned: bool,
    /// When it should have started; `None` in a closed loop, and for the warm-up.
    pub intended: Option<Instant>,
    /// When it was given to the client.
    pub sent: Instant,
    /// How often it was given back after it was sent, because the server did not process it.
    pub returned: u8,
}

/// A call that has ended.
#[derive(Debug)]
pub struct Completion {
    /// The call.
    pub call: Call,
    /// When its end became known: the reply was there, and not verified yet where that takes time.
    pub done: Instant,
    /// Its outcome: never shed or unfinished.
    pub outcome: Outcome,
    /// Bytes of its request's body that went to the socket; 0 where the client does not know.
    pub uploaded_bytes: u64,
    /// Whether the client made the status of a failure itself.
    pub is_own_status: bool,
    /// How the connection of a broken call was lost, where the client knows.
    pub loss: Option<Loss>,
}

impl Call {
    /// A call by itself, not part of a run's load, that starts now.
    #[must_use]
    pub fn now(message: usize) -> Self {
        Self { message, is_planned: true, intended: None, sent: Instant::now(), returned: 0 }
    }

    /// Its end, with nothing uploaded.
    #[must_use]
    pub fn end(self, outcome: Outcome, done: Instant) -> Completion {
        Completion { call: self, done, outcome, uploaded_bytes: 0, is_own_status: false, loss: None }
    }

    /// Its end with the connection's.
    #[must_use]
    pub fn broken(self, failure: Failure, done: Instant) -> Completion {
        self.end(Outcome::Broken(Box::new(failure)), done)
    }
}
