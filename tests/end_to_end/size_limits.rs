//! Tests of the four limits, each at its exact byte.

use crate::{
    document::Summary,
    process::{over, over_both_clients, run, run_with_status},
};

/// Makes a few calls of this size with these flags.
fn calls(size: u64, flags: &[&str]) -> Summary {
    let size = size.to_string();
    run(&[&["-n", "3", "-c", "1", "-w", "0s", "-s", &size], flags].concat())
}

/// Messages up to a limit pass and the next larger is refused, as described, at each of these limits: in plaintext and
/// over TLS.
fn bites(limits: &[u64], side: &str, direction: &str, flags: impl Fn(&str) -> Vec<String>) {
    for (&limit, tls) in
        limits.iter().flat_map(|limit| [(limit, None), (limit, Some("--server-tls".to_owned()))])
    {
        let mut flags = flags(&limit.to_string());
        flags.extend(tls);
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let passed = calls(limit, &flags);
        assert_eq!(
            passed.calls.answered, 3,
            "{limit} {side} {direction}: {:?} {:?}",
            passed.calls, passed.refusals
        );
        let refused = calls(limit + 1, &flags);
        assert_eq!(
            refused.calls.refused, 3,
            "{limit} {side} {direction}: {:?} {:?}",
            refused.calls, refused.statuses
        );
        assert_eq!(refused.latency.service.count, 0);
        assert_eq!(refused.goodput.replies, 0);
        let refusal = &refused.refusals[0];
        assert_eq!((refusal.side.as_str(), refusal.direction.as_str()), (side, direction));
        assert_eq!((refusal.message_bytes, refusal.limit_bytes), (limit + 1, Some(limit)));
        assert_eq!(refusal.code, "OUT_OF_RANGE");
    }
}

fn flags(pairs: &[(&str, &str)]) -> Vec<String> {
    pairs.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]).collect()
}

/// The everyday suite's limit; the defaults are tried at 4 MiB.
const ONE: [u64; 1] = [1_000];

const LARGE: [u64; 2] = [1 << 20, 4 << 20];

fn the_servers_receive_limit() {
    the_servers_receive_limit_at(&ONE);
}

fn the_servers_send_limit() {
    the_servers_send_limit_at(&ONE);
}

fn the_clients_send_limit() {
    the_clients_send_limit_at(&ONE);
}

fn the_four_limits_of_large_messages() {
    the_servers_receive_limit_at(&LARGE);
    the_servers_send_limit_at(&LARGE);
    the_clients_send_limit_at(&LARGE);
    the_clients_receive_limit_at(&LARGE);
}

fn the_servers_receive_limit_at(limits: &[u64]) {
    bites(limits, "server", "request", |limit| flags(&[("--server-max-recv-message-size", limit)]));
}

fn the_servers_send_limit_at(limits: &[u64]) {
    bites(limits, "server", "response", |limit| {
        flags(&[
            ("--server-max-recv-message-size", "100MiB"),
            ("--server-max-send-message-size", limit),
            ("--max-recv-message-size", "100MiB"),
        ])
    });
}

fn the_clients_send_limit_at(limits: &[u64]) {
    bites(limits, "client", "request", |limit| {
        flags(&[
            ("--server-max-recv-message-size", "100MiB"),
            ("--max-send-message-size", limit),
            ("--max-recv-message-size", "100MiB"),
        ])
    });
}

fn the_clients_receive_limit_at(limits: &[u64]) {
    bites(limits, "client", "response", |limit| {
        flags(&[("--server-max-recv-message-size", "100MiB"), ("--max-recv-message-size", limit)])
    });
}

fn the_clients_receive_limit_also_when_the_server_has_the_same() {
    the_clients_receive_limit_at(&ONE);
    // Both limits are the same number, and both sides use the same words: a reply that grows is the
    // client's refusal, a request is the server's.
    let both = ["--server-max-recv-message-size", "1000", "--max-recv-message-size", "1000"];
    let grown = calls(900, &[&both, ["--text", "expanding"].as_slice()].concat());
    assert_eq!(
        (grown.refusals[0].side.as_str(), grown.refusals[0].direction.as_str()),
        ("client", "response")
    );
    let long = calls(1_001, &both);
    assert_eq!((long.refusals[0].side.as_str(), long.refusals[0].direction.as_str()), ("server", "request"));
}

