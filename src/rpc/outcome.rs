//! The outcome of one call.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::code::Code;
use crate::units::named;

/// Outcome of one call; every planned call has exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The reply had the expected text.
    Answered,
    /// A reply came, with another text.
    WrongReply(Box<Difference>),
    /// The message, or its reply, was over a size limit.
    Refused(Box<Refusal>),
    /// The call ended with a status other than OK.
    Failed(Box<Failure>),
    /// The call's own deadline passed first.
    DeadlineExceeded(Box<Failure>),
    /// The connection was lost, refused or given up, and took the call with it.
    Broken(Box<Failure>),
    /// Never sent: too many calls were in flight.
    Shed,
    /// Still in flight when the drain ended.
    Unfinished,
}

/// An outcome without its details.
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
    /// Whether calls end so with a status other than OK, or with the words for a lost connection.
    #[must_use]
    pub const fn has_status(self) -> bool {
        matches!(self, Self::Failed | Self::DeadlineExceeded | Self::Broken)
    }

    /// Whether calls end so that had no verified reply although they were sent and waited for, their size not
    /// being the reason.
    #[must_use]
    pub const fn is_unverified(self) -> bool {
        self.has_status() || matches!(self, Self::WrongReply)
    }
}

impl Outcome {
    /// It without its details.
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

    /// The words of a server, or of the connection to it, where there are any.
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

/// The side of a call on which a limit fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The caller's.
    Client,
    /// The server's, or that of something in front of it.
    Server,
}

named!(Side, "side", {
    Client => "client",
    Server => "server",
});

/// Message of a call that was over a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// The caller's message.
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
    /// Who refused.
    pub side: Side,
    /// The message that was refused.
    pub direction: Direction,
    /// The size of that message, in message bytes.
    pub message_bytes: u64,
    /// The limit that it was over, in message bytes; `None` when the refusal does not say.
    pub limit_bytes: Option<u64>,
    /// The status of HTTP that came in place of gRPC's, or that the refusal's words name; `None` for a
    /// refusal of gRPC's.
    pub http_status: Option<u16>,
    /// The status that the refusal came with.
    pub code: Code,
    /// The text of that status.
    pub message: String,
}

/// A status other than OK, or the words for a lost connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The status.
    pub code: Code,
    /// Its text; for a lost connection, the whole chain of causes.
    pub message: String,
}

/// Where a reply first differs from the expected text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// Offset of the first differing byte, from 0.
    pub at_byte: u64,
    /// Length of the expected text, in bytes.
    pub expected_bytes: u64,
    /// Length of the text that came, in bytes.
    pub got_bytes: u64,
    /// The expected text from there on, a few characters.
    pub expected: String,
    /// The text that came from there on, a few characters.
    pub got: String,
}

impl Difference {
    /// Where `got` first differs from `expected`; `None` when they are equal.
    #[must_use]
    pub fn between(expected: &str, got: &str) -> Option<Self> {
        if expected == got {
            return None;
        }
        let same = expected.bytes().zip(got.bytes()).take_while(|(left, right)| left == right).count();
        let from_there = |text: &str| {
            // Two different characters may begin with the same byte.
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
