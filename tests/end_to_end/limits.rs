//! `plimsoll limits` at the reference server: exact edges, what is said of them, and how a search ends.

use proptest::prelude::*;
use rustix::process::Signal;

use crate::{
    limits_document::{Document, limits},
    process::{EVENTS, Server, await_line, lines_of, output_of, plimsoll, text},
};

/// Returns the sizes next to a limit that a text can have.
fn sides(limit: u64) -> (u64, u64) {
    match limit {
        0..=2 => (0, 3),
        129 | 130 => (129, 131),
        16_386 | 16_387 => (16_386, 16_388),
        other => (other, other + 1),
    }
}

/// Nothing, next to a size that no text can make, and large.
const FEW: [u64; 3] = [0, 16_386, (4 << 20) + 1];

const MANY: [u64; 9] = [0, 1, 129, 131, 16_386, 16_388, 1 << 20, 4 << 20, (4 << 20) + 1];

#[test]
fn the_servers_receive_limit_is_exact() {
    the_receive_limit_is_exact(&FEW);
}

#[test]
#[ignore = "second suite: nine limits"]
fn the_servers_receive_limit_is_exact_wherever_it_is() {
    the_receive_limit_is_exact(&MANY);
}

fn the_receive_limit_is_exact(limits_of_server: &[u64]) {
    for &bytes in limits_of_server {
        let found = limits(&["--server-max-recv-message-size", &bytes.to_string()]);
        let limit = found.servers();
        let (passed, refused) = sides(bytes);
        assert_eq!(limit.state, "found", "{limit:?}");
        assert_eq!(limit.limit_bytes, Some(bytes));
        assert_eq!((limit.largest_passed_bytes, limit.smallest_refused_bytes), (Some(passed), Some(refused)));
        assert_eq!((limit.code.as_deref(), limit.cause.as_deref()), (Some("OUT_OF_RANGE"), Some("words")));
        assert_eq!((limit.connection_survived, limit.neighbour_survived), (Some(true), Some(true)));
        assert!(limit.confirmed && limit.refusal_ns.is_some());
        assert!(limit.probes <= 20, "{} probes", limit.probes);
    }
}

#[test]
fn the_servers_send_limit_is_exact_also_beyond_its_receive_limit() {
    the_send_limit_is_exact(&[131, 9_000_000]);
}

#[test]
#[ignore = "second suite: ten limits"]
fn the_servers_send_limit_is_exact_wherever_it_is() {
    the_send_limit_is_exact(&[&MANY, [9_000_000].as_slice()].concat());
}

fn the_send_limit_is_exact(limits_of_server: &[u64]) {
    for &bytes in limits_of_server {
        let found = limits(&["--server-max-send-message-size", &bytes.to_string()]);
        let limit = found.of("server", "response");
        let (passed, refused) = sides(bytes);
        assert_eq!(limit.limit_bytes, Some(bytes), "{limit:?}");
        assert_eq!((limit.largest_passed_bytes, limit.smallest_refused_bytes), (Some(passed), Some(refused)));
        assert_eq!((limit.connection_survived, limit.neighbour_survived), (Some(true), Some(true)));
        assert_eq!(found.servers().limit_bytes, Some(4 << 20));
        // The client's own limit is 4 MiB: a server that sends less hides it.
        let own = found.of("client", "response");
        assert_eq!(own.state, if bytes <= 4 << 20 { "hidden" } else { "found" }, "{own:?}");
    }
}

#[test]
fn both_clients_own_limits_are_exact() {
    own_limits_are_exact(&[16_386]);
}

#[test]
#[ignore = "second suite: six limits of each client"]
fn both_clients_own_limits_are_exact_wherever_they_are() {
    own_limits_are_exact(&[3, 129, 131, 16_386, 16_388, 1 << 20]);
}

