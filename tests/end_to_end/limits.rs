//! `plimsoll limits`: exact edges at the reference server, and servers that limit in other ways.

use std::sync::atomic::{AtomicU64, Ordering};

use plimsoll::client::lean::frame::kind;
use proptest::prelude::*;
use rustix::process::Signal;

use crate::{
    limits_document::{Document, limits, limits_with_status},
    policed_server::{Request, Ruling, policed, refused},
    process::{Server, output_of, plimsoll, text},
    raw_server::frame,
};

/// The sizes next to a limit that a text can make.
fn sides(limit: u64) -> (u64, u64) {
    match limit {
        0..=2 => (0, 3),
        129 | 130 => (129, 131),
        16_386 | 16_387 => (16_386, 16_388),
        other => (other, other + 1),
    }
}

const LIMITS: [u64; 9] = [0, 1, 129, 131, 16_386, 16_388, 1 << 20, 4 << 20, (4 << 20) + 1];

#[test]
fn the_servers_receive_limit_is_exact() {
    for bytes in LIMITS {
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
    for bytes in LIMITS.into_iter().chain([9_000_000]) {
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
    for client in ["lean", "stub"] {
        for bytes in [3, 129, 131, 16_386, 16_388, 1 << 20] {
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
    let at_100_mib = ["--server-max-recv-message-size", "100MiB"];
    let found = limits(&[&at_100_mib, ["--up-to", "1MiB"].as_slice()].concat());
    let limit = found.servers();
    assert_eq!((limit.limit_bytes, limit.confirmed), (Some(100 << 20), false));
    // A message of 1 MiB was sent; what was only claimed has not passed.
    assert_eq!(limit.largest_passed_bytes, Some(1 << 20));
    assert_eq!(limit.smallest_refused_bytes, Some((100 << 20) + 1));
    assert!(limit.uploaded_bytes.is_some_and(|bytes| bytes < 100), "{limit:?}");
    assert!(found.has_finding("unconfirmed"));
    let confirmed = limits(&[&at_100_mib, ["--up-to", "101MiB"].as_slice()].concat());
    assert_eq!((confirmed.servers().limit_bytes, confirmed.servers().confirmed), (Some(100 << 20), true));
}

#[test]
fn ten_runs_find_the_same() {
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
    for _ in 1..10 {
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
    for encoding in ["gzip", "zstd"] {
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

/// Refuses messages over this size: from the prefix on, in these words.
pub(crate) fn by_prefix(limit: u64, code: &'static str, words: &'static str) -> impl Fn(&Request) -> Ruling {
    move |request| match request.claimed {
        Some(claimed) if claimed > limit => Ruling::Send(refused(request.stream, code, words)),
        _ => Ruling::GoOn,
    }
}

#[test]
fn words_that_nobody_knows_are_a_limit_where_they_begin() {
    let target = policed(by_prefix(5_000, "3", "your parcel is too big")).to_string();
    let found = limits(&[&target, "--up-to", "1MiB"]);
    let limit = found.servers();
    assert_eq!(limit.limit_bytes, Some(5_000), "{limit:?}");
    assert_eq!((limit.code.as_deref(), limit.cause.as_deref()), (Some("INVALID_ARGUMENT"), Some("status")));
    assert_eq!(limit.message.as_deref(), Some("your parcel is too big"));
    assert!(limit.probes <= 60, "{}", limit.probes);
}

#[test]
fn a_server_that_does_not_answer_requests_that_end_too_early_is_known_by_its_silence() {
    let police = by_prefix(5_000, "8", "grpc: received message larger than max (0 vs. 5000)");
    let target = policed(move |request| match police(request) {
        // The end is not noticed before the whole message has come.
        Ruling::GoOn if request.is_short() => Ruling::Wait,
        ruling => ruling,
    });
    let limit_of = limits(&[&target.to_string(), "--up-to", "1MiB"]);
    assert_eq!(limit_of.servers().limit_bytes, Some(5_000), "{:?}", limit_of.servers());
}

#[test]
fn what_limits_whole_requests_in_front_of_a_server_is_named() {
    type Refuse = fn(&Request) -> Ruling;
    let cases: [(&str, &str, Refuse); 3] = [
        ("http_status", "HTTP status 413", |request| {
            let block = crate::raw_server::block(&[(":status", "413")]);
            Ruling::Send(frame(kind::HEADERS, 5, request.stream, &block))
        }),
        ("stream_reset", "ENHANCE_YOUR_CALM", |request| {
            Ruling::Send(frame(kind::RST_STREAM, 0, request.stream, &11_u32.to_be_bytes()))
        }),
        ("connection_lost", "closed the connection", |_| Ruling::Close),
    ];
    for (cause, words, refuse) in cases {
        // The whole body is counted, and only as it comes: a prefix says nothing to such a limit.
        let target = policed(move |request| match request.received {
            received if received > 60_005 => refuse(request),
            _ => Ruling::GoOn,
        });
        let found = limits(&[&target.to_string(), "--up-to", "1MiB"]);
        let limit = found.servers();
        assert_eq!(
            (limit.largest_passed_bytes, limit.smallest_refused_bytes),
            (Some(60_000), Some(60_001)),
            "{limit:?}"
        );
        assert_eq!(limit.cause.as_deref(), Some(cause));
        assert!(limit.message.as_ref().is_some_and(|message| message.contains(words)), "{limit:?}");
        assert_eq!(limit.connection_survived, Some(cause != "connection_lost"));
        assert_eq!(limit.neighbour_survived, Some(cause != "connection_lost"));
        assert!(found.has_finding("refuses_without_words"));
    }
}

#[test]
fn a_limit_that_changes_is_unstable_and_no_number() {
    let seen = AtomicU64::new(0);
    let target = policed(move |request| {
        let limit = if seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) { 2_000 } else { 1_000 };
        match request.claimed {
            Some(claimed) if claimed > limit => Ruling::Send(refused(
                request.stream,
                "8",
                &format!("grpc: received message larger than max ({claimed} vs. {limit})"),
            )),
            _ => Ruling::GoOn,
        }
    });
    let (status, found) = limits_with_status(&[&target.to_string(), "--up-to", "1MiB"]);
    assert_eq!(status, 2);
    assert_eq!((found.servers().state.as_str(), found.servers().limit_bytes), ("unstable", None));
    assert!(found.has_finding("unstable"));
}

/// Also when its refusals name no limit.
#[test]
fn a_limit_that_moves_by_a_byte_is_unstable_too() {
    let seen = AtomicU64::new(0);
    let target = policed(move |request| {
        let limit = 1_000 + seen.fetch_add(1, Ordering::Relaxed) % 2;
        match request.claimed {
            Some(claimed) if claimed > limit => Ruling::Send(refused(request.stream, "8", "too big")),
            _ => Ruling::GoOn,
        }
    });
    let (status, found) = limits_with_status(&[&target.to_string(), "--up-to", "1MiB"]);
    assert_eq!((status, found.servers().state.as_str()), (2, "unstable"), "{:?}", found.servers());
}

#[test]
fn a_server_that_dies_in_mid_search_leaves_what_was_found() {
    let server = Server::start(&["--obey"]);
    let target = server.target();
    // Each answer takes its time, so that there is a midst.
    let slowly = ["-m", "plimsoll-delay: 50ms"];
    let child = plimsoll(&["limits", "-q", "-O", "json", &target])
        .args(slowly)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // A few of some twenty, each on a connection of its own.
    crate::process::eventually("the fifth probe", || connections_to(&server) >= 5);
    server.signal(Signal::KILL);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let found: Document = serde_json::from_slice(&output.stdout).expect("a document");
    assert!(found.ended_early.is_some_and(|why| why.contains(&target)), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("ended early"));
}

/// Connections to a server's port, those that have ended lately included, as proc(5) has them.
fn connections_to(server: &Server) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the kernel's table");
    let port = format!(":{:04X}", server.address.port());
    let is_remote =
        |line: &&str| line.split_whitespace().nth(2).is_some_and(|remote| remote.ends_with(&port));
    table.lines().filter(is_remote).count()
}

#[test]
fn an_interrupted_search_leaves_what_was_found() {
    let server = Server::start(&["--obey"]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("limits.json");
    let arguments = ["limits", "-q", &server.target(), "-m", "plimsoll-delay: 50ms", "-o"].map(str::to_owned);
    let mut child = plimsoll(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
        .arg(&path)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the binary runs");
    crate::process::eventually("the fifth probe", || connections_to(&server) >= 5);
    crate::process::signal(child.id(), Signal::INT);
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    let found: Document = serde_json::from_slice(&std::fs::read(&path).expect("kept")).expect("a document");
    assert_eq!((found.interrupted, found.ended_early.as_deref()), (Some(true), Some("interrupted")));
    // Nothing else is left beside it.
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 1);
}

/// What the server says of a message that the client did send is not the client's limit.
#[test]
fn a_failure_of_the_servers_is_no_limit_of_the_clients() {
    let target = policed(|request| match request.claimed {
        Some(claimed) if claimed > 5_000 => Ruling::Send(refused(request.stream, "3", "too long for me")),
        _ => Ruling::GoOn,
    });
    for client in ["lean", "stub"] {
        let own = ["--client", client, "--max-send-message-size", "20000", "--up-to", "1MiB"];
        let found = limits(&[&[target.to_string().as_str()], own.as_slice()].concat());
        assert_eq!(found.servers().limit_bytes, Some(5_000));
        let limit = found.of("client", "request");
        assert_eq!((limit.limit_bytes, limit.state.as_str()), (Some(20_000), "found"), "{client}: {limit:?}");
    }
}

#[test]
fn a_server_that_never_answers_what_is_too_long_has_a_limit_all_the_same() {
    let target = policed(|request| match request.received {
        received if received > 1_055 => Ruling::Wait,
        _ => Ruling::GoOn,
    });
    let found = limits(&[&target.to_string(), "--up-to", "1100"]);
    let limit = found.servers();
    assert_eq!((limit.limit_bytes, limit.cause.as_deref()), (Some(1_050), Some("silence")), "{limit:?}");
}

#[test]
fn a_server_that_answers_nothing_has_no_limits() {
    let target = policed(|request| Ruling::Send(refused(request.stream, "12", "no such method"))).to_string();
    let output = output_of(&["limits", "-q", &target]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("UNIMPLEMENTED: no such method"), "{}", text(&output.stderr));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn any_limit_of_the_server_is_found(bytes in prop_oneof![0_u64..300, 16_000_u64..17_000, 0..(5_u64 << 20)]) {
        let found = limits(&["--server-max-recv-message-size", &bytes.to_string()]);
        prop_assert_eq!(found.servers().limit_bytes, Some(bytes));
        prop_assert!(found.servers().confirmed);
    }
}
