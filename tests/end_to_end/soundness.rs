//! Runs with misleading figures: they report it, and meet no objective by leaving calls out.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use plimsoll::{
    endpoint::Target,
    engine::Events,
    load::{Plan, Settings},
    stop::Stop,
};
use rustix::process::Signal;

use crate::{
    document::Summary,
    process::{
        EVENTS, Server, await_answers, await_line, client, finish, lines_of, output_of, over_both_clients,
        plimsoll, run_with_status, signal, text,
    },
    raw_server::{self, reply, settings},
    scripted_server::{self, Script},
};

/// Starts a server that answers this number of calls to the text `abc`, and then only reads.
fn answering(calls: u64) -> String {
    let answered = Arc::new(AtomicU64::new(0));
    let address = raw_server::start(move |server| {
        server.send(&settings(&[]));
        while let Some(stream) = server.request() {
            if answered.fetch_add(1, Ordering::Relaxed) < calls {
                server.send(&reply(stream));
            }
        }
    });
    address.to_string()
}

fn with_text(arguments: &[&str]) -> (i32, Summary) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("text");
    std::fs::write(&file, "abc").expect("writable");
    let text = ["--text-file", file.to_str().expect("UTF-8"), "-w", "0s", "--no-rehearsal"];
    run_with_status(&[arguments, &text].concat())
}

fn a_server_that_stops_answering_meets_no_objective() {
    // All answers come in the drain, however late the calls were sent.
    let arguments = ["-r", "1k", "-n", "400", "--drain", "3s"];
    let assertions = ["--assert", "p99<1h", "--assert", "errors<1%", "--assert", "p50<1h"];
    let address = answering(380);
    let (status, summary) = with_text(&[&[address.as_str()], arguments.as_slice(), &assertions].concat());
    assert_eq!((summary.calls.answered, summary.calls.unfinished), (380, 20), "{:?}", summary.calls);
    let met: Vec<bool> = summary.objectives.iter().map(|objective| objective.met).collect();
    assert_eq!(met, [false, false, true], "{:?}", summary.objectives);
    assert_eq!(status, 1);
    assert_eq!(summary.soundness.verdict, "unsound");
}

fn calls_in_flight_when_a_closed_loop_ends_are_planned() {
    // The warm-up's calls hold all slots for the whole window.
    let address = answering(0);
    let arguments = [&address, "-c", "7", "-z", "300ms", "-w", "100ms", "--drain", "100ms", "--no-rehearsal"];
    let (status, summary) = run_with_status(&arguments);
    assert_eq!((summary.calls.planned, summary.calls.unfinished), (7, 7), "{:?}", summary.calls);
    assert_eq!((status, summary.soundness.verdict.as_str()), (2, "unsound"));
    assert!(summary.has_finding("nothing_answered"));
    let saturation = summary.soundness.saturation.expect("there is a window");
    assert!(saturation.advice.contains("accepted calls and ended none"), "{saturation:?}");
}

fn calls_that_fail_make_a_run_unsound() {
    let address = scripted_server::start(Script::Http(502)).to_string();
    let (status, summary) = run_with_status(&[&address, "-n", "50", "-w", "0s", "--assert", "errors==0"]);
    assert_eq!((status, summary.calls.failed), (2, 50), "{:?}", summary.calls);
    assert_eq!(summary.soundness.verdict, "unsound");
}

fn a_generator_that_was_stopped_says_so() {
    let server = Server::start(&["--obey"]);
    let mut child = plimsoll(&["run", &server.target(), "-c", "4", "-z", "1h", "-w", "0s", "-O", "json"])
        .args(["-m", "plimsoll-delay: 20ms", "--workers", "1", "--client", client()])
        .args(EVENTS)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = lines_of(&mut child);
    await_line(&mut lines, "measuring");
    signal(child.id(), Signal::STOP);
    // It stands still for as long as this call takes, at least.
    assert!(output_of(&["call", "-m", "plimsoll-delay: 300ms", &server.target(), "x"]).status.success());
    signal(child.id(), Signal::CONT);
    // The end of a second shows that it goes on.
    await_answers(&mut lines);
    signal(child.id(), Signal::INT);
    let output = finish(child);
    let summary = Summary::strict(&output.stdout).expect("a summary");
    assert!(summary.has_finding("generator_paused"), "{:?}", summary.soundness);
    assert_eq!(summary.soundness.verdict, "unsound");
}

fn an_interrupt_waits_a_second_at_most_and_says_for_what() {
    let address = answering(0);
    for load in [["-c", "3"], ["-r", "50"]] {
        // It would last for hours.
        let mut child = plimsoll(&["run", &address, "-z", "1h", "-w", "0s", "--drain", "1h", "-O", "json"])
            .args(["--no-rehearsal", "--client", client()])
            .args(load)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut lines = lines_of(&mut child);
        await_line(&mut lines, "measuring");
        signal(child.id(), Signal::INT);
        let words = await_line(&mut lines, "interrupted");
        assert!(
            words.contains("waiting up to 1s for calls in flight; interrupt again to end at once"),
            "{words}"
        );
        let output = finish(child);
        assert_eq!(output.status.code(), Some(130));
        let summary = Summary::strict(&output.stdout).expect("a summary");
        summary.check();
        assert_eq!(summary.calls.unfinished, summary.calls.planned, "{:?}", summary.calls);
    }
}

#[test]
fn a_method_that_is_not_there_is_told_before_the_load() {
    let address = scripted_server::start(Script::Status("12", "")).to_string();
    for command in ["run", "sweep"] {
        // A load would last for an hour.
        let output = output_of(&[command, &address, "-z", "1h"]);
        assert_eq!(output.status.code(), Some(2));
        let stderr = text(&output.stderr);
        let words =
            "this server has no example.FormatData/DoFormat: one call ended with UNIMPLEMENTED (12); nothing";
        assert!(stderr.contains(words), "{command}: {stderr}");
    }
}

#[test]
fn strict_takes_the_worst_verdict_that_is_let_through() {
    let base = ["-r", "1k", "-n", "20", "--drain", "50ms"];
    for (flag, expected) in
        [("--label=lenient", 0), ("--strict", 3), ("--strict=unsound", 3), ("--strict=disturbed", 3)]
    {
        let address = answering(15);
        let (status, summary) = with_text(&[&[address.as_str()], &base[..], &[flag]].concat());
        assert_eq!((status, summary.soundness.verdict.as_str()), (expected, "unsound"), "{flag}");
    }
    let output = output_of(&["run", "--strict=fine"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("unsound, disturbed"), "{}", text(&output.stderr));
}

/// Checks that the library can be used in asynchronous tests of its users.
#[tokio::test]
async fn a_run_may_be_made_inside_a_runtime() {
    let address = answering(u64::MAX);
    let mut settings = Settings::closed(2);
    (settings.calls, settings.warm_up) = (Some(20), Duration::ZERO);
    let plan = Plan::new(settings).expect("valid");
    let target = address.parse::<Target>().expect("an address").locate().expect("it listens");
    let run = plimsoll::run(&plan, &target, &Stop::new(), &Events::none()).expect("it runs");
    assert_eq!(run.recording.calls.outcomes.total(), 20);
}

over_both_clients!(
    lean:
    a_server_that_stops_answering_meets_no_objective,
    calls_in_flight_when_a_closed_loop_ends_are_planned,
    calls_that_fail_make_a_run_unsound,
    a_generator_that_was_stopped_says_so,
    an_interrupt_waits_a_second_at_most_and_says_for_what;
);
