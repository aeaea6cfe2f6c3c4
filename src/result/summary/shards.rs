//! Shards of a merged run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{measure::Environment, result::finding::Rating};

/// Shards of a merged run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Shards {
    /// Number of shards of the run.
    pub of: u64,
    /// Merged shards, in the order of their numbers.
    pub merged: Vec<ShardLine>,
    /// Numbers of missing shards.
    pub missing: Vec<u64>,
}

/// One shard of a merged run: its own figures, and its machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ShardLine {
    /// Number of the shard, from 0.
    pub index: u64,
    /// Name of its machine.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host: Option<String>,
    /// Address of its connections.
    pub address: String,
    /// Start of its window, RFC 3339 in UTC.
    pub started_at: String,
    /// Length of its window.
    pub window_ns: u64,
    /// True if it was stopped early.
    pub interrupted: bool,
    /// Planned calls.
    pub planned: u64,
    /// Verified replies to planned calls.
    pub answered: u64,
    /// Verified replies per second.
    pub calls_per_second: f64,
    /// Median of the response time in an open loop, of the service time in a closed one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub p50_ns: Option<u64>,
    /// 99th percentile of the same time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub p99_ns: Option<u64>,
    /// Largest value of the same time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_ns: Option<u64>,
    /// CPU time of its process per call.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_cpu_ns_per_call: Option<u64>,
    /// Peak memory of its process.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_peak_rss_bytes: Option<u64>,
    /// Its machine.
    pub environment: Environment,
    /// Trust in its own figures.
    pub verdict: Rating,
    /// Names of its findings.
    pub findings: Vec<String>,
}
