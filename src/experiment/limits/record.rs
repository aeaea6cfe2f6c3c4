//! Result of the search for one limit.

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

/// Number of refusals that are timed.
pub(super) const REFUSALS: usize = 3;

/// Formats a size for texts.
pub(super) fn bytes(size: u64) -> String {
    format!("{} bytes", grouped(size))
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct LimitRecord {
    /// Side that has the limit.
    pub side: Side,
    /// Direction of the limited messages.
    pub direction: Direction,
    /// Result of the search.
    pub state: State,
    /// Largest message that was sent whole and passed. A length that was only claimed is never used here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_passed_bytes: Option<u64>,
    /// Smallest message that was refused. For a confirmed limit, no text has a size between the two. For an
    /// unconfirmed limit, only the claim of this length was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smallest_refused_bytes: Option<u64>,
    /// The limit itself, where it is known to the byte: from whole messages if `confirmed`, otherwise from
    /// claimed lengths only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    /// Limit that the refusals name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named_bytes: Option<u64>,
    /// Largest size searched, if the limit was not reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub searched_to_bytes: Option<u64>,
    /// Name of the code in the refusals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// HTTP status of the refusals in place of a gRPC status: in most cases from a proxy.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub http_status: Option<u16>,
    /// Message of the status, or the observation in place of a status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Evidence that an answer was a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// True if the connection survived every refusal, and a later call on the connection ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection_survived: Option<bool>,
    /// True if a concurrent call on the same connection was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbour_survived: Option<bool>,
    /// Difference between tries in what survives a refusal. If present, the two keys above are absent where
    /// tries differ.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub survival_unstable: Option<String>,
    /// Time from the send to the refusal: the median of a few.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal_ns: Option<u64>,
    /// Bytes uploaded before the refusal, prefix included: the median of a few.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploaded_bytes: Option<u64>,
    /// Bytes of compressed messages that the limit counts; absent if this was not searched.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub compressed: Option<Compressed>,
    /// True if whole messages showed the limit, not prefixes alone.
    pub confirmed: bool,
    /// A second limit, which refuses claimed lengths, if this limit refuses smaller messages first. No caller
    /// reaches the second limit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub behind: Option<Behind>,
    /// Number of connections made for this limit, with one or a few calls each.
    pub probes: u32,
    /// Duration of the search.
    pub elapsed_ns: u64,
    /// Further remarks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A limit behind another one, known only from claimed lengths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Behind {
    /// Largest length whose claim was not refused.
    pub limit_bytes: u64,
    /// Smallest length whose claim was refused.
    pub smallest_refused_bytes: u64,
    /// Limit that the refusals name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub named_bytes: Option<u64>,
    /// Name of the code in the refusals.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// Message of the status, or the observation in place of a status.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
}

/// Treatment of compressed messages by a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compressed {
    /// Bytes that the limit counts.
    pub counts: Counts,
    /// Name of the code that refuses a message which is over the limit only when decompressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Message of the status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Bytes of a compressed message that a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// The compressed bytes: a message that decompresses to more passes.
    Compressed,
    /// The decompressed bytes.
    Decompressed,
    /// Both: the compressed and the decompressed bytes must each be within the limit.
    Both,
    /// Neither of the two.
    Neither,
    /// Such messages are never compressed.
    NotCompressed,
    /// Not known, because calls ended in another way.
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
    /// Creates a limit for claimed lengths: claims above `limit_bytes` were refused, starting at `refused`.
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

/// Returns the code's name and the message of a call that ended badly.
fn status_of(got: &ProbeAnswer) -> (Option<String>, Option<String>) {
    let (code, message) = match got {
        ProbeAnswer::Refused(refusal) => (refusal.code, &refusal.message),
        ProbeAnswer::Ended(failure, _) => (failure.code, &failure.message),
        ProbeAnswer::Reply { .. } | ProbeAnswer::Silence => return (None, None),
    };
    (Some(code.name().to_owned()), Some(message.clone()))
}

/// State of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// The limit is known.
    Found,
    /// All sizes that could be tried passed.
    NotReached,
    /// Another limit comes first.
    Hidden,
    /// The client has no such limit.
    Unset,
    /// Answers contradict each other: there is no single limit.
    Unstable,
    /// The search did not finish.
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

    /// Records the sizes known so far.
    pub(super) fn so_far(&mut self, passed: Option<u64>, refused: Option<u64>) {
        self.largest_passed_bytes = passed;
        self.smallest_refused_bytes = refused;
    }

    /// Records that there is no single limit, and why.
    pub(super) fn unstable(&mut self, what: &str) {
        *self = Self {
            state: State::Unstable,
            detail: Some(what.to_owned()),
            probes: self.probes,
            elapsed_ns: self.elapsed_ns,
            ..Self::of(self.side, self.direction)
        };
    }

    /// Records how the limit refuses. `control` makes a call that is not refused, among other calls.
    pub(super) fn refused_as(
        &mut self,
        refusals: &[(ProbeResult, Survivors)],
        control: impl FnMut() -> Result<Survivors, LimitsError>,
    ) -> Result<(), LimitsError> {
        self.refusal_ns =
            upper_median(refusals.iter().map(|(probed, _)| nanoseconds_of(probed.took)).collect());
        self.uploaded_bytes =
            upper_median(refusals.iter().filter_map(|(probed, _)| probed.uploaded_bytes).collect());
        // Some of the refusals may have failed in another way.
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

    /// Returns the largest size within the limit, if the limit was found.
    pub(super) fn lowest(&self) -> Option<u64> {
        let found = self.limit_bytes.or(self.largest_passed_bytes);
        found.filter(|_| self.state == State::Found)
    }

    /// Returns the largest message that is known to pass.
    pub(super) fn taken(&self) -> Option<u64> {
        if self.confirmed { self.lowest() } else { self.largest_passed_bytes }
    }

    /// Returns the status of the refusals: the HTTP status if there was one, otherwise the gRPC code.
    #[must_use]
    pub fn status(&self) -> Option<String> {
        match self.http_status {
            Some(status) => Some(format!("HTTP {status}")),
            None => self.code.clone(),
        }
    }

    /// Returns the duration of a refusal, if there was one.
    #[must_use]
    pub fn refusal_time(&self) -> Option<Duration> {
        self.refusal_ns.map(Duration::from_nanos)
    }
}
