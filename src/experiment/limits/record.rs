//! What was found of one limit.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    error::LimitsError,
    probe_result::{Cause, ProbeAnswer, ProbeResult},
    survival::{self, Survivors},
};
use crate::{
    rpc::{Direction, Side},
    statistics::upper_median,
    units::{grouped, named, nanoseconds_of},
};

/// How often a refusal is timed.
pub(super) const REFUSALS: usize = 3;

/// A size as it stands in words.
pub(super) fn bytes(size: u64) -> String {
    format!("{} bytes", grouped(size))
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LimitRecord {
    /// Whose it is.
    pub side: Side,
    /// Of which message.
    pub direction: Direction,
    /// What came of the search.
    pub state: State,
    /// The largest message that was sent whole and passed. A length that was only claimed is never here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_passed_bytes: Option<u64>,
    /// The smallest message that was refused. Where the limit is confirmed, no text makes a size between
    /// the two; where it is not, only the claim of this length was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smallest_refused_bytes: Option<u64>,
    /// The limit itself, where it is known to the byte: by whole messages where `confirmed`, and otherwise
    /// by claimed lengths alone.
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
    /// The status of HTTP that refusals came with instead of gRPC's: in most cases a proxy's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub http_status: Option<u16>,
    /// The text, or what was seen instead of a status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How a refusal was known to be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Whether its connection stood each time, and a later call on it came to an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_survived: Option<bool>,
    /// Whether a call was answered that was under way on the same connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbour_survived: Option<bool>,
    /// Where tries differ in what a refusal leaves standing: how. Then the two keys above say nothing of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub survival_unstable: Option<String>,
    /// From the send to the refusal: the median of a few.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal_ns: Option<u64>,
    /// What had been uploaded for nothing by then, prefix included: the median of a few.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploaded_bytes: Option<u64>,
    /// Which bytes it counts of compressed messages; absent where nobody asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub compressed: Option<Compressed>,
    /// Whether whole messages showed it, and not prefixes alone.
    pub confirmed: bool,
    /// The limit that refuses claimed lengths, where this one refuses smaller messages first. No caller
    /// reaches it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub behind: Option<Behind>,
    /// Connections that were made for it, with a call or a few on each.
    pub probes: u32,
    /// How long the search took.
    pub elapsed_ns: u64,
    /// What else is to be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A limit behind another one, known by claimed lengths alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Behind {
    /// The largest length whose claim was not refused.
    pub limit_bytes: u64,
    /// The smallest length whose claim was refused.
    pub smallest_refused_bytes: u64,
    /// The limit that refusals name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub named_bytes: Option<u64>,
    /// The name of the code that refusals came with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// The text, or what was seen instead of a status.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
}

/// How a limit takes compressed messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

named!(Counts, "answer to what a limit counts", {
    Compressed => "compressed",
    Decompressed => "decompressed",
    Both => "both",
    Neither => "neither",
    NotCompressed => "not_compressed",
    Unknown => "unknown",
});

impl Compressed {
    pub(super) fn of(counts: Counts, got: &ProbeAnswer) -> Self {
        let (code, message) = status_of(got);
        Self { counts, code, message }
    }
}

impl Behind {
    /// Claims of more than `limit_bytes` were refused, from `refused` on.
    pub(super) fn of(
        limit_bytes: u64,
        refused: u64,
        named_bytes: Option<u64>,
        refusal: Option<&ProbeAnswer>,
    ) -> Self {
        let (code, message) = refusal.map(status_of).unwrap_or_default();
        Self { limit_bytes, smallest_refused_bytes: refused, named_bytes, code, message }
    }
}

/// The code's name and the text of a call that ended badly.
fn status_of(got: &ProbeAnswer) -> (Option<String>, Option<String>) {
    let (code, message) = match got {
        ProbeAnswer::Refused(refusal) => (refusal.code, &refusal.message),
        ProbeAnswer::Ended(failure, _) => (failure.code, &failure.message),
        ProbeAnswer::Reply { .. } | ProbeAnswer::Silence => return (None, None),
    };
    (Some(code.name().to_owned()), Some(message.clone()))
}

/// What came of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

named!(State, "state of a limit", {
    Found => "found",
    NotReached => "not_reached",
    Hidden => "hidden",
    Unset => "unset",
    Unstable => "unstable",
    Unfinished => "unfinished",
});

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
            http_status: None,
            message: None,
            cause: None,
            connection_survived: None,
            neighbour_survived: None,
            survival_unstable: None,
            refusal_ns: None,
            uploaded_bytes: None,
            compressed: None,
            confirmed: false,
            behind: None,
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
        *self = Self {
            state: State::Unstable,
            detail: Some(what.to_owned()),
            probes: self.probes,
            elapsed_ns: self.elapsed_ns,
            ..Self::of(self.side, self.direction)
        };
    }

    /// How it refuses. `control` makes a call that is not refused, in the midst of others.
    pub(super) fn refused_as(
        &mut self,
        refusals: &[(ProbeResult, Survivors)],
        control: impl FnMut() -> Result<Survivors, LimitsError>,
    ) -> Result<(), LimitsError> {
        self.refusal_ns =
            upper_median(refusals.iter().map(|(probed, _)| nanoseconds_of(probed.took)).collect());
        self.uploaded_bytes =
            upper_median(refusals.iter().filter_map(|(probed, _)| probed.uploaded_bytes).collect());
        // One of several may have failed in another way.
        let in_words = refusals.iter().find(|(probed, _)| matches!(probed.got, ProbeAnswer::Refused(_)));
        let Some((first, _)) = in_words.or(refusals.first()) else { return Ok(()) };
        let survivors: Vec<&Survivors> = refusals.iter().map(|(_, survivors)| survivors).collect();
        let survival = survival::confirmed(&survivors, control)?;
        self.connection_survived = survival.connection;
        self.neighbour_survived = survival.neighbour;
        self.survival_unstable = survival.unstable;
        (self.code, self.message) = status_of(&first.got);
        self.cause = Some(match &first.got {
            ProbeAnswer::Refused(refusal) if refusal.http_status.is_some() => Cause::HttpStatus,
            ProbeAnswer::Refused(_) => Cause::Words,
            ProbeAnswer::Ended(_, cause) => *cause,
            ProbeAnswer::Reply { .. } | ProbeAnswer::Silence => Cause::Silence,
        });
        self.http_status = match &first.got {
            ProbeAnswer::Refused(refusal) => refusal.http_status,
            _ => None,
        };
        Ok(())
    }

    /// The largest size that is within it, where it was found.
    pub(super) fn lowest(&self) -> Option<u64> {
        let found = self.limit_bytes.or(self.largest_passed_bytes);
        found.filter(|_| self.state == State::Found)
    }

    /// The largest message that callers are known to get through.
    pub(super) fn taken(&self) -> Option<u64> {
        if self.confirmed { self.lowest() } else { self.largest_passed_bytes }
    }

    /// The status that refusals came with: HTTP's where there was one, and otherwise gRPC's.
    #[must_use]
    pub fn status(&self) -> Option<String> {
        match self.http_status {
            Some(status) => Some(format!("HTTP {status}")),
            None => self.code.clone(),
        }
    }

    /// How long a refusal takes, if there was one.
    #[must_use]
    pub fn refusal_time(&self) -> Option<Duration> {
        self.refusal_ns.map(Duration::from_nanos)
    }
}
