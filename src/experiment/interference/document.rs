//! The document `plimsoll.neighbours/1`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    measure::{Build, Calls},
    result::{
        Finding,
        summary::{LatencyRecord, Summary},
    },
    rpc::{Direction, Side},
};

/// Accepted calls next to refused calls, and the same accepted calls alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interference {
    /// Schema of the document: the value of `DocumentKind::Interference.schema()`.
    pub schema: String,
    /// Build of this program that measured.
    pub plimsoll: Build,
    /// The user's name for the comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Refused sizes, found with one call per size.
    pub refused_sizes: Vec<RefusedSize>,
    /// True if each run had a fresh server process, so that peaks of memory belong to one run.
    pub fresh_servers: bool,
    /// Accepted calls alone, over all rounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without: Option<PooledSide>,
    /// Accepted calls next to refused calls, over all rounds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with: Option<PooledSide>,
    /// Differences between the two sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<Impact>,
    /// Meaning of the differences, in plain words.
    pub findings: Vec<Finding>,
    /// All pairs of runs.
    pub rounds: Vec<Round>,
    /// Runs without a counterpart, because one of the pair was interrupted.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unpaired: Vec<Summary>,
}

/// A size of the mix that is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedSize {
    /// Size of the request.
    pub message_bytes: u64,
    /// Side that refuses; absent where the stream or the connection ends without known words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// Direction of the refused message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Size limit, where the refusal names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    /// Name of the code.
    pub code: String,
    /// Message of the status, or the observation in its place.
    pub message: String,
}

/// Accepted calls of all rounds on one side of the comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PooledSide {
    /// Calls of the accepted sizes, with their outcomes.
    pub calls: Calls,
    /// Verified replies per second: the mean over the rounds.
    pub replies_per_second: f64,
    /// Time from the intended start to the end, for verified replies.
    pub response: LatencyRecord,
    /// Time from the send to the end.
    pub service: LatencyRecord,
    /// Time from the intended start to the send: the generator's share.
    pub lateness: LatencyRecord,
    /// Number of lost connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_connections: Option<u64>,
    /// Share of the time (0..1) during which requests waited for room in their connection's window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_window: Option<f64>,
    /// Share of the time (0..1) during which requests waited because the server did not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_up: Option<f64>,
    /// Bytes per second that refused calls uploaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploaded_in_vain_bytes_per_second: Option<f64>,
    /// CPU time of the server, in cores (1 is one core).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cores: Option<f64>,
    /// Peak memory of the server, over all rounds. Without refused calls, and without fresh servers, the peak
    /// is that of the first run alone, which comes before any refused call of this comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_peak_rss_bytes: Option<u64>,
}

/// One run per side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Round {
    /// True if the run with refused calls came first.
    pub with_came_first: bool,
    /// Run of the accepted calls alone.
    pub without: Summary,
    /// Run with refused calls.
    pub with: Summary,
}

/// Ratios of times next to refused calls to times without them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Impact {
    /// Ratios of the response time, by quantile.
    pub response: Vec<Ratio>,
    /// Ratios of the generator's lateness, by quantile: the generator's part in the response time.
    pub lateness: Vec<Ratio>,
    /// Method of pooling the rounds.
    #[serde(default)]
    pub pooled: Pooling,
}

/// Method of pooling the figures of several rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// Mean on the log scale, so that the ratio of two pooled times is the pooled ratio. One histogram of all rounds
    /// has no such ratio: one slow round determines its high quantiles.
    #[default]
    GeometricMeanOfRounds,
}

/// A quantile on both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ratio {
    /// Name of the quantile: `p50`, ..., `max`.
    pub name: String,
    /// Time of the accepted calls alone: the geometric mean over the rounds.
    pub without_ns: u64,
    /// Time next to refused calls: the geometric mean over the rounds.
    pub with_ns: u64,
    /// Ratio of with to without: the geometric mean of the rounds' ratios, which is the ratio of the two
    /// times above.
    pub ratio: f64,
    /// Smallest ratio of a round.
    pub lowest: f64,
    /// Largest ratio of a round.
    pub highest: f64,
}
