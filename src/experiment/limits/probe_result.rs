//! Results of probes.

use std::time::Duration;

use crate::{
    rpc::{Failure, HTTP_WORDS, Outcome, RESET_WORDS, Refusal},
    units::named,
};

/// Returns the longest wait for a whole message of an unknown server. 64 MiB through the slowest measured
/// server took 2 s, and a link may carry only a few MiB per second.
pub(super) fn longest(message_bytes: u64) -> Duration {
    const BYTES_PER_SECOND: u64 = 2 << 20;
    Duration::from_secs(5) + Duration::from_millis(message_bytes.saturating_mul(1_000) / BYTES_PER_SECOND)
}

/// Answer to a probe.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ProbeAnswer {
    /// The server accepted the message and replied.
    Reply {
        /// True if the reply is the text in upper case.
        is_right: bool,
    },
    /// A size refusal, recognised by its words.
    Refused(Refusal),
    /// Any other end of the call.
    Ended(Failure, Cause),
    /// No answer within the waiting time.
    Silence,
}

/// A finished probe.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ProbeResult {
    pub(super) got: ProbeAnswer,
    /// Time since the send.
    pub(super) took: Duration,
    /// Bytes of prefix and message written to the socket, if known.
    pub(super) uploaded_bytes: Option<u64>,
}

impl From<Outcome> for ProbeAnswer {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Answered => Self::Reply { is_right: true },
            Outcome::WrongReply(_) => Self::Reply { is_right: false },
            Outcome::Refused(refusal) => Self::Refused(*refusal),
            Outcome::Broken(failure) => Self::Ended(*failure, Cause::ConnectionLost),
            Outcome::Failed(failure) | Outcome::DeadlineExceeded(failure) => {
                let cause = if failure.message.starts_with(RESET_WORDS) {
                    Cause::StreamReset
                } else if failure.message.starts_with(HTTP_WORDS) {
                    Cause::HttpStatus
                } else {
                    Cause::Status
                };
                Self::Ended(*failure, cause)
            }
            Outcome::Shed | Outcome::Unfinished => Self::Silence,
        }
    }
}

impl ProbeAnswer {
    /// Returns the common part of similar failures: the code and the message, without digits.
    pub(super) fn likeness(&self) -> Option<String> {
        let Self::Ended(failure, _) = self else { return None };
        let words: String = failure.message.chars().filter(|character| !character.is_ascii_digit()).collect();
        Some(format!("{} {words}", failure.code))
    }
}

/// Evidence that an answer is a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Known words of its status.
    Words,
    /// A status in unknown words, starting at a certain size.
    Status,
    /// A status that the client made itself, in words without a reason.
    OwnStatus,
    /// An HTTP status.
    HttpStatus,
    /// A stream reset.
    StreamReset,
    /// A lost connection.
    ConnectionLost,
    /// No answer.
    Silence,
}

named!(Cause, "cause", {
    Words => "words",
    Status => "status",
    OwnStatus => "own_status",
    HttpStatus => "http_status",
    StreamReset => "stream_reset",
    ConnectionLost => "connection_lost",
    Silence => "silence",
});
