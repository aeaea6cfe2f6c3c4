//! One call as two values: [`Call`] while in flight, [`Completion`] after its end.

use tokio::time::Instant;

use super::account::Loss;
use crate::rpc::{Failure, Outcome};

/// A call in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Message of the call, as an index of the payload.
    pub message: usize,
    /// Row of the result that counts the call: the class of its message.
    pub class: u8,
    /// True if the call is planned; false for calls of the warm-up.
    pub is_planned: bool,
    /// Intended start; `None` in a closed loop and in the warm-up.
    pub intended: Option<Instant>,
    /// Time at which the client received the call.
    pub sent: Instant,
    /// Number of times that the call was sent and given back because the server did not process it.
    pub returned: u8,
}

/// A call that has ended.
#[derive(Debug)]
pub struct Completion {
    /// The call.
    pub call: Call,
    /// Time at which the end of the call became known. The reply has arrived; its verification may follow.
    pub done: Instant,
    /// Outcome of the call: never shed or unfinished.
    pub outcome: Outcome,
    /// Body bytes of the request that were written to the socket; 0 if the client does not know.
    pub uploaded_bytes: u64,
    /// Message bytes of the reply, as far as they arrived: decompressed.
    pub reply_bytes: u64,
    /// True if the client made the status of a failure itself.
    pub is_own_status: bool,
    /// Way in which the call lost its connection, if it was broken and the client knows.
    pub loss: Option<Loss>,
}

impl Call {
    /// Makes a single call that starts now and is not part of a run's load.
    #[must_use]
    pub fn now(message: usize) -> Self {
        Self { message, class: 0, is_planned: true, intended: None, sent: Instant::now(), returned: 0 }
    }

    /// Ends the call with this outcome and nothing uploaded.
    #[must_use]
    pub fn end(self, outcome: Outcome, done: Instant) -> Completion {
        Completion {
            call: self,
            done,
            outcome,
            uploaded_bytes: 0,
            reply_bytes: 0,
            is_own_status: false,
            loss: None,
        }
    }

    /// Ends the call as broken, because its connection was lost.
    #[must_use]
    pub fn broken(self, failure: Failure, done: Instant) -> Completion {
        self.end(Outcome::Broken(Box::new(failure)), done)
    }
}
