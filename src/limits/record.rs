//! What was found of one limit.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::probe::{Got, Probed, Survivors};
use crate::{
    outcome::{Direction, Side},
    units::nanoseconds_of,
};

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitRecord {
    /// Whose it is.
    pub side: Side,
    /// Of which message.
    pub direction: Direction,
    /// What came of the search.
    pub state: State,
    /// The largest message that passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_passed_bytes: Option<u64>,
    /// The smallest message that was refused. No text makes a size between the two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smallest_refused_bytes: Option<u64>,
    /// The limit itself, where it is known to the byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    /// The limit that refusals name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named_bytes: Option<u64>,
    /// Up to where it was looked for, where it was not reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub searched_to_bytes: Option<u64>,
    /// The name of the code that refusals came with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The text, or what was seen instead of a status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How a refusal was known to be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Whether a later call on the same connection was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_survived: Option<bool>,
    /// Whether a call was answered that was under way on the same connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbour_survived: Option<bool>,
    /// From the send to the refusal: the median of a few.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal_ns: Option<u64>,
    /// What had been uploaded in vain by then, prefix included: the median of a few.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploaded_bytes: Option<u64>,
    /// Which bytes it counts of compressed messages; absent where nobody asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub compressed: Option<Compressed>,
    /// Whether whole messages showed it, and not prefixes alone.
    pub confirmed: bool,
    /// Connections that were made for it, with a call or a few on each.
    pub probes: u32,
    /// How long the search took.
    pub elapsed_ns: u64,
    /// What else is to be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How a limit takes compressed messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compressed {
    /// Which bytes it counts.
    pub counts: Counts,
    /// The name of the code that a message is refused with which is over it only when it is decompressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Which bytes of a compressed message a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// Those that are sent: a message that decompresses to more passes.
    Compressed,
    /// Those that they stand for.
    Decompressed,
    /// Both: either must be within it.
    Both,
    /// None of the two.
    Neither,
    /// Nobody compresses such messages.
    NotCompressed,
    /// Calls ended in another way.
    Unknown,
}

impl Compressed {
    pub(super) fn of(counts: Counts, got: &Got) -> Self {
        let (code, message) = match got {
            Got::Refused(refusal) => (Some(refusal.code), Some(refusal.message.clone())),
            Got::Ended(failure, _) => (Some(failure.code), Some(failure.message.clone())),
            Got::Reply { .. } | Got::Silence => (None, None),
        };
        Self { counts, code: code.map(|code| code.name().to_owned()), message }
    }
}

/// What came of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The edge is known.
    Found,
    /// Everything passed that could be tried.
    NotReached,
    /// Another limit comes first.
    Hidden,
    /// The client has no such limit.
    Unset,
    /// Answers contradict each other: there is no one limit.
    Unstable,
    /// The search did not come to its end.
    Unfinished,
}

/// How a refusal was known to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

impl LimitRecord {
    pub(super) fn of(side: Side, direction: Direction) -> Self {
        Self {
            side,
            direction,
            state: State::Unfinished,
            largest_passed_bytes: None,
            smallest_refused_bytes: None,
            limit_bytes: None,
            named_bytes: None,
            searched_to_bytes: None,
            code: None,
            message: None,
            cause: None,
            connection_survived: None,
            neighbour_survived: None,
            refusal_ns: None,
            uploaded_bytes: None,
            compressed: None,
            confirmed: false,
            probes: 0,
            elapsed_ns: 0,
            detail: None,
        }
    }

    /// What is known until now.
    pub(super) fn so_far(&mut self, passed: Option<u64>, refused: Option<u64>) {
        self.largest_passed_bytes = passed;
        self.smallest_refused_bytes = refused;
    }

    /// There is no one limit.
    pub(super) fn unstable(&mut self, what: &str) {
        self.state = State::Unstable;
        self.largest_passed_bytes = None;
        self.smallest_refused_bytes = None;
        self.detail = Some(what.to_owned());
    }

    /// How it refuses.
    pub(super) fn refused_as(&mut self, refusals: &[(Probed, Survivors)]) {
        let median = |mut values: Vec<u64>| {
            values.sort_unstable();
            values.get(values.len() / 2).copied()
        };
        self.refusal_ns = median(refusals.iter().map(|(probed, _)| nanoseconds_of(probed.took)).collect());
        self.uploaded_bytes =
            median(refusals.iter().filter_map(|(probed, _)| probed.uploaded_bytes).collect());
        let Some((first, _)) = refusals.first() else { return };
        self.connection_survived = Some(refusals.iter().all(|(_, survivors)| survivors.connection));
        self.neighbour_survived = Some(refusals.iter().all(|(_, survivors)| survivors.neighbour));
        let (code, message, cause) = match &first.got {
            Got::Refused(refusal) => {
                let cause = if refusal.http_status.is_some() { Cause::HttpStatus } else { Cause::Words };
                (Some(refusal.code), Some(refusal.message.clone()), cause)
            }
            Got::Ended(failure, cause) => (Some(failure.code), Some(failure.message.clone()), *cause),
            Got::Reply { .. } | Got::Silence => (None, None, Cause::Silence),
        };
        self.code = code.map(|code| code.name().to_owned());
        self.message = message;
        self.cause = Some(cause);
    }

    /// The largest size that is within it, where it was found.
    pub(super) fn lowest(&self) -> Option<u64> {
        let found = self.limit_bytes.or(self.largest_passed_bytes);
        found.filter(|_| self.state == State::Found)
    }

    /// How long a refusal takes, if there was one.
    #[must_use]
    pub fn refusal_time(&self) -> Option<Duration> {
        self.refusal_ns.map(Duration::from_nanos)
    }
}
