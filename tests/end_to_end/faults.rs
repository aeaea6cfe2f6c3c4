//! Tests of every fault: calls are conserved, each has the right outcome, the result is written, and the run
//! ends in time.

use std::process::Stdio;

use h2::Reason;
use rustix::process::Signal;

use crate::{
    document::Summary,
    process::{
        EVENTS, Lines, Server, answered_in, await_answers, client, finish, lines_of, over_both_clients,
        plimsoll, run_with_status, signal,
    },
    scripted_server::{Script, start},
};

/// Sends three letters to a server that follows a script, for a few calls or a short time.
fn scripted(script: Script, flags: &[&str]) -> Summary {
    let address = start(script).to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("text");
    std::fs::write(&file, "abc").expect("writable");
    let arguments = [&address, "-w", "0s", "--text-file", file.to_str().expect("UTF-8")];
    run_with_status(&[arguments.as_slice(), flags].concat()).1
}

fn few(script: Script) -> Summary {
    scripted(script, &["-n", "20", "-c", "4"])
}

fn status(summary: &Summary) -> (&str, &str, &str) {
    let status = &summary.statuses[0];
    (&status.outcome, &status.code, &status.message)
}

fn a_wrong_reply_is_counted_and_shown() {
    let summary = few(Script::Reply("ABX"));
    assert_eq!(summary.calls.wrong_reply, 20);
    let wrong = &summary.wrong_replies[0];
    assert_eq!((wrong.at_byte, wrong.expected.as_str(), wrong.got.as_str()), (2, "C", "X"));
    assert_eq!(summary.latency.service.count, 0);
}

fn a_right_reply_is_answered() {
    assert_eq!(few(Script::Reply("ABC")).calls.answered, 20);
}

fn a_stream_that_is_reset_is_a_failure_with_its_code() {
    for (reason, code) in [
        (Reason::CANCEL, "CANCELLED"),
        (Reason::REFUSED_STREAM, "UNAVAILABLE"),
        (Reason::INTERNAL_ERROR, "INTERNAL"),
        (Reason::ENHANCE_YOUR_CALM, "RESOURCE_EXHAUSTED"),
    ] {
        for script in [Script::Reset(reason), Script::ResetAfterHeaders(reason)] {
            let summary = few(script);
            assert_eq!(summary.calls.failed, 20, "{script:?}: {:?} {:?}", summary.calls, summary.statuses);
            assert_eq!(status(&summary).1, code, "{script:?}");
        }
    }
}

fn a_reply_that_is_none_is_a_failure() {
    for script in [Script::NoStatus, Script::NoMessage, Script::Http(503), Script::Http(200)] {
        let summary = few(script);
        assert_eq!(summary.calls.failed, 20, "{script:?}: {:?} {:?}", summary.calls, summary.statuses);
    }
}

/// Checks details over which tonic's client panics.
fn details_that_are_no_base64_are_no_panic() {
    for script in [Script::BrokenDetails, Script::BrokenDetailsInTrailers] {
        let summary = few(script);
        assert_eq!(status(&summary), ("failed", "FAILED_PRECONDITION", "broken details"), "{script:?}");
        assert_eq!(summary.calls.failed, 20);
    }
}

fn refusals_are_recognised_in_any_words() {
    for (script, direction, limit) in [
        (Script::Status("8", "SERVER: Received message larger than max (5 vs. 4)"), "request", Some(4)),
        (Script::Status("8", "SERVER: Sent message larger than max (5 vs. 4)"), "response", Some(4)),
        (Script::Status("8", "grpc: received message larger than max (5 vs. 4)"), "request", Some(4)),
        (Script::Status("8", "gRPC message exceeds maximum size 4: 5"), "request", Some(4)),
        (Script::Status("8", "Sent message larger than max (10 vs. 4)"), "response", Some(4)),
        (Script::Http(413), "request", None),
    ] {
        let summary = few(script);
        assert_eq!(summary.calls.refused, 20, "{script:?}: {:?} {:?}", summary.calls, summary.statuses);
        let refusal = &summary.refusals[0];
        assert_eq!((refusal.side.as_str(), refusal.direction.as_str()), ("server", direction), "{script:?}");
        assert_eq!((refusal.message_bytes, refusal.limit_bytes), (5, limit), "{script:?}");
    }
    let unrelated = few(Script::Status("8", "quota exceeded"));
    assert_eq!(status(&unrelated), ("failed", "RESOURCE_EXHAUSTED", "quota exceeded"));
}

