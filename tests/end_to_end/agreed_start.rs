//! Starts of the window that were agreed on: instants, files that will hold one, and starts that are not possible.

use std::{fs, process::Stdio, time::Duration};

use plimsoll::measure::{timestamp, wall_clock};
use rustix::process::Signal;

use crate::{
    document::Summary,
    process::{
        EVENTS, Server, await_line, client, finish, lines_of, output_of, over_both_clients, plimsoll, run,
        signal, text,
    },
};

/// An instant so far from now, to the millisecond.
fn instant(from_now: Duration) -> String {
    timestamp(wall_clock() + from_now)
}

fn the_window_starts_at_the_instant() {
    let server = Server::start(&[]);
    let at = instant(Duration::from_millis(900));
    // Two processes agree on a start without talking to each other.
    let start = || {
        plimsoll(&["run", &server.target(), "-q", "-O", "json", "-n", "40", "-w", "100ms", "--start-at", &at])
            .args(["--client", client(), "--connections", "2"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs")
    };
    let both = [start(), start()].map(finish);
    for output in both {
        let summary: Summary = Summary::strict(&output.stdout).expect("a summary");
        summary.check();
        assert_eq!(summary.calls.answered, 40);
        assert_eq!(summary.started_at, at);
        let agreed = summary.agreed_start.expect("an agreed start");
        assert!(agreed.at_unix_ns > 0 && agreed.at_unix_ns.is_multiple_of(1_000_000));
        assert!(agreed.clock_moved_ns.is_none_or(|moved| moved.unsigned_abs() < 3_600_000_000_000));
        plimsoll::result::summary::Summary::read(output.stdout.as_slice()).expect("it agrees with itself");
    }
}

fn a_start_that_is_not_possible_sends_nothing() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, contents: &str| {
        fs::write(folder.path().join(name), contents).expect("writable");
        format!("@{}", folder.path().join(name).display())
    };
    let missing = format!("@{}", folder.path().join("missing").display());
    let past = "2020-01-01T00:00:05+01:00";
    for (start, words) in [
        (past, &["the start at 2019-12-31T23:00:05.000Z was", "ago when all connections (1) stood"][..]),
        (&file("past", past), &["2019-12-31T23:00:05.000Z", "nothing was sent; give a later --start-at"]),
        ("+1s", &["was in ", "with 30s of warm-up still to come"]),
        (&missing, &["held no start 50ms after all connections stood", "--start-wait waits longer"]),
        (&file("empty", " \n"), &["held no start"]),
        (&file("words", "noon\u{1b}[31m"), &["holds `noon", "which is no instant"]),
        ("12:00:05", &["is no instant", "2026-11-30T12:00:05Z"]),
        ("2026-11-30T12:00:05", &["with its zone"]),
        ("@", &["no file is named"]),
        ("+5", &["unit"]),
    ] {
        let arguments = ["run", &server.target(), "--no-rehearsal", "-w", "30s", "--start-wait", "50ms"];
        let output = output_of(&[&arguments[..], &["--client", client(), "--start-at", start]].concat());
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{start}: {error}");
        assert_eq!(text(&output.stdout), "", "{start}");
        assert!(!error.contains('\u{1b}'), "{error:?}");
        for words in words {
            assert!(error.contains(words), "{start}: `{words}` is not in {error}");
        }
    }
}

fn a_file_may_get_its_instant_while_the_connections_stand() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("at");
    let start = format!("@{}", path.display());
    let mut child =
        plimsoll(&["run", &server.target(), "-O", "json", "-n", "30", "-w", "50ms", "--start-at", &start])
            .args(["--client", client()])
            .args(EVENTS)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
    let mut lines = lines_of(&mut child);
    await_line(&mut lines, "awaiting_start");
    let at = instant(Duration::from_millis(700));
    // A file appears whole or not at all.
    fs::write(folder.path().join("new"), &at).expect("writable");
    fs::rename(folder.path().join("new"), &path).expect("renamed");
    await_line(&mut lines, "window_in_ns");
    let summary: Summary = Summary::strict(&finish(child).stdout).expect("a summary");
    assert_eq!((summary.started_at, summary.calls.answered), (at, 30));
}

#[test]
fn a_wait_for_a_start_can_be_interrupted() {
    let server = Server::start(&[]);
    for start in ["+1h", "@/nowhere/at"] {
        let mut child = plimsoll(&["run", &server.target(), "-n", "30", "--start-at", start])
            .args(EVENTS)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        await_line(&mut lines_of(&mut child), if start == "+1h" { "window_in_ns" } else { "awaiting_start" });
        signal(child.id(), Signal::INT);
        assert_eq!(finish(child).status.code(), Some(130), "{start}");
    }
}

#[test]
fn without_an_agreement_there_is_none_in_the_result() {
    assert!(run(&["-n", "5", "-w", "0s"]).agreed_start.is_none());
}

over_both_clients!(
    both:
    the_window_starts_at_the_instant,
    a_file_may_get_its_instant_while_the_connections_stand;
    second:
    a_start_that_is_not_possible_sends_nothing;
);
