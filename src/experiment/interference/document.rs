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

/// Calls beside refused ones, and the same calls alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interference {
    /// That of `DocumentKind::Interference`.
    pub schema: String,
    /// What measured.
    pub plimsoll: Build,
    /// The user's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The sizes that are refused, as one call of each showed.
    pub refused_sizes: Vec<RefusedSize>,
    /// Whether each run had a server process of its own, so that the peaks of memory are those of the run.
    pub fresh_servers: bool,
    /// The same calls alone: all rounds together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without: Option<PooledSide>,
    /// Beside refused ones: all rounds together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with: Option<PooledSide>,
    /// What differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damage: Option<Impact>,
    /// What it means, in plain words.
    pub findings: Vec<Finding>,
    /// Each run.
    pub rounds: Vec<Round>,
    /// A run that was interrupted, or whose counterpart was.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unpaired: Vec<Summary>,
}

/// A size of the mix that is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedSize {
    /// Of the request.
    pub message_bytes: u64,
    /// Who refuses; absent where the call ends in no known words, but with its stream or its connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// Which message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The limit, where the refusal names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    /// The code's name.
    pub code: String,
    /// The text, or what was seen in its place.
    pub message: String,
}

/// The calls that are answered, of all rounds on one side of the comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PooledSide {
    /// Of the sizes that are answered: planned, and what became of them.
    pub calls: Calls,
    /// Verified replies a second: the mean of the rounds.
    pub replies_per_second: f64,
    /// From the intended start to done, of verified replies.
    pub response: LatencyRecord,
    /// From sent to done.
    pub service: LatencyRecord,
    /// From the intended start to sent: the generator's own share.
    pub lateness: LatencyRecord,
    /// Connections that ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_connections: Option<u64>,
    /// How much of the time (0..1) requests waited for room in their connection's window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_window: Option<f64>,
    /// How much of the time (0..1) requests waited because the server did not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_up: Option<f64>,
    /// What refused calls uploaded, a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uploaded_in_vain_bytes_per_second: Option<f64>,
    /// The server's CPU time, of one core's (1 is one core).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cores: Option<f64>,
    /// The most memory that the server has had, in any round. Without refused calls and without a server of its
    /// own, of the first round alone, which comes before any refused call of this comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_peak_rss_bytes: Option<u64>,
}

/// One run on each side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Round {
    /// Whether the run with refused calls came first.
    pub with_came_first: bool,
    /// The calls alone.
    pub without: Summary,
    /// Beside refused ones.
    pub with: Summary,
}

/// How much longer calls take beside refused ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Impact {
    /// By quantile of the response time.
    pub response: Vec<Ratio>,
    /// The generator's part in it: the same of its lateness.
    pub lateness: Vec<Ratio>,
    /// How the rounds are brought together.
    #[serde(default)]
    pub pooled: Pooling,
}

/// How the figures of several rounds become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The mean on the log scale, so that the ratio of two pooled times is the pooled ratio. All calls of all rounds in
    /// one histogram have no such ratio: one slow round decides their high quantiles.
    #[default]
    GeometricMeanOfRounds,
}

/// A quantile on both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ratio {
    /// `p50`, ..., `max`.
    pub name: String,
    /// Of the calls alone: the geometric mean of the rounds.
    pub without_ns: u64,
    /// Beside refused ones: the geometric mean of the rounds.
    pub with_ns: u64,
    /// With to without: the geometric mean of the rounds' ratios, which is the ratio of the two above.
    pub ratio: f64,
    /// The smallest of the rounds' ratios.
    pub lowest: f64,
    /// The largest of the rounds' ratios.
    pub highest: f64,
}