fn own_limits_are_exact(limits_of_client: &[u64]) {
    for client in ["lean", "stub"] {
        for &bytes in limits_of_client {
            let written = bytes.to_string();
            let own = ["--max-send-message-size", &written, "--max-recv-message-size", &written];
            let found = limits(&[&["--client", client], own.as_slice()].concat());
            let (passed, refused) = sides(bytes);
            for direction in ["request", "response"] {
                let limit = found.of("client", direction);
                assert_eq!(
                    (limit.largest_passed_bytes, limit.smallest_refused_bytes),
                    (Some(passed), Some(refused)),
                    "{client}: {limit:?}"
                );
                assert_eq!((limit.connection_survived, limit.neighbour_survived), (Some(true), Some(true)));
            }
            // Tonic does not say why it did not send.
            let code = if client == "lean" { "OUT_OF_RANGE" } else { "INTERNAL" };
            assert_eq!(found.of("client", "request").code.as_deref(), Some(code));
            assert_eq!(found.has_finding("reason_lost"), client == "stub");
            assert_eq!(found.of("client", "response").code.as_deref(), Some("OUT_OF_RANGE"));
        }
    }
}

#[test]
fn a_limit_beyond_what_is_sent_is_found_by_prefix_and_said_to_be_unconfirmed() {
    limit_beyond_what_is_sent(5);
}

#[test]
#[ignore = "second suite: a message of 100 MiB"]
fn a_limit_of_100_mib_is_found_by_prefix_and_confirmed() {
    limit_beyond_what_is_sent(100);
}

fn limit_beyond_what_is_sent(mebibytes: u64) {
    let bytes = mebibytes << 20;
    let (limit, above) = (format!("{mebibytes}MiB"), format!("{}MiB", mebibytes + 1));
    let limited = ["--server-max-recv-message-size", &limit];
    let found = limits(&[&limited, ["--up-to", "1MiB"].as_slice()].concat());
    let limit = found.servers();
    assert_eq!((limit.limit_bytes, limit.confirmed), (Some(bytes), false));
    // A message of 1 MiB was sent; what was only claimed has not passed.
    assert_eq!(limit.largest_passed_bytes, Some(1 << 20));
    assert_eq!(limit.smallest_refused_bytes, Some(bytes + 1));
    assert!(limit.uploaded_bytes.is_some_and(|bytes| bytes < 100), "{limit:?}");
    assert!(found.has_finding("unconfirmed"));
    let confirmed = limits(&[&limited, ["--up-to", &above].as_slice()].concat());
    assert_eq!((confirmed.servers().limit_bytes, confirmed.servers().confirmed), (Some(bytes), true));
}

#[test]
fn two_runs_find_the_same() {
    runs_find_the_same(2);
}

#[test]
#[ignore = "second suite: ten runs"]
fn ten_runs_find_the_same() {
    runs_find_the_same(10);
}

fn runs_find_the_same(runs: u32) {
    let server = Server::start(&["--max-recv-message-size", "70000", "--max-send-message-size", "150001"]);
    let found = || {
        let limits = limits(&[&server.target()]);
        let edges = limits.limits.into_iter().map(|limit| {
            (
                limit.state,
                limit.largest_passed_bytes,
                limit.smallest_refused_bytes,
                limit.limit_bytes,
                limit.code,
            )
        });
        edges.collect::<Vec<_>>()
    };
    let first = found();
    assert_eq!((first[1].3, first[2].3), (Some(70_000), Some(150_001)));
    for _ in 1..runs {
        assert_eq!(found(), first);
    }
}

#[test]
fn what_follows_is_said_in_plain_words() {
    let output = output_of(&["limits", "-q"]);
    let out = text(&output.stdout);
    assert!(out.contains("4,194,304 B"), "{out}");
    assert!(out.contains("a request of 3 MiB whose reply grows past 4 MiB"), "{out}");
    assert!(out.contains("raise the caller's receive limit"), "{out}");
}

#[test]
fn which_bytes_a_limit_counts_of_compressed_messages_is_told() {
    counted_bytes_are_told(&["gzip"]);
}

#[test]
#[ignore = "second suite: both encodings"]
fn which_bytes_a_limit_counts_is_told_of_each_encoding() {
    counted_bytes_are_told(&["gzip", "zstd"]);
}