fn a_claimed_length_over_the_limit_is_the_clients_refusal() {
    let summary = few(Script::Claim(u32::MAX));
    assert_eq!(summary.calls.refused, 20, "{:?} {:?}", summary.calls, summary.statuses);
    let refusal = &summary.refusals[0];
    assert_eq!((refusal.side.as_str(), refusal.direction.as_str()), ("client", "response"));
    assert_eq!((refusal.message_bytes, refusal.limit_bytes), (u64::from(u32::MAX), Some(4 << 20)));
    let memory = summary.cost.client_peak_rss_bytes.expect("known on this system");
    assert!(memory < 64 << 20, "{memory} bytes");
}

fn a_connection_that_is_lost_breaks_calls_and_is_made_again() {
    for script in
        [Script::GoAway(Reason::ENHANCE_YOUR_CALM), Script::GoAway(Reason::INTERNAL_ERROR), Script::Close]
    {
        let summary = scripted(script, &["-n", "100", "-c", "4"]);
        assert!(summary.calls.broken > 0, "{script:?}: {:?} {:?}", summary.calls, summary.statuses);
        assert!(summary.calls.answered > 20, "{script:?}: not connected again: {:?}", summary.calls);
        assert_eq!(summary.calls.refused, 0, "{script:?}: no size verdict");
        assert_eq!(summary.calls.failed, 0, "{script:?}: {:?}", summary.statuses);
        // The server takes the next connection at once.
        assert_eq!(summary.connections.as_ref().map(|seen| seen.failed_attempts), Some(0), "{script:?}");
    }
}

fn what_is_no_http2_breaks_calls() {
    for script in [Script::Garbage, Script::Slam] {
        for load in [["-c", "4"], ["-r", "50"]] {
            let summary = scripted(script, &[&["-z", "300ms"], load.as_slice()].concat());
            assert!(summary.calls.planned > 0);
            assert_eq!(
                summary.calls.broken, summary.calls.planned,
                "{script:?}: {:?} {:?}",
                summary.calls, summary.statuses
            );
        }
    }
}

fn a_server_that_never_answers_leaves_calls_unfinished_within_the_drain() {
    for load in [["-c", "4"], ["-r", "20"]] {
        let flags = ["-z", "500ms", "--drain", "500ms"];
        let summary = scripted(Script::Silence, &[flags.as_slice(), &load].concat());
        assert_eq!(summary.calls.unfinished, summary.calls.planned);
        assert!(summary.calls.planned >= 4);
        assert!(summary.has_finding("calls_unfinished"));
    }
}

/// A run in which `fault` happens to the server once calls were answered. It is given the run's process and the
/// events that follow.
fn with_fault(load: &[&str], fault: impl FnOnce(&mut Server, u32, &mut Lines)) -> (i32, Summary) {
    let mut server = Server::start(&["--obey"]);
    let mut child = plimsoll(&["run", &server.target(), "-w", "0s", "-O", "json", "--client", client()])
        .args(load)
        // Of one worker, each second is an event.
        .args(["--workers", "1"])
        .args(EVENTS)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = lines_of(&mut child);
    await_answers(&mut lines);
    fault(&mut server, child.id(), &mut lines);
    // It may write until it ends.
    lines.for_each(drop);
    let output = finish(child);
    let status = output.status.code().expect("it was not killed");
    let summary = Summary::strict(&output.stdout).expect("a summary");
    summary.check();
    (status, summary)
}

