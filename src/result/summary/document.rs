//! The result of a run, as a document.

use std::io::Read;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{measured::Measured, shards::Shards, target::TargetRecord};
use crate::{
    load::Plan,
    measure::{AgreedStart, Build, Calls, Environment, Outcomes, ShardOrigin},
    result::{
        document::{self, Document, DocumentKind, ReadError, intervals},
        soundness::Soundness,
    },
    rpc::{Difference, Direction, Side, outcome::OutcomeKind},
};

/// A run, its figures, and its soundness. Integers are ns and bytes; an absent field was not measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Summary {
    /// Schema of the document: the value of `DocumentKind::Summary.schema()`.
    pub schema: String,
    /// Build of this program that measured.
    pub plimsoll: Build,
    /// The user's name for this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Start of the measured window, RFC 3339 in UTC.
    pub started_at: String,
    /// Start of the window that was agreed on before the run; absent if it began when all connections stood.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agreed_start: Option<AgreedStart>,
    /// Part of a run that this process made; absent for a whole run, and for a merged one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shard: Option<ShardOrigin>,
    /// Shards of a merged run; absent for other runs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shards: Option<Shards>,
    /// Server under test.
    pub target: TargetRecord,
    /// Plan of the run.
    pub plan: Plan,
    /// Machine and settings of the measurement.
    pub environment: Environment,
    /// Length of the measured window.
    pub window_ns: u64,
    /// True if the run was stopped early, for example by a signal.
    pub interrupted: bool,
    /// Planned calls and their outcomes.
    pub calls: Calls,
    /// Statuses of calls that failed, broke, or exceeded their deadline.
    pub statuses: Vec<StatusRecord>,
    /// Refusals by kind.
    pub refusals: Vec<RefusalRecord>,
    /// First wrong replies, with the place where they differ.
    pub wrong_replies: Vec<Difference>,
    /// Verified replies, and their message bytes.
    pub goodput: Goodput,
    /// Sizes of verified replies; absent without replies, and in documents of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replies: Option<RepliesRecord>,
    /// Latency of verified replies only.
    pub latency: LatencyRecords,
    /// Figures by message size; empty for a single size.
    pub sizes: Vec<SizeSummary>,
    /// Figures by time.
    #[serde(deserialize_with = "intervals")]
    pub intervals: Vec<IntervalRecord>,
    /// CPU time and memory of the window.
    pub cost: Cost,
    /// Connections within the window.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub connections: Option<ConnectionsRecord>,
    /// Trust in the figures.
    pub soundness: Soundness,
    /// Objectives of the run, and whether the run reached them.
    pub objectives: Vec<ObjectiveRecord>,
    /// Counts that no other key has; with them, results merge without loss. Absent in `plimsoll.summary/1`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub measured: Option<Measured>,
}

/// Sizes of verified replies to planned calls, in message bytes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct RepliesRecord {
    /// The smallest reply.
    pub min_bytes: u64,
    /// The mean of all replies.
    pub mean_bytes: f64,
    /// The largest reply.
    pub max_bytes: u64,
    /// Number of empty replies.
    pub empty: u64,
}

/// A status that calls ended with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct StatusRecord {
    /// Outcome of these calls, one with a status.
    pub outcome: OutcomeKind,
    /// Name of the code.
    pub code: String,
    /// Number of the code.
    pub number: i32,
    /// Number of calls.
    pub count: u64,
    /// Message of the status.
    pub message: String,
}

/// Refusals of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct RefusalRecord {
    /// Side that refused.
    pub side: Side,
    /// Direction of the refused message.
    pub direction: Direction,
    /// Size of the message.
    pub message_bytes: u64,
    /// Size limit, where the refusal names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    /// HTTP status in place of a gRPC status.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub http_status: Option<u16>,
    /// Name of the code.
    pub code: String,
    /// Message of the status.
    pub message: String,
    /// Number of calls.
    pub count: u64,
    /// Time from the send to the refusal.
    pub latency: LatencyRecord,
}

impl RefusalRecord {
    /// Returns the HTTP status of the refusal, or the name of the code where there is none.
    #[must_use]
    pub fn status(&self) -> String {
        self.http_status.map_or_else(|| self.code.clone(), |status| format!("HTTP {status}"))
    }
}

/// Verified replies per second.
///
/// In a run that ends by time, each reply within the window counts, including replies to calls that the
/// warm-up sent: the service produced them in that time. In a run that ends by count, the replies to the
/// counted calls count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Goodput {
    /// Number of replies that count.
    pub replies: u64,
    /// Replies per second.
    pub calls_per_second: f64,
    /// Message bytes of the requests per second.
    pub request_bytes_per_second: f64,
    /// Message bytes of the replies per second.
    pub reply_bytes_per_second: f64,
}

/// The three times of calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct LatencyRecords {
    /// Time from the send to the end.
    pub service: LatencyRecord,
    /// Time from the intended start to the end; absent in a closed loop, which has no intended start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<LatencyRecord>,
    /// Time from the intended start to the send; absent in a closed loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lateness: Option<LatencyRecord>,
}

/// A latency's figures, and the histogram from which any other figure can be computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct LatencyRecord {
    /// Number of values.
    pub count: u64,
    /// The figures; absent for an empty histogram.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub figures: Option<LatencyFigures>,
    /// Number of values over an hour; each counts as an hour.
    pub out_of_range: u64,
    /// Base64 of HdrHistogram's V2 deflate encoding, in ns.
    pub histogram: String,
}

