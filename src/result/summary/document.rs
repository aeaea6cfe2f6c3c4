//! The document.

use std::io::Read;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::measured::Measured;
use crate::{
    load::Plan,
    measure::{Build, Calls, Environment, Outcomes},
    result::{
        document::{self, Document, DocumentKind, ReadError, intervals},
        soundness::Soundness,
    },
    rpc::{Compression, Difference, Direction, Side, outcome::OutcomeKind},
    units::Limit,
};

/// A run, its figures, and what they are worth. Integers are ns and bytes; absent is not measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// That of `DocumentKind::Summary`.
    pub schema: String,
    /// What measured.
    pub plimsoll: Build,
    /// The user's name for this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Start of the measured window, RFC 3339 in UTC.
    pub started_at: String,
    /// What was driven.
    pub target: TargetRecord,
    /// What was to be done.
    pub plan: Plan,
    /// What it was measured on.
    pub environment: Environment,
    /// Length of the measured window.
    pub window_ns: u64,
    /// Whether it was ended from outside.
    pub interrupted: bool,
    /// Planned calls and what became of them.
    pub calls: Calls,
    /// The statuses of calls that failed, broke, or exceeded their deadline.
    pub statuses: Vec<StatusRecord>,
    /// Refusals by kind.
    pub refusals: Vec<RefusalRecord>,
    /// The first wrong replies, with where they differ.
    pub wrong_replies: Vec<Difference>,
    /// Verified replies, and the bytes that went for them.
    pub goodput: Goodput,
    /// Of verified replies alone.
    pub latency: LatencyRecords,
    /// By message size; empty where there is only one.
    pub sizes: Vec<SizeSummary>,
    /// By time.
    #[serde(deserialize_with = "intervals")]
    pub intervals: Vec<IntervalRecord>,
    /// What the window cost.
    pub cost: Cost,
    /// What became of the connections within the window.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub connections: Option<ConnectionsRecord>,
    /// What the figures are worth.
    pub soundness: Soundness,
    /// What the run had to reach, and whether it did.
    pub objectives: Vec<ObjectiveRecord>,
    /// Counts that no other key has: with them, results merge without loss. Absent in `plimsoll.summary/1`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub measured: Option<Measured>,
}

/// What was driven.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetRecord {
    /// Host and port as they were written.
    pub authority: String,
    /// The address that the connections were made to.
    pub address: String,
    /// Whether the server shared the machine with the generator.
    pub is_local: bool,
    /// How the server was started, where the run started it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerRecord>,
}

/// The reference server that a run started for itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServerRecord {
    /// Its worker threads.
    pub threads: usize,
    /// Its limit for requests; `null` for none.
    pub max_recv_message_bytes: Limit,
    /// Its limit for replies; `null` for none.
    pub max_send_message_bytes: Limit,
    /// How it compressed replies to callers that took it; absent where it did not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub compression: Option<Compression>,
    /// Whether it did what metadata asked for.
    pub obey: bool,
}

/// A status that calls ended with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusRecord {
    /// The outcome of these calls: one that has a status.
    pub outcome: OutcomeKind,
    /// The code's name.
    pub code: String,
    /// The code's number.
    pub number: i32,
    /// How many calls.
    pub count: u64,
    /// The text.
    pub message: String,
}

/// Refusals of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RefusalRecord {
    /// Who refused.
    pub side: Side,
    /// Which message.
    pub direction: Direction,
    /// Its size.
    pub message_bytes: u64,
    /// The limit, where the refusal names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<u64>,
    /// The status of HTTP that came in place of gRPC's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub http_status: Option<u16>,
    /// The code's name.
    pub code: String,
    /// The text.
    pub message: String,
    /// How many calls.
    pub count: u64,
    /// From sent to refused.
    pub latency: LatencyRecord,
}

impl RefusalRecord {
    /// The status that it came with: HTTP's where there was one, and otherwise the code's name.
    #[must_use]
    pub fn status(&self) -> String {
        self.http_status.map_or_else(|| self.code.clone(), |status| format!("HTTP {status}"))
    }
}

/// Verified replies a second.
///
/// Of a run that ends by time, each reply counts that came within the window, also to a call that
/// the warm-up sent: that is what the service did in that time. Of a run that ends by count, the
/// replies to those calls count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Goodput {
    /// The replies that count.
    pub replies: u64,
    /// Those, a second.
    pub calls_per_second: f64,
    /// Message bytes of their requests, a second.
    pub request_bytes_per_second: f64,
    /// Message bytes of the replies, a second.
    pub reply_bytes_per_second: f64,
}

