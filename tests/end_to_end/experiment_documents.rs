//! Strict mirrors of sweeps, interference experiments, comparisons, replies and announcements: a missing or a new
//! key fails.

#![allow(dead_code, reason = "fields are there to be required")]

use std::io::BufRead;

use plimsoll::result::DocumentKind;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    document::{Build, Calls, Finding, Latency, OwnServer, Summary},
    golden_documents::golden_document,
    limits_document::Document as Limits,
    process::{Server, output_of},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sweep {
    pub(crate) schema: String,
    pub(crate) plimsoll: Build,
    pub(crate) asked: Asked,
    pub(crate) limits: Option<Limits>,
    pub(crate) order: Vec<Point>,
    pub(crate) points: Vec<Summary>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    pub(crate) target: Option<String>,
    pub(crate) server: Option<OwnServer>,
    pub(crate) sizes: String,
    pub(crate) loads: Vec<Load>,
    pub(crate) repetitions: u32,
    pub(crate) duration_ns: Option<u64>,
    pub(crate) warm_up_ns: u64,
    pub(crate) drain_ns: u64,
    pub(crate) text: String,
    pub(crate) timeout_ns: Option<u64>,
    pub(crate) metadata: Vec<Pair>,
    pub(crate) max_send_message_bytes: Option<u64>,
    pub(crate) max_recv_message_bytes: Option<u64>,
    pub(crate) compression: Option<String>,
    pub(crate) client: String,
    pub(crate) spin_ns: u64,
    pub(crate) connections: Option<u64>,
    pub(crate) workers: Option<u64>,
    pub(crate) seed: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Load {
    Concurrency(u64),
    RatePerSecond(f64),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Point {
    pub(crate) message_bytes: u64,
    pub(crate) concurrency: Option<u64>,
    pub(crate) rate_per_second: Option<f64>,
    pub(crate) repetition: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    pub(crate) hidden: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Interference {
    pub(crate) schema: String,
    pub(crate) plimsoll: Build,
    pub(crate) label: Option<String>,
    pub(crate) refused_sizes: Vec<RefusedSize>,
    pub(crate) fresh_servers: bool,
    pub(crate) without: Option<PooledSide>,
    pub(crate) with: Option<PooledSide>,
    pub(crate) damage: Option<Impact>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) rounds: Vec<Round>,
    #[serde(default)]
    pub(crate) unpaired: Vec<Summary>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusedSize {
    pub(crate) message_bytes: u64,
    pub(crate) side: Option<String>,
    pub(crate) direction: Option<String>,
    pub(crate) limit_bytes: Option<u64>,
    pub(crate) code: String,
    pub(crate) message: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PooledSide {
    pub(crate) calls: Calls,
    pub(crate) replies_per_second: f64,
    pub(crate) response: Latency,
    pub(crate) service: Latency,
    pub(crate) lateness: Latency,
    pub(crate) lost_connections: Option<u64>,
    pub(crate) out_of_window: Option<f64>,
    pub(crate) held_up: Option<f64>,
    pub(crate) uploaded_in_vain_bytes_per_second: Option<f64>,
    pub(crate) server_cores: Option<f64>,
    pub(crate) server_peak_rss_bytes: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Impact {
    pub(crate) response: Vec<OfQuantile>,
    pub(crate) lateness: Vec<OfQuantile>,
    pub(crate) pooled: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfQuantile {
    pub(crate) name: String,
    pub(crate) without_ns: u64,
    pub(crate) with_ns: u64,
    pub(crate) ratio: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Round {
    pub(crate) with_came_first: bool,
    pub(crate) without: Summary,
    pub(crate) with: Summary,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Comparison {
    pub(crate) schema: String,
    pub(crate) plimsoll: Build,
    pub(crate) base: Vec<String>,
    pub(crate) candidate: Vec<String>,
    pub(crate) plan_differences: Vec<String>,
    pub(crate) limits: Vec<LimitDifference>,
    pub(crate) figures: Vec<Figure>,
    pub(crate) findings: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitDifference {
    pub(crate) what: String,
    pub(crate) base: String,
    pub(crate) candidate: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) more_is_better: bool,
    pub(crate) base: f64,
    pub(crate) candidate: f64,
    pub(crate) ratio: f64,
    pub(crate) interval: Option<(f64, f64)>,
    pub(crate) method: Option<String>,
    pub(crate) p: Option<f64>,
    pub(crate) p_adjusted: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reply {
    pub(crate) schema: String,
    pub(crate) target: String,
    pub(crate) text: Option<String>,
    pub(crate) message: Option<serde_json::Value>,
    pub(crate) message_bytes: Option<u64>,
    pub(crate) status: CallStatus,
    pub(crate) initial_metadata: Vec<Pair>,
    pub(crate) trailing_metadata: Vec<Pair>,
    pub(crate) service_ns: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallStatus {
    pub(crate) code: String,
    pub(crate) number: i32,
    pub(crate) message: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the document's own keys")]
pub(crate) struct Methods {
    pub(crate) schema: String,
    pub(crate) methods: Vec<MethodEntry>,
    pub(crate) example: Option<serde_json::Value>,
    pub(crate) can_grow: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the keys are the test")]
pub(crate) struct MethodEntry {
    pub(crate) service: String,
    pub(crate) method: String,
    pub(crate) request: String,
    pub(crate) reply: String,
    pub(crate) streams_requests: bool,
    pub(crate) streams_replies: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Announcement {
    pub(crate) schema: String,
    pub(crate) listening: Vec<String>,
    pub(crate) process: u32,
}

/// Checks that a document has exactly the keys of the mirror.
fn strict<T: DeserializeOwned>(what: &str, json: &[u8]) -> T {
    serde_json::from_slice(json).unwrap_or_else(|error| panic!("{what}: {error}"))
}

fn golden<T: DeserializeOwned>(kind: DocumentKind) -> T {
    strict(kind.name(), &golden_document(kind))
}

#[test]
fn golden_documents_have_the_pinned_schemas() {
    let sweep: Sweep = golden(DocumentKind::Sweep);
    assert_eq!((sweep.order.len(), sweep.points.len()), (2, 2));
    let interference: Interference = golden(DocumentKind::Interference);
    assert_eq!((interference.refused_sizes.len(), interference.rounds.len()), (1, 1));
    let comparison: Comparison = golden(DocumentKind::Comparison);
    assert_eq!((comparison.base.len(), comparison.candidate.len()), (4, 4));
    let reply: Reply = golden(DocumentKind::Reply);
    assert_eq!((reply.status.code.as_str(), reply.status.number), ("OK", 0));
    let methods: Methods = golden(DocumentKind::Methods);
    assert_eq!((methods.methods.len(), methods.can_grow), (1, Some(vec!["text".to_owned()])));
    assert!(methods.example.is_some_and(|example| example["text"] == ""));
    for (schema, kind) in [
        (methods.schema, DocumentKind::Methods),
        (sweep.schema, DocumentKind::Sweep),
        (interference.schema, DocumentKind::Interference),
        (comparison.schema, DocumentKind::Comparison),
        (reply.schema, DocumentKind::Reply),
    ] {
        assert_eq!(schema, kind.schema());
    }
}

/// Checks parts without an example in golden documents: rates, a ladder's limits, hidden metadata, calls without a
/// reply.
#[test]
fn documents_that_the_binary_makes_have_the_pinned_schemas() {
    let window = ["-q", "-z", "50ms", "-w", "0s", "-O", "json"];
    let ladder =
        ["sweep", "-s", "256..2000", "-r", "100", "--repetitions", "1", "-m", "authorization: x y z"];
    let small = ["--server-max-recv-message-size", "1000"];
    let made = output_of(&[&ladder[..], &small, &window].concat());
    let sweep: Sweep = strict("a ladder", &made.stdout);
    assert!(sweep.limits.is_some() && sweep.asked.metadata[0].hidden == Some(true), "{:?}", sweep.asked);
    let server = Server::start(&[]);
    let refused = output_of(&["call", &server.target(), "x", "-O", "json", "--max-send-message-size", "0"]);
    let reply: Reply = strict("a refused call", &refused.stdout);
    assert_eq!((reply.text, reply.status.code.as_str()), (None, "OUT_OF_RANGE"));
}

#[test]
fn an_announcement_has_the_pinned_schema() {
    let mut server =
        crate::process::plimsoll(&["serve", "--listen", "127.0.0.1:0", "-O", "json", "--until-input-ends"]);
    let mut server = server
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it serves");
    let mut document = String::new();
    let mut lines = std::io::BufReader::new(server.stdout.take().expect("piped"));
    while !document.ends_with("}\n") {
        assert!(lines.read_line(&mut document).expect("readable") > 0, "{document}");
    }
    let announcement: Announcement = strict("an announcement", document.as_bytes());
    assert_eq!(announcement.schema, DocumentKind::Announcement.schema());
    assert_eq!((announcement.listening.len(), announcement.process), (1, server.id()));
    drop(server.stdin.take());
    server.wait().expect("it ends with its input");
}
