//! The outcome of one call.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::code::Code;
use crate::units::{hexadecimal, named};

/// Bytes of a difference that are shown.
const SHOWN_BYTES: usize = 8;

/// Outcome of one call. Every planned call has exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Answered: the reply passed the plan's check.
    Answered,
    /// Wrong reply: the reply has other contents than expected.
    WrongReply(Box<Difference>),
    /// Refused: the request or the reply is over a size limit.
    Refused(Box<Refusal>),
    /// Failed: the call ended with a status other than OK.
    Failed(Box<Failure>),
    /// Deadline exceeded: the call's own deadline passed first.
    DeadlineExceeded(Box<Failure>),
    /// Broken: the connection was lost, refused or given up while the call was on it.
    Broken(Box<Failure>),
    /// Shed: never sent, because too many calls were in flight.
    Shed,
    /// Unfinished: still in flight when the drain ended.
    Unfinished,
}

/// The kind of an outcome, without details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeKind {
    /// [`Outcome::Answered`].
    Answered,
    /// [`Outcome::WrongReply`].
    WrongReply,
    /// [`Outcome::Refused`].
    Refused,
    /// [`Outcome::Failed`].
    Failed,
    /// [`Outcome::DeadlineExceeded`].
    DeadlineExceeded,
    /// [`Outcome::Broken`].
    Broken,
    /// [`Outcome::Shed`].
    Shed,
    /// [`Outcome::Unfinished`].
    Unfinished,
}

named!(OutcomeKind, "outcome", {
    Answered => "answered",
    WrongReply => "wrong_reply",
    Refused => "refused",
    Failed => "failed",
    DeadlineExceeded => "deadline_exceeded",
    Broken => "broken",
    Shed => "shed",
    Unfinished => "unfinished",
});

impl OutcomeKind {
    /// Returns true if this outcome has a status other than OK, or the error text of a lost connection.
    #[must_use]
    pub const fn has_status(self) -> bool {
        matches!(self, Self::Failed | Self::DeadlineExceeded | Self::Broken)
    }

    /// Returns true if calls with this outcome were sent and waited for, had no verified reply, and were not
    /// over a size limit.
    #[must_use]
    pub const fn is_unverified(self) -> bool {
        self.has_status() || matches!(self, Self::WrongReply)
    }
}

impl Outcome {
    /// The kind of the outcome, without details.
    #[must_use]
    pub const fn kind(&self) -> OutcomeKind {
        match self {
            Self::Answered => OutcomeKind::Answered,
            Self::WrongReply(_) => OutcomeKind::WrongReply,
            Self::Refused(_) => OutcomeKind::Refused,
            Self::Failed(_) => OutcomeKind::Failed,
            Self::DeadlineExceeded(_) => OutcomeKind::DeadlineExceeded,
            Self::Broken(_) => OutcomeKind::Broken,
            Self::Shed => OutcomeKind::Shed,
            Self::Unfinished => OutcomeKind::Unfinished,
        }
    }

    /// The server's or the connection's error text, if there is any.
    pub(crate) fn message_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Refused(refusal) => Some(&mut refusal.message),
            Self::Failed(failure) | Self::DeadlineExceeded(failure) | Self::Broken(failure) => {
                Some(&mut failure.message)
            }
            Self::Answered | Self::WrongReply(_) | Self::Shed | Self::Unfinished => None,
        }
    }
}

/// Side of a call whose size limit refused a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The caller's side.
    Client,
    /// The server's side, or something in front of the server.
    Server,
}

named!(Side, "side", {
    Client => "client",
    Server => "server",
});

/// Direction of the message that was over a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// The request.
    Request,
    /// The reply.
    Response,
}

named!(Direction, "direction", {
    Request => "request",
    Response => "response",
});

/// A message over a size limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The side that refused.
    pub side: Side,
    /// The direction of the refused message.
    pub direction: Direction,
    /// The size of the refused message, in message bytes.
    pub message_bytes: u64,
    /// The exceeded limit, in message bytes; `None` if the refusal does not contain it.
    pub limit_bytes: Option<u64>,
    /// The HTTP status that came in place of a gRPC status, or that the refusal's text names. `None` for a
    /// gRPC refusal.
    pub http_status: Option<u16>,
    /// The status code of the refusal.
    pub code: Code,
    /// The text of the status.
    pub message: String,
}

/// A status other than OK, or the error text of a lost connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The status code.
    pub code: Code,
    /// The status text; for a lost connection, the whole chain of causes.
    pub message: String,
}

/// First difference between a reply and the expected one: of texts, of messages as JSON, or of bytes as hexadecimal
/// digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// Offset of the first differing byte, from 0.
    pub at_byte: u64,
    /// Length of the expected text, in bytes.
    pub expected_bytes: u64,
    /// Length of the received text, in bytes.
    pub got_bytes: u64,
    /// The first characters of the expected text from the difference on.
    pub expected: String,
    /// The first characters of the received text from the difference on.
    pub got: String,
}

impl Difference {
    /// Returns the first difference between two messages, or `None` if they are the same bytes.
    pub(crate) fn of_bytes(expected: &[u8], got: &[u8]) -> Option<Self> {
        let same = expected.iter().zip(got).take_while(|(left, right)| left == right).count();
        let shown = |bytes: &[u8]| hexadecimal(&bytes[same..bytes.len().min(same + SHOWN_BYTES)]);
        (expected != got).then(|| Self {
            at_byte: same as u64,
            expected_bytes: expected.len() as u64,
            got_bytes: got.len() as u64,
            expected: shown(expected),
            got: shown(got),
        })
    }

    /// Returns the first difference between the two texts, or `None` if they are equal.
    #[must_use]
    pub fn between(expected: &str, got: &str) -> Option<Self> {
        if expected == got {
            return None;
        }
        let same = expected.bytes().zip(got.bytes()).take_while(|(left, right)| left == right).count();
        let from_there = |text: &str| {
            // Two different characters may begin with the same byte, so the start moves back to a character
            // boundary.
            let start = (0..=same.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text[start..].chars().take(16).collect()
        };
        Some(Self {
            at_byte: same as u64,
            expected_bytes: expected.len() as u64,
            got_bytes: got.len() as u64,
            expected: from_there(expected),
            got: from_there(got),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_have_the_names_of_the_specification() {
        assert_eq!(Code::from_number(8).name(), "RESOURCE_EXHAUSTED");
        assert_eq!(Code::from_number(16).name(), "UNAUTHENTICATED");
        assert_eq!(Code::from_number(99), Code::UNKNOWN);
    }

    #[test]
    fn a_difference_shows_where_it_is() {
        let difference = Difference::between("HELLO, WORLD", "HELLO, w").expect("they differ");
        assert_eq!(difference.at_byte, 7);
        assert_eq!((difference.expected.as_str(), difference.got.as_str()), ("WORLD", "w"));
    }

    proptest! {
        #[test]
        fn equal_texts_alone_have_no_difference(left in "[aä火]{0,5}", right in "[aä火]{0,5}") {
            prop_assert_eq!(Difference::between(&left, &right).is_none(), left == right);
        }
    }
}
