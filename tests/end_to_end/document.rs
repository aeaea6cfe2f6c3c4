//! Strict mirror of the schema `plimsoll.summary/2`: a missing or a new key fails.

#![allow(dead_code, reason = "fields are there to be required")]

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Summary {
    pub(crate) schema: String,
    pub(crate) plimsoll: Build,
    pub(crate) label: Option<String>,
    pub(crate) started_at: String,
    pub(crate) agreed_start: Option<AgreedStart>,
    pub(crate) shard: Option<ShardOrigin>,
    pub(crate) shards: Option<Shards>,
    pub(crate) target: Target,
    pub(crate) plan: Plan,
    pub(crate) environment: Environment,
    pub(crate) window_ns: u64,
    pub(crate) interrupted: bool,
    pub(crate) calls: Calls,
    pub(crate) statuses: Vec<Status>,
    pub(crate) refusals: Vec<Refusal>,
    pub(crate) wrong_replies: Vec<WrongReply>,
    pub(crate) goodput: Goodput,
    pub(crate) replies: Option<Replies>,
    pub(crate) latency: Latencies,
    pub(crate) sizes: Vec<Size>,
    pub(crate) intervals: Vec<Interval>,
    pub(crate) cost: Cost,
    pub(crate) connections: Option<Connections>,
    pub(crate) soundness: Soundness,
    pub(crate) objectives: Vec<Objective>,
    pub(crate) measured: Measured,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Measured {
    pub(crate) started_at_unix_ns: u64,
    pub(crate) ended_by_count: bool,
    pub(crate) replies: Option<ReplySizes>,
    pub(crate) in_window: Volume,
    pub(crate) carried_over: Volume,
    pub(crate) ended_in_window: u64,
    pub(crate) first_sent_ns: Option<u64>,
    pub(crate) last_done_ns: u64,
    pub(crate) interval_ns: u64,
    pub(crate) interval_part_ns: u64,
    pub(crate) intervals: Vec<MeasuredInterval>,
    #[serde(default)]
    pub(crate) sizes: Vec<Histogram>,
    pub(crate) usage: Usage,
    pub(crate) handshakes: Option<Histogram>,
    pub(crate) upload_waits: UploadWaits,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replies {
    pub(crate) min_bytes: u64,
    pub(crate) mean_bytes: f64,
    pub(crate) max_bytes: u64,
    pub(crate) empty: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplySizes {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    pub(crate) smallest: u64,
    pub(crate) largest: u64,
    pub(crate) empty: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Method {
    pub(crate) path: String,
    pub(crate) request: Option<String>,
    pub(crate) reply: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Data {
    pub(crate) source: String,
    pub(crate) file: Option<String>,
    pub(crate) inline: Option<String>,
    pub(crate) messages: u64,
    pub(crate) pick: String,
    pub(crate) smallest_bytes: u64,
    pub(crate) largest_bytes: u64,
    pub(crate) sha256: String,
    #[serde(default)]
    pub(crate) checks: Vec<String>,
    pub(crate) expected_reply_sha256: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Volume {
    pub(crate) replies: u64,
    pub(crate) request_bytes: u64,
    pub(crate) reply_bytes: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MeasuredInterval {
    pub(crate) in_flight: u64,
    pub(crate) service: Option<Histogram>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Histogram {
    pub(crate) out_of_range: Option<u64>,
    pub(crate) histogram: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Usage {
    pub(crate) client_cpu_ns: Option<u64>,
    pub(crate) server_cpu_ns: Option<u64>,
    pub(crate) server_threads: Vec<ThreadTime>,
    pub(crate) threads: Vec<ThreadTime>,
    pub(crate) loops: Vec<LoopAccount>,
    pub(crate) machine: Option<MachineTicks>,
    pub(crate) measured_over_ns: u64,
    pub(crate) pauses: Pauses,
    pub(crate) client_peak_memory_bytes: Option<u64>,
    pub(crate) server_peak_memory_bytes: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ThreadTime {
    pub(crate) running_ns: u64,
    pub(crate) waiting_ns: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoopAccount {
    pub(crate) idle_ns: u64,
    pub(crate) held_up_ns: u64,
    pub(crate) out_of_window_ns: u64,
    pub(crate) retried_calls: u64,
    pub(crate) uploaded_in_vain_bytes: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MachineTicks {
    pub(crate) busy: u64,
    pub(crate) stolen: u64,
    pub(crate) total: u64,
    pub(crate) cores: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pauses {
    pub(crate) time_ns: u64,
    pub(crate) longest_ns: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadWaits {
    pub(crate) count: u64,
    pub(crate) time_ns: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Build {
    pub(crate) version: String,
    pub(crate) commit: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    pub(crate) authority: String,
    pub(crate) address: String,
    pub(crate) is_local: bool,
    pub(crate) transport: Option<String>,
    pub(crate) tls: Option<Tls>,
    pub(crate) server: Option<OwnServer>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AgreedStart {
    pub(crate) at_unix_ns: u64,
    pub(crate) clock_moved_ns: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShardOrigin {
    pub(crate) index: u64,
    pub(crate) of: u64,
    pub(crate) host: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shards {
    pub(crate) of: u64,
    pub(crate) merged: Vec<ShardLine>,
    pub(crate) missing: Vec<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShardLine {
    pub(crate) index: u64,
    pub(crate) host: Option<String>,
    pub(crate) address: String,
    pub(crate) started_at: String,
    pub(crate) window_ns: u64,
    pub(crate) interrupted: bool,
    pub(crate) planned: u64,
    pub(crate) answered: u64,
    pub(crate) calls_per_second: f64,
    pub(crate) p50_ns: Option<u64>,
    pub(crate) p99_ns: Option<u64>,
    pub(crate) max_ns: Option<u64>,
    pub(crate) client_cpu_ns_per_call: Option<u64>,
    pub(crate) client_peak_rss_bytes: Option<u64>,
    pub(crate) environment: Environment,
    pub(crate) verdict: String,
    pub(crate) findings: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    pub(crate) version: String,
    pub(crate) cipher: String,
    pub(crate) alpn: Option<String>,
    pub(crate) server_name: String,
    pub(crate) verified: bool,
    pub(crate) client_certificate: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnServer {
    pub(crate) threads: u64,
    pub(crate) max_recv_message_bytes: Option<u64>,
    pub(crate) max_send_message_bytes: Option<u64>,
    pub(crate) compression: Option<String>,
    pub(crate) obey: bool,
    pub(crate) tls: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    pub(crate) load: Load,
    pub(crate) calls: Option<u64>,
    pub(crate) duration_ns: Option<u64>,
    pub(crate) warm_up_ns: u64,
    pub(crate) drain_ns: u64,
    pub(crate) sizes: Vec<PlannedSize>,
    pub(crate) method: Option<Method>,
    pub(crate) data: Option<Data>,
    pub(crate) expect: Option<String>,
    pub(crate) text: Option<serde_json::Value>,
    pub(crate) timeout_ns: Option<u64>,
    pub(crate) metadata: Vec<BTreeMap<String, serde_json::Value>>,
    pub(crate) connections: u64,
    pub(crate) workers: u64,
    pub(crate) max_send_message_bytes: Option<u64>,
    pub(crate) max_recv_message_bytes: Option<u64>,
    #[serde(default)]
    pub(crate) recv_limit_capped: bool,
    pub(crate) compression: Option<String>,
    pub(crate) client: String,
    pub(crate) spin_ns: Option<u64>,
    pub(crate) seed: u64,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "loop", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Load {
    Closed { concurrency: u64 },
    Open { arrivals: String, stages: Vec<Stage>, max_in_flight: u64 },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stage {
    pub(crate) from_per_second: f64,
    pub(crate) to_per_second: f64,
    pub(crate) duration_ns: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlannedSize {
    pub(crate) message_bytes: u64,
    pub(crate) reply_bytes: Option<u64>,
    pub(crate) asked_bytes: u64,
    pub(crate) weight: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Environment {
    pub(crate) os: String,
    pub(crate) architecture: String,
    pub(crate) cpu_model: Option<String>,
    pub(crate) cores: u64,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) load_average: Option<f64>,
}

#[derive(Debug, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Calls {
    pub(crate) planned: u64,
    pub(crate) answered: u64,
    pub(crate) wrong_reply: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    pub(crate) deadline_exceeded: u64,
    pub(crate) broken: u64,
    pub(crate) shed: u64,
    pub(crate) unfinished: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ended {
    pub(crate) answered: u64,
    pub(crate) wrong_reply: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    pub(crate) deadline_exceeded: u64,
    pub(crate) broken: u64,
    pub(crate) shed: u64,
    pub(crate) unfinished: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Status {
    pub(crate) outcome: String,
    pub(crate) code: String,
    pub(crate) number: u32,
    pub(crate) count: u64,
    pub(crate) message: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    pub(crate) side: String,
    pub(crate) direction: String,
    pub(crate) message_bytes: u64,
    pub(crate) limit_bytes: Option<u64>,
    pub(crate) http_status: Option<u16>,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) count: u64,
    pub(crate) latency: Latency,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WrongReply {
    pub(crate) at_byte: u64,
    pub(crate) expected_bytes: u64,
    pub(crate) got_bytes: u64,
    pub(crate) expected: String,
    pub(crate) got: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Goodput {
    pub(crate) replies: u64,
    pub(crate) calls_per_second: f64,
    pub(crate) request_bytes_per_second: f64,
    pub(crate) reply_bytes_per_second: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Latencies {
    pub(crate) service: Latency,
    pub(crate) response: Option<Latency>,
    pub(crate) lateness: Option<Latency>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Latency {
    pub(crate) count: u64,
    pub(crate) min_ns: Option<u64>,
    pub(crate) mean_ns: Option<u64>,
    pub(crate) stdev_ns: Option<u64>,
    pub(crate) p50_ns: Option<u64>,
    pub(crate) p90_ns: Option<u64>,
    pub(crate) p95_ns: Option<u64>,
    pub(crate) p99_ns: Option<u64>,
    pub(crate) p99_9_ns: Option<u64>,
    pub(crate) p99_99_ns: Option<u64>,
    pub(crate) max_ns: Option<u64>,
    pub(crate) out_of_range: u64,
    pub(crate) histogram: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Size {
    pub(crate) message_bytes: u64,
    pub(crate) calls: Calls,
    pub(crate) latency: Latency,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Interval {
    pub(crate) start_ns: u64,
    pub(crate) length_ns: u64,
    pub(crate) calls: Ended,
    pub(crate) latency: Latency,
    pub(crate) in_flight: u64,
    pub(crate) largest_lateness_ns: Option<u64>,
    pub(crate) client_cpu_ns: Option<u64>,
    pub(crate) server_cpu_ns: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cost {
    pub(crate) client_cpu_ns_per_call: Option<u64>,
    pub(crate) server_cpu_ns_per_call: Option<u64>,
    pub(crate) server_cpu_ns: Option<u64>,
    pub(crate) client_peak_rss_bytes: Option<u64>,
    pub(crate) server_peak_rss_bytes: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Connections {
    pub(crate) made: u64,
    pub(crate) closed: u64,
    pub(crate) lost: u64,
    pub(crate) failed_attempts: u64,
    pub(crate) unconnected_ns: u64,
    pub(crate) paused_ns: u64,
    pub(crate) retried_calls: Option<u64>,
    pub(crate) held_up_ns: Option<u64>,
    pub(crate) out_of_window_ns: Option<u64>,
    pub(crate) uploaded_in_vain_bytes: Option<u64>,
    pub(crate) handshake: Option<Handshake>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Handshake {
    pub(crate) count: u64,
    pub(crate) p50_ns: u64,
    pub(crate) max_ns: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Soundness {
    pub(crate) verdict: String,
    pub(crate) saturation: Option<Saturation>,
    pub(crate) findings: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Saturation {
    pub(crate) saturated: String,
    pub(crate) generator_busy: Option<f64>,
    pub(crate) generator_starved: Option<f64>,
    pub(crate) held_up: Option<f64>,
    pub(crate) server_busy: Option<f64>,
    pub(crate) detail: String,
    pub(crate) advice: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finding {
    pub(crate) name: String,
    pub(crate) weight: String,
    pub(crate) detail: String,
    pub(crate) advice: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Objective {
    pub(crate) expression: String,
    pub(crate) measured: Option<f64>,
    pub(crate) shown: String,
    pub(crate) met: bool,
}
