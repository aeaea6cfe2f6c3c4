//! Limits in front of a server's own: a proxy accepts each prefix, and counts whole bodies.

use std::net::SocketAddr;

use plimsoll::client::lean::frame::{flag, kind};

use crate::{
    limits_document::{Document, limits, limits_with_status},
    policed_server::{Request, Ruling, policed, refused},
    process::{output_of, text},
    raw_server::{block, frame},
    verdict_document::Verdict,
};

/// Starts a server that refuses claims over `limit`, behind a proxy that answers bodies of more than `body` bytes
/// as nginx does: with a page and HTTP 413, and then with a reset.
fn behind_a_proxy(body: u64, limit: u64) -> SocketAddr {
    policed(move |request| ruling(request, body, limit, true))
}

fn ruling(request: &Request, body: u64, limit: u64, resets: bool) -> Ruling {
    if let Some(claimed) = request.claimed.filter(|claimed| *claimed > limit) {
        let words = format!("grpc: received message larger than max ({claimed} vs. {limit})");
        return Ruling::Send(refused(request.stream, "8", &words));
    }
    if request.received <= body {
        return Ruling::GoOn;
    }
    let block = block(&[(":status", "413"), ("content-type", "text/html")]);
    let mut bytes = frame(kind::HEADERS, flag::END_HEADERS, request.stream, &block);
    bytes.extend(frame(kind::DATA, flag::END_STREAM, request.stream, b"<html>413</html>"));
    if resets {
        bytes.extend(frame(kind::RST_STREAM, 0, request.stream, &0_u32.to_be_bytes()));
    }
    Ruling::Send(bytes)
}

fn assert_both_are_found(found: &Document, limit: u64) {
    let first = found.servers();
    assert_eq!((first.state.as_str(), first.confirmed), ("found", true), "{first:?}");
    assert_eq!((first.largest_passed_bytes, first.smallest_refused_bytes), (Some(60_000), Some(60_001)));
    assert_eq!((first.limit_bytes, first.http_status), (Some(60_000), Some(413)));
    assert_eq!(first.cause.as_deref(), Some("http_status"));
    assert_eq!((first.connection_survived, first.neighbour_survived), (Some(true), Some(true)));
    let behind = first.behind.as_ref().expect("the server's own");
    assert_eq!((behind.limit_bytes, behind.smallest_refused_bytes), (limit, limit + 1));
    assert_eq!((behind.named_bytes, behind.code.as_deref()), (Some(limit), Some("RESOURCE_EXHAUSTED")));
    assert!(found.has_finding("limit_in_front") && !found.has_finding("unstable"), "{:?}", found.findings);
    // Replies are searched with requests that pass: nothing about them is unstable.
    for (side, direction) in [("server", "response"), ("client", "response")] {
        assert_eq!(found.of(side, direction).state, "hidden", "{:?}", found.of(side, direction));
    }
}

#[test]
fn the_limit_that_callers_meet_comes_first_and_the_claimed_one_behind_it() {
    both_limits_are_found(5_000_000, true, "lean");
    both_limits_are_found(65_000, false, "stub");
}

#[test]
#[ignore = "second suite: each limit behind, with and without resets, over both clients"]
fn the_limit_that_callers_meet_comes_first_in_each_case() {
    for limit in [5_000_000, 500_000, 65_000] {
        for resets in [true, false] {
            for client in ["lean", "stub"] {
                both_limits_are_found(limit, resets, client);
            }
        }
    }
}

fn both_limits_are_found(limit: u64, resets: bool, client: &str) {
    let target = policed(move |request| ruling(request, 60_005, limit, resets)).to_string();
    let (status, found) = limits_with_status(&[&target, "--client", client, "--up-to", "1MiB"]);
    assert_eq!(status, 0, "{found:?}");
    assert_both_are_found(&found, limit);
}

#[test]
fn a_server_without_a_limit_of_its_own_is_no_limit_behind() {
    let target = policed(|request| ruling(request, 60_005, u64::MAX, true)).to_string();
    let found = limits(&[&target, "--up-to", "1MiB"]);
    let limit = found.servers();
    assert_eq!((limit.limit_bytes, limit.http_status), (Some(60_000), Some(413)), "{limit:?}");
    assert_eq!(limit.behind, None);
}

#[test]
fn a_person_reads_both_limits_and_which_one_comes_first() {
    let target = behind_a_proxy(60_005, 5_000_000).to_string();
    let output = output_of(&["limits", "-q", &target, "--up-to", "1MiB"]);
    let out = text(&output.stdout);
    let front = out.find("60,000 B (in front)").unwrap_or_else(|| panic!("{out}"));
    let behind = out.find("5,000,000 B (by prefix)").unwrap_or_else(|| panic!("{out}"));
    assert!(front < behind && out.contains("HTTP 413"), "{out}");
    let rows: Vec<&str> = out.lines().filter(|line| line.contains("behind it ")).collect();
    assert!(rows[0].split_whitespace().nth(6) == Some("-"), "a claim has not passed: {out}");
}

#[test]
fn a_limit_in_front_that_moves_is_a_regression() {
    let (base, candidate) = (behind_a_proxy(90_005, 5_000_000), behind_a_proxy(60_005, 5_000_000));
    let gate = |base: &str, candidate: &str| {
        let flags = ["gate", "-q", "-O", "json", "--limits-only", "--limits-up-to", "1MiB"];
        let output = output_of(&[&flags, ["--base", base, "--candidate", candidate].as_slice()].concat());
        let verdict: Verdict = serde_json::from_slice(&output.stdout).expect("a verdict");
        (output.status.code(), verdict)
    };
    let (status, verdict) = gate(&base.to_string(), &candidate.to_string());
    assert_eq!((status, verdict.verdict.as_str()), (Some(1), "regressed"), "{}", verdict.reason);
    let limits = verdict.limits.expect("looked for");
    let moved = limits.moved.iter().find(|moved| moved.direction == "request").expect("it moved");
    assert!(moved.base.contains("90,000 bytes pass, 90,001 are refused (HTTP 413)"), "{moved:?}");
    assert!(moved.candidate.contains("60,000 bytes pass, 60,001 are refused (HTTP 413)"), "{moved:?}");
    let (status, verdict) = gate(&base.to_string(), &base.to_string());
    assert_eq!((status, verdict.verdict.as_str()), (Some(0), "unchanged"), "{}", verdict.reason);
}

#[test]
fn a_sweep_shows_the_limit_that_its_table_shows() {
    let target = behind_a_proxy(60_005, 5_000_000).to_string();
    let ladder = ["-s", "16KiB..256KiB", "-r", "100", "-z", "50ms", "-w", "0s", "--repetitions", "1"];
    let output = output_of(&[&["sweep", "-q", target.as_str()], ladder.as_slice()].concat());
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}{}", text(&output.stderr));
    let line = out.lines().find(|line| line.starts_with("limits")).unwrap_or_else(|| panic!("{out}"));
    assert!(line.contains("server request 60,000 B (in front of 5,000,000 B, by prefix)"), "{line}");
    // Both sides of it are points.
    for (size, is_refused) in [("60,000 B", false), ("60,001 B", true)] {
        let row = out.lines().find(|line| line.trim_start().starts_with(size)).expect("a row");
        assert_eq!(row.contains("100.00 %"), is_refused, "{row}");
    }
}