/// The three times of calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LatencyRecords {
    /// From sent to done.
    pub service: LatencyRecord,
    /// From the intended start to done; absent in a closed loop, which has no intended start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<LatencyRecord>,
    /// From the intended start to sent; absent in a closed loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lateness: Option<LatencyRecord>,
}

/// A latency's figures, and the histogram that any other can be computed from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LatencyRecord {
    /// How many.
    pub count: u64,
    /// The figures; absent when nothing was counted.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub figures: Option<LatencyFigures>,
    /// How many lasted more than an hour; they count as an hour.
    pub out_of_range: u64,
    /// Base64 of HdrHistogram's V2 deflate encoding, in ns.
    pub histogram: String,
}

/// In ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
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
pub struct SizeSummary {
    /// Of the request.
    pub message_bytes: u64,
    /// Its calls.
    pub calls: Calls,
    /// Response time in an open loop, service time in a closed one.
    pub latency: LatencyRecord,
}

/// The calls that ended within a stretch of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IntervalRecord {
    /// Since the start of the window.
    pub start_ns: u64,
    /// Its length.
    pub length_ns: u64,
    /// What became of them.
    pub calls: Outcomes,
    /// Response time in an open loop, service time in a closed one.
    pub latency: LatencyRecord,
    /// Calls in flight at the ends of its seconds, on average.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub in_flight: Option<u64>,
    /// Largest lateness of a call; absent in a closed loop.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub largest_lateness_ns: Option<u64>,
}

/// CPU and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// The generator's CPU time within the window, a call that ended in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_cpu_ns_per_call: Option<u64>,
    /// The server's, where it is on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cpu_ns_per_call: Option<u64>,
    /// The server's CPU time within the window, where it is on this machine.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server_cpu_ns: Option<u64>,
    /// The most memory that the generator has had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_peak_rss_bytes: Option<u64>,
    /// The most memory that the server's processes have had since they started, where it is on this machine.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server_peak_rss_bytes: Option<u64>,
}

/// What became of the connections within the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionsRecord {
    /// How many were made, after those that stood at the start of the run.
    #[serde(default)]
    pub made: u64,
    /// How many the server closed gracefully: GOAWAY, and every call that it had taken was answered.
    #[serde(default)]
    pub closed: u64,
    /// How many ended in any other way.
    pub lost: u64,
    /// How many attempts to connect failed.
    #[serde(default)]
    pub failed_attempts: u64,
    /// How long calls waited for a connection: at the place of the connection where it was longest. Of the
    /// stub client, how long it took to connect.
    #[serde(default)]
    pub unconnected_ns: u64,
    /// How long no attempt to connect was under way after one that failed, where it was longest.
    #[serde(default)]
    pub paused_ns: u64,
    /// How many calls were sent again, because a server had provably not processed them. Absent for the stub
    /// client, as are the figures below: its channel does not tell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retried_calls: Option<u64>,
    /// How long requests waited because the server did not read: of the connection where it was longest.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub held_up_ns: Option<u64>,
    /// How long requests waited for room in their connection's window: of the connection where it was longest.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub out_of_window_ns: Option<u64>,
    /// What calls that were refused, failed or broke had uploaded of their bodies until then, prefix included.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub uploaded_in_vain_bytes: Option<u64>,
}

/// An objective, measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectiveRecord {
    /// As it was written.
    pub expression: String,
    /// In ns, calls a second, calls, or a share (0..1); absent when it was not measured, which meets
    /// no objective.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<f64>,
    /// The same for people, or why there is none.
    pub shown: String,
    /// Whether it was reached.
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
    /// Reads a result, and checks that its figures agree with each other. Those of another build are computed again
    /// from what was counted: what differs becomes a finding.
    ///
    /// # Errors
    /// When it is something else, of another version, or its sums do not agree.
    pub fn read(reader: impl Read) -> Result<Self, ReadError> {
        document::read(reader)
    }

    /// Response time in an open loop, service time in a closed one.
    #[must_use]
    pub fn main_latency(&self) -> &LatencyRecord {
        self.latency.response.as_ref().unwrap_or(&self.latency.service)
    }

    /// Whether every objective was met.
    #[must_use]
    pub fn meets_objectives(&self) -> bool {
        self.objectives.iter().all(|objective| objective.met)
    }
}