/// Calls that take 20 ms each, so that a closed loop makes no more than a few hundred per second.
const SLOW: [&str; 2] = ["-m", "plimsoll-delay: 20ms"];

fn a_server_that_is_killed_breaks_calls() {
    for load in [["-c", "8"], ["-r", "200"]] {
        let load = [load.as_slice(), &SLOW, &["-z", "3s", "--drain", "1s"]].concat();
        let (status, summary) = with_fault(&load, |server, _, _| server.signal(Signal::KILL));
        assert_eq!(status, 0, "some were answered");
        assert!(summary.calls.answered > 0 && summary.calls.broken > 0, "{:?}", summary.calls);
        assert_eq!(summary.calls.failed, 0, "{:?}", summary.statuses);
        assert_eq!(summary.soundness.verdict, "unsound", "{:?}", summary.soundness.findings);
        assert!(
            summary.statuses.iter().any(|status| status.message.contains("refused")),
            "{:?}",
            summary.statuses
        );
    }
}

fn a_server_that_is_started_again_is_used_again() {
    let (_, summary) = with_fault(&["-r", "200", "-z", "1h"], |server, run, lines| {
        let address = server.target();
        server.signal(Signal::KILL);
        server.child.wait().expect("it was killed");
        lines.find(|line| answered_in(line) == Some(0)).expect("a second without answers");
        *server = Server::start_at(&address, &[]);
        lines.find(|line| answered_in(line) > Some(50)).expect("a second with as many answers as before");
        signal(run, Signal::INT);
    });
    assert!(summary.calls.broken > 0, "{:?}", summary.calls);
}

fn a_server_that_stops_for_a_while_shows_in_response_time_and_sheds_nothing() {
    let load = ["-r", "100", "-z", "6s", "--drain", "1m"];
    let (status, summary) = with_fault(&load, |server, _, lines| {
        server.signal(Signal::STOP);
        lines.find(|line| answered_in(line) == Some(0)).expect("a second without answers");
        server.signal(Signal::CONT);
    });
    assert_eq!(status, 0);
    assert_eq!((summary.calls.planned, summary.calls.answered), (600, 600));
    // The calls of a whole second waited, half a second on average. The exact figures are checked in
    // paused time, and by scripts/check-time against the clock.
    let response = summary.latency.response.expect("an open loop");
    assert!(response.p95_ns.expect("counted") > 500_000_000, "{response:?}");
    // Those that ended in the first second did not.
    let first = summary.intervals.iter().find_map(|interval| interval.latency.max_ns);
    assert!(first.is_some() && first < response.max_ns, "{first:?}: {response:?}");
}

fn a_server_that_stops_for_good_leaves_calls_unfinished() {
    let load = [&["-c", "8", "-z", "3s", "--drain", "500ms"], SLOW.as_slice()].concat();
    let (_, summary) = with_fault(&load, |server, _, _| server.signal(Signal::STOP));
    assert_eq!(summary.calls.unfinished, 8, "{:?}", summary.calls);
}

over_both_clients!(
    lean:
    a_wrong_reply_is_counted_and_shown,
    a_right_reply_is_answered,
    a_stream_that_is_reset_is_a_failure_with_its_code,
    a_reply_that_is_none_is_a_failure,
    refusals_are_recognised_in_any_words,
    a_claimed_length_over_the_limit_is_the_clients_refusal,
    a_connection_that_is_lost_breaks_calls_and_is_made_again,
    what_is_no_http2_breaks_calls,
    a_server_that_never_answers_leaves_calls_unfinished_within_the_drain,
    a_server_that_is_killed_breaks_calls,
    a_server_that_is_started_again_is_used_again,
    a_server_that_stops_for_a_while_shows_in_response_time_and_sheds_nothing,
    a_server_that_stops_for_good_leaves_calls_unfinished;
    stub:
    details_that_are_no_base64_are_no_panic;
);
