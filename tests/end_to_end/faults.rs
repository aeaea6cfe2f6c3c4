//! Every fault: calls are conserved, each has the right outcome, the result is written, and the run
//! ends in time.

use std::{
    io::{BufRead, BufReader, Read},
    process::Stdio,
    time::{Duration, Instant},
};

use h2::Reason;
use rustix::process::Signal;

use crate::{
    document::Summary,
    process::{Server, client, let_pass, over_both_clients, plimsoll, run_with_status},
    scripted_server::{Script, start},
};

/// Three letters against a server that follows a script, for a few calls or a short time.
fn scripted(script: Script, flags: &[&str]) -> Summary {
    let address = start(script).to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("text");
    std::fs::write(&file, "abc").expect("writable");
    let arguments = [&address, "-w", "0s", "--drain", "500ms", "--text-file", file.to_str().expect("UTF-8")];
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

/// Tonic's client panics over these.
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
        let summary = scripted(script, &["-z", "700ms", "-c", "4"]);
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
            let arguments = [&["-z", "500ms"], load.as_slice()].concat();
            let summary = scripted(script, &arguments);
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
    let since = Instant::now();
    for load in [["-c", "4"], ["-r", "20"]] {
        let summary = scripted(Script::Silence, &[&["-z", "500ms"], load.as_slice()].concat());
        assert_eq!(summary.calls.unfinished, summary.calls.planned);
        assert!(summary.calls.planned >= 4);
        assert!(summary.has_finding("calls_unfinished"));
    }
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
}

/// A run of three seconds in whose middle `fault` happens to the server.
fn with_fault(load: &[&str], fault: impl FnOnce(&mut Server)) -> (i32, Summary) {
    let mut server = Server::start(&[]);
    let mut child = plimsoll(&[
        "run",
        &server.target(),
        "-z",
        "3s",
        "-w",
        "0s",
        "--drain",
        "1s",
        "-O",
        "json",
        "--client",
        client(),
    ])
    .args(load)
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .expect("the binary runs");
    let mut stdout = child.stdout.take().expect("piped");
    let result = std::thread::spawn(move || {
        let mut json = Vec::new();
        stdout.read_to_end(&mut json).expect("readable");
        json
    });
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
    lines.find(|line| line.contains("measuring")).expect("progress");
    // In the middle of the run: nothing else tells when calls are under way.
    let_pass(Duration::from_secs(1));
    fault(&mut server);
    let status = child.wait().expect("it ends").code().expect("it was not killed");
    let json = result.join().expect("it reads");
    let summary = Summary::strict(&json).expect("a summary");
    summary.check();
    (status, summary)
}

fn a_server_that_is_killed_breaks_calls() {
    for load in [["-c", "8"], ["-r", "200"]] {
        let (status, summary) = with_fault(&load, |server| server.signal(Signal::KILL));
        assert_eq!(status, 0, "some were answered");
        assert!(summary.calls.answered > 0 && summary.calls.broken > 0, "{:?}", summary.calls);
        assert_eq!(summary.calls.failed, 0, "{:?}", summary.statuses);
        assert!(
            summary.statuses.iter().any(|status| status.message.contains("refused")),
            "{:?}",
            summary.statuses
        );
    }
}

fn a_server_that_is_started_again_is_used_again() {
    let (_, summary) = with_fault(&["-r", "200"], |server| {
        let address = server.target();
        server.signal(Signal::KILL);
        server.child.wait().expect("it was killed");
        *server = Server::start_at(&address, &[]);
    });
    assert!(summary.calls.broken > 0, "{:?}", summary.calls);
    let last = summary
        .intervals
        .iter()
        .rev()
        .find(|interval| interval.length_ns > 0 && interval.start_ns == 2_000_000_000);
    assert!(last.expect("a third second").calls.answered > 50, "{:?}", summary.intervals);
}

fn a_server_that_stops_for_a_while_shows_in_response_time_and_sheds_nothing() {
    let (status, summary) = with_fault(&["-r", "200"], |server| {
        server.signal(Signal::STOP);
        let_pass(Duration::from_secs(1));
        server.signal(Signal::CONT);
    });
    assert_eq!(status, 0);
    assert_eq!((summary.calls.planned, summary.calls.answered), (600, 600));
    // A third of the calls waited, half a second on average. The exact figures are checked in
    // paused time, and by scripts/check-time against the clock.
    let response = summary.latency.response.expect("an open loop");
    assert!(response.p90_ns.expect("counted") > 500_000_000, "{response:?}");
    assert!(response.p50_ns.expect("counted") < 300_000_000, "{response:?}");
}

fn a_server_that_stops_for_good_leaves_calls_unfinished() {
    let (_, summary) = with_fault(&["-c", "8"], |server| server.signal(Signal::STOP));
    assert_eq!(summary.calls.unfinished, 8, "{:?}", summary.calls);
}

over_both_clients!(
    a_wrong_reply_is_counted_and_shown,
    a_right_reply_is_answered,
    a_stream_that_is_reset_is_a_failure_with_its_code,
    a_reply_that_is_none_is_a_failure,
    details_that_are_no_base64_are_no_panic,
    refusals_are_recognised_in_any_words,
    a_claimed_length_over_the_limit_is_the_clients_refusal,
    a_connection_that_is_lost_breaks_calls_and_is_made_again,
    what_is_no_http2_breaks_calls,
    a_server_that_never_answers_leaves_calls_unfinished_within_the_drain,
    a_server_that_is_killed_breaks_calls,
    a_server_that_is_started_again_is_used_again,
    a_server_that_stops_for_a_while_shows_in_response_time_and_sheds_nothing,
    a_server_that_stops_for_good_leaves_calls_unfinished,
);