/// Figures of a latency, in ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
#[non_exhaustive]
pub struct LatencyFigures {
    pub min_ns: u64,
    pub mean_ns: u64,
    pub stdev_ns: u64,
    pub p50_ns: u64,
    pub p90_ns: u64,
    pub p95_ns: u64,
    pub p99_ns: u64,
    pub p99_9_ns: u64,
    pub p99_99_ns: u64,
    pub max_ns: u64,
}

/// The calls of one message size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct SizeSummary {
    /// Size of the request.
    pub message_bytes: u64,
    /// Calls of this size.
    pub calls: Calls,
    /// Response time in an open loop, service time in a closed one.
    pub latency: LatencyRecord,
}

/// Calls that ended within an interval of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct IntervalRecord {
    /// Start, counted from the start of the window.
    pub start_ns: u64,
    /// Length of the interval.
    pub length_ns: u64,
    /// Outcomes of the calls.
    pub calls: Outcomes,
    /// Response time in an open loop, service time in a closed one.
    pub latency: LatencyRecord,
    /// Calls in flight at the end of the interval; in a long run, the mean of several counts within the interval.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub in_flight: Option<u64>,
    /// Largest lateness of an answered call; absent in a closed loop, and where no call was answered.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub largest_lateness_ns: Option<u64>,
    /// The generator's CPU time. Absent if it was not read, such as in the drain.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_cpu_ns: Option<u64>,
    /// The server's CPU time; absent also for a server on another machine.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server_cpu_ns: Option<u64>,
}

/// CPU and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Cost {
    /// The generator's CPU time within the window, per call that ended in the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_cpu_ns_per_call: Option<u64>,
    /// The server's CPU time per call; absent for a server on another machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cpu_ns_per_call: Option<u64>,
    /// The server's CPU time within the window; absent for a server on another machine.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server_cpu_ns: Option<u64>,
    /// Peak memory of the generator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_peak_rss_bytes: Option<u64>,
    /// Peak memory of the server's processes since their start; absent for a server on another machine.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server_peak_rss_bytes: Option<u64>,
}

/// Connections within the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ConnectionsRecord {
    /// Number of connections made, after the ones open at the start of the run.
    #[serde(default)]
    pub made: u64,
    /// Number of connections that the server closed gracefully: with GOAWAY, after answering every accepted
    /// call.
    #[serde(default)]
    pub closed: u64,
    /// Number of connections that ended in any other way.
    pub lost: u64,
    /// Number of failed attempts to connect.
    #[serde(default)]
    pub failed_attempts: u64,
    /// Longest time that calls of one connection waited for a new connection. For the stub client: the time
    /// spent on connecting.
    #[serde(default)]
    pub unconnected_ns: u64,
    /// Longest time without an attempt to connect after a failed one.
    #[serde(default)]
    pub paused_ns: u64,
    /// Number of calls sent again, because a server had provably not processed them. Absent for the stub
    /// client, as are the figures below: its channel does not report them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retried_calls: Option<u64>,
    /// Longest time that requests of one connection waited because the server did not read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub held_up_ns: Option<u64>,
    /// Longest time that requests of one connection waited for room in the connection's window.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub out_of_window_ns: Option<u64>,
    /// Bytes of bodies, prefixes included, that refused, failed and broken calls uploaded before their end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub uploaded_in_vain_bytes: Option<u64>,
    /// TLS handshakes of all connections, from the first one of the run on; absent without TLS. A handshake is part
    /// of no call. Calls that wait for a new connection count that wait, and `unconnected_ns` shows it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub handshake: Option<HandshakeRecord>,
}

/// Lengths of TLS handshakes, from the first byte sent to the last byte received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct HandshakeRecord {
    /// Number of handshakes.
    pub count: u64,
    /// Median length.
    pub p50_ns: u64,
    /// Largest length.
    pub max_ns: u64,
}

/// An objective, and its measured figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ObjectiveRecord {
    /// The text on the command line.
    pub expression: String,
    /// Measured figure: ns, calls per second, calls, or a share (0..1). Absent when not measured; such an
    /// objective is not met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<f64>,
    /// The figure in words, or the reason why there is none.
    pub shown: String,
    /// True if the objective was met.
    pub met: bool,
}

impl Document for Summary {
    const KIND: DocumentKind = DocumentKind::Summary;

    fn checked(self) -> Result<Self, ReadError> {
        let summary = self.recomputed()?;
        summary.check()?;
        Ok(summary)
    }
}

impl Summary {
    /// Reads a result, and checks that its figures agree with each other. If another build wrote the result, its
    /// figures are computed again from the counts; a difference becomes a finding.
    ///
    /// # Errors
    /// The document is of another kind or version, or its sums do not agree.
    pub fn read(reader: impl Read) -> Result<Self, ReadError> {
        document::read(reader)
    }

    /// Returns the response time in an open loop, the service time in a closed one.
    #[must_use]
    pub fn main_latency(&self) -> &LatencyRecord {
        self.latency.response.as_ref().unwrap_or(&self.latency.service)
    }

    /// Returns true if every objective was met.
    #[must_use]
    pub fn meets_objectives(&self) -> bool {
        self.objectives.iter().all(|objective| objective.met)
    }
}
