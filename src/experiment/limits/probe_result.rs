//! Results of probes.

use std::time::Duration;

use crate::{
    rpc::{Failure, HTTP_WORDS, Outcome, RESET_WORDS, Refusal},
    units::named,
};

/// How long a whole message is waited for that nothing is known of: 64 MiB through the slowest server that was
/// measured took 2 s, and a link may have a few MiB a second.
pub(super) fn longest(message_bytes: u64) -> Duration {
    const BYTES_PER_SECOND: u64 = 2 << 20;
    Duration::from_secs(5) + Duration::from_millis(message_bytes.saturating_mul(1_000) / BYTES_PER_SECOND)
}

/// What came of a probe.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ProbeAnswer {
    /// The server took the message and replied.
    Reply {
        /// Whether with the text in upper case.
        is_right: bool,
    },
    /// A size refusal, recognised by its words.
    Refused(Refusal),
    /// The call ended in another way.
    Ended(Failure, Cause),
    /// Nothing, for as long as it was waited.
    Silence,
}

/// A probe that is over.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ProbeResult {
    pub(super) got: ProbeAnswer,
    /// From the send.
    pub(super) took: Duration,
    /// Bytes of prefix and message that went to the socket, where that is known.
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
    /// What a call that ended badly has in common with others like it: everything but numbers.
    pub(super) fn likeness(&self) -> Option<String> {
        let Self::Ended(failure, _) = self else { return None };
        let words: String = failure.message.chars().filter(|character| !character.is_ascii_digit()).collect();
        Some(format!("{} {words}", failure.code))
    }
}

/// How a refusal was known to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The words of its status.
    Words,
    /// A status in words that nobody knows, which begins at a certain size.
    Status,
    /// A status that the client made itself, in words that do not say why.
    OwnStatus,
    /// A status of HTTP's.
    HttpStatus,
    /// The stream was reset.
    StreamReset,
    /// The connection was lost.
    ConnectionLost,
    /// There was no answer.
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
