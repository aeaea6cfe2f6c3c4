//! `plimsoll limits` at servers that limit in other ways than the reference server.

use std::sync::atomic::{AtomicU64, Ordering};

use plimsoll::client::lean::frame::kind;

use crate::{
    limits_document::{limits, limits_with_status},
    policed_server::{Request, Ruling, policed, refused},
    process::{output_of, text},
    raw_server::frame,
};

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