fn counted_bytes_are_told(encodings: &[&str]) {
    for encoding in encodings.iter().copied() {
        let server = [
            "--compress",
            encoding,
            "--server-compress",
            encoding,
            "--server-max-recv-message-size",
            "100000",
            "--server-max-send-message-size",
            "200000",
        ];
        for client in ["lean", "stub"] {
            let own = ["--client", client, "--max-send-message-size", "50000"];
            let found = limits(&[&server, own.as_slice()].concat());
            let counts = |side, direction| {
                let limit = found.of(side, direction);
                limit.compressed.as_ref().map(|compressed| compressed.counts.as_str())
            };
            assert_eq!(found.servers().limit_bytes, Some(100_000));
            assert_eq!(counts("server", "request"), Some("both"), "{found:?}");
            let code = found.servers().compressed.as_ref().and_then(|compressed| compressed.code.as_deref());
            assert_eq!(code, Some("RESOURCE_EXHAUSTED"), "where a plain message is OUT_OF_RANGE");
            assert!(found.has_finding("another_code_when_compressed"));
            // Tonic counts what it sends.
            assert_eq!(counts("server", "response"), Some("compressed"));
            let own = if client == "lean" { "decompressed" } else { "compressed" };
            assert_eq!(counts("client", "request"), Some(own));
        }
    }
    // Tonic does not compress replies that nobody asked for.
    let plain = limits(&["--compress", "gzip", "--server-max-send-message-size", "200000"]);
    let sends = plain.of("server", "response").compressed.as_ref();
    assert_eq!(sends.map(|compressed| compressed.counts.as_str()), Some("not_compressed"));
    let receives =
        limits(&["--compress", "gzip", "--server-compress", "gzip", "--max-recv-message-size", "5000"]);
    let own = receives.of("client", "response").compressed.as_ref();
    assert_eq!(own.map(|compressed| compressed.counts.as_str()), Some("decompressed"));
}

#[test]
fn saved_limits_are_printed_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("limits.json");
    let written = path.to_str().expect("UTF-8");
    let first = output_of(&["limits", "-q", "-o", written]);
    let again = output_of(&["report", written]);
    assert_eq!(text(&again.stdout), text(&first.stdout));
    let json = output_of(&["report", written, "-O", "json"]);
    assert_eq!(text(&json.stdout), std::fs::read_to_string(&path).expect("there"));
}

#[test]
fn a_server_that_dies_in_mid_search_leaves_what_was_found() {
    let server = Server::start(&["--obey"]);
    let target = server.target();
    // Each answer takes its time, so that there is a midst.
    let slowly = ["-m", "plimsoll-delay: 300ms"];
    let mut child = plimsoll(&["limits", "-q", "-O", "json", &target])
        .args(slowly)
        .args(EVENTS)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = lines_of(&mut child);
    // The small call was answered, and the first of some twenty probes is on its way.
    await_line(&mut lines, "\"limit\"");
    server.signal(Signal::KILL);
    let output = crate::process::finish(child);
    let error: String = lines.collect();
    assert_eq!(output.status.code(), Some(2), "{error}");
    let found: Document = serde_json::from_slice(&output.stdout).expect("a document");
    assert!(found.ended_early.is_some_and(|why| why.contains(&target)), "{error}");
    assert!(error.contains("ended early"), "{error}");
}

#[test]
fn an_interrupted_search_leaves_what_was_found() {
    let server = Server::start(&["--obey"]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("limits.json");
    let arguments =
        ["limits", "-q", &server.target(), "-m", "plimsoll-delay: 300ms", "-o"].map(str::to_owned);
    let mut child = plimsoll(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
        .arg(&path)
        .args(EVENTS)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = lines_of(&mut child);
    await_line(&mut lines, "\"limit\"");
    crate::process::signal(child.id(), Signal::INT);
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    let found: Document = serde_json::from_slice(&std::fs::read(&path).expect("kept")).expect("a document");
    assert_eq!((found.interrupted, found.ended_early.as_deref()), (Some(true), Some("interrupted")));
    // Nothing else is left beside it.
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 1);
}

fn found_is(bytes: u64) -> Result<(), TestCaseError> {
    let found = limits(&["--server-max-recv-message-size", &bytes.to_string()]);
    prop_assert_eq!(found.servers().limit_bytes, Some(bytes));
    prop_assert!(found.servers().confirmed);
    Ok(())
}

fn any_limit() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..300, 16_000_u64..17_000, 0..(5_u64 << 20)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, ..ProptestConfig::default() })]
    #[test]
    fn any_limit_of_the_server_is_found(bytes in any_limit()) {
        found_is(bytes)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    #[ignore = "second suite: 24 cases"]
    fn any_limit_of_the_server_is_found_in_many_cases(bytes in any_limit()) {
        found_is(bytes)?;
    }
}