fn the_defaults_are_grpcs() {
    assert_eq!(calls(4 << 20, &[]).calls.answered, 3);
    let over = calls((4 << 20) + 1, &[]);
    assert_eq!(over.calls.refused, 3);
    assert_eq!((over.refusals[0].side.as_str(), over.refusals[0].direction.as_str()), ("server", "request"));
    let grown = calls(2 << 20, &["--text", "expanding"]);
    assert_eq!(
        (grown.refusals[0].side.as_str(), grown.refusals[0].direction.as_str()),
        ("client", "response")
    );
}

/// Tonic would close its own connection after some thousand of these, and call the rest broken.
fn refusals_break_no_connection() {
    so_many_refusals_break_no_connection(2_000);
}

fn thousands_of_refusals_break_no_connection() {
    so_many_refusals_break_no_connection(10_000);
}

fn so_many_refusals_break_no_connection(calls: u64) {
    let number = calls.to_string();
    let load = ["-n", &number, "-c", "64", "-w", "0s"];
    let large = ["-s", "100kB"];
    // A reply three times as long as its request, which passes.
    let growing = ["-s", "900", "--text", "expanding"];
    for (limit, sizes, side, direction) in [
        ("--max-send-message-size", large.as_slice(), "client", "request"),
        ("--server-max-recv-message-size", &large, "server", "request"),
        ("--server-max-send-message-size", &growing, "server", "response"),
        ("--max-recv-message-size", &large, "client", "response"),
    ] {
        let (status, summary) = run_with_status(&[&load, sizes, &[limit, "1000"]].concat());
        assert_eq!(status, 2, "no call is answered");
        assert_eq!(summary.calls.refused, calls, "{limit}: {:?} {:?}", summary.calls, summary.statuses);
        let [refusal] = summary.refusals.as_slice() else { panic!("{:?}", summary.refusals) };
        assert_eq!((refusal.side.as_str(), refusal.direction.as_str()), (side, direction));
        assert_eq!((refusal.limit_bytes, refusal.count), (Some(1_000), calls));
        let memory = summary.cost.client_peak_rss_bytes.expect("known on this system");
        assert!(memory < 128 << 20, "{limit}: {memory} bytes");
    }
}

#[test]
fn an_unlimited_receive_limit_is_capped_in_the_stub_and_said() {
    for (client, limit, is_capped) in [("stub", 256 << 20, true), ("lean", (1 << 31) - 1, false)] {
        over(client, || {
            let summary = calls(64, &["--max-recv-message-size", "unlimited"]);
            assert_eq!(summary.plan.max_recv_message_bytes, Some(limit));
            assert_eq!(summary.has_finding("recv_limit_capped"), is_capped, "{client}");
        });
    }
}

/// Checks that the run ends on time, although a refused call takes no time and the next one could start at
/// once.
fn a_run_by_time_of_nothing_but_own_refusals_ends_on_time() {
    for load in [["-c", "4"], ["-r", "200"]] {
        let arguments =
            [&["-z", "300ms", "-w", "100ms", "--max-send-message-size", "3"], load.as_slice()].concat();
        // It ends at all.
        let (status, summary) = run_with_status(&arguments);
        assert_eq!(status, 2, "no call is answered");
        assert!(summary.calls.planned > 20);
        assert_eq!(summary.calls.refused, summary.calls.planned, "{:?}", summary.calls);
    }
}

over_both_clients!(
    lean:
    a_run_by_time_of_nothing_but_own_refusals_ends_on_time,
    the_servers_receive_limit,
    the_servers_send_limit,
    the_defaults_are_grpcs;
    stub:
    refusals_break_no_connection;
    both:
    the_clients_send_limit,
    the_clients_receive_limit_also_when_the_server_has_the_same;
    second:
    the_four_limits_of_large_messages,
    thousands_of_refusals_break_no_connection;
);
