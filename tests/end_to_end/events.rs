//! Progress as events in a file, and displays that take no output.

use std::{fs, io::Write, net::Shutdown, os::unix::net::UnixStream, process::Stdio};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    document::Ended,
    process::{Server, output_of, plimsoll, text},
};

/// Strict mirror of an event: a missing or a new key fails.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
#[allow(dead_code, reason = "fields are there to be required")]
enum Event {
    Run { calls: Option<u64>, duration_ns: Option<u64>, warm_up_ns: u64, drain_ns: u64 },
    Connected,
    Started,
    Second { elapsed_ns: u64, second: Second, in_flight: u64, so_far: Ended },
    Draining { is_interrupted: bool },
    Limit { side: String, direction: String },
    Point { number: u64, of: u64, point: String, left_ns: u64 },
    RefusedSizes,
    Round { number: u64, of: u64, is_with_refused: bool },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "fields are there to be required")]
struct Second {
    calls: Ended,
    count: u64,
    p50_ns: Option<u64>,
    p99_ns: Option<u64>,
    max_ns: Option<u64>,
    largest_lateness_ns: Option<u64>,
}

/// Returns the events in a file, one object per line.
fn events_of(arguments: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("events.ndjson");
    let output = output_of(&[arguments, &["-q", "--events", path.to_str().expect("UTF-8")]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "quiet is quiet");
    let written = fs::read_to_string(path).expect("written");
    for line in written.lines() {
        serde_json::from_str::<Event>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    written.lines().map(|line| serde_json::from_str(line).expect("an object per line")).collect()
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().expect("a name")).collect()
}

#[test]
fn a_runs_events_tell_its_course_and_add_up() {
    let events = events_of(&["run", "-z", "1500ms", "-w", "50ms", "-r", "200"]);
    let names = names(&events);
    assert_eq!(names[..3], ["run", "connected", "started"], "{names:?}");
    assert!(names.contains(&"draining"), "{names:?}");
    assert_eq!(events[0]["duration_ns"], 1_500_000_000_u64);
    let seconds: Vec<&Value> = events.iter().filter(|event| event["event"] == "second").collect();
    assert!(!seconds.is_empty(), "{names:?}");
    let first = seconds[0];
    assert_eq!(first["elapsed_ns"], 1_000_000_000_u64);
    assert!(first["second"]["p50_ns"].as_u64() <= first["second"]["max_ns"].as_u64(), "{first}");
    assert!(first["second"]["largest_lateness_ns"].is_u64(), "{first}");
    assert_eq!(first["second"]["calls"]["answered"], first["so_far"]["answered"], "{first}");
}

#[test]
fn a_sweeps_events_have_its_points_and_their_runs() {
    let server = Server::start(&[]);
    let events = events_of(&[
        "sweep",
        &server.target(),
        "-s",
        "64,1KiB",
        "-c",
        "1",
        "--repetitions",
        "1",
        "-z",
        "50ms",
        "-w",
        "0s",
    ]);
    let names = names(&events);
    let points: Vec<usize> = (0..names.len()).filter(|at| names[*at] == "point").collect();
    assert_eq!(points.len(), 2, "{names:?}");
    assert!(points.iter().all(|at| names[at + 1] == "run"), "{names:?}");
    assert_eq!((&events[points[1]]["number"], &events[points[1]]["of"]), (&2.into(), &2.into()));
}

#[test]
fn an_interference_experiments_events_have_its_rounds() {
    let load = ["interference", "-s", "64@9,5000@1", "-r", "100", "--rounds", "1", "-z", "50ms", "-w", "0s"];
    let events = events_of(&[&load[..], &["--server-max-recv-message-size", "1000"]].concat());
    let rounds: Vec<&Value> = events.iter().filter(|event| event["event"] == "round").collect();
    assert_eq!(rounds.len(), 2, "one run with refused calls, one without: {events:?}");
    assert!(names(&events).contains(&"refused_sizes"), "{events:?}");
}

#[test]
fn a_search_for_limits_says_which_limit_it_is_at() {
    let server = Server::start(&[]);
    let events = events_of(&["limits", &server.target(), "--up-to", "1KiB"]);
    let limits: Vec<(&Value, &Value)> =
        events.iter().map(|event| (&event["side"], &event["direction"])).collect();
    assert_eq!(limits.len(), 4, "{events:?}");
    assert_eq!(limits[0], (&"server".into(), &"request".into()));
}

#[test]
fn events_on_stdout_are_refused_and_a_folder_that_is_not_there_is_named() {
    for (path, reason) in [("-", "--events -"), ("/nowhere/events", "/nowhere/events")] {
        let output = output_of(&["run", "-n", "1", "--events", path]);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(reason), "{}", text(&output.stderr));
    }
}

/// Checks a stopped terminal, which takes no output: here a pipe that is full before the run starts.
#[test]
fn a_display_that_takes_nothing_delays_no_run() {
    let (mut full, unread) = UnixStream::pair().expect("a pair");
    full.set_nonblocking(true).expect("a socket");
    while full.write(&[b'.'; 4_096]).is_ok() {}
    full.set_nonblocking(false).expect("a socket");
    let stderr = Stdio::from(std::os::fd::OwnedFd::from(full));
    let mut command = plimsoll(&["run", "-n", "200", "-c", "1", "-w", "0s", "-O", "json"]);
    let output = command.stdout(Stdio::piped()).stderr(stderr).spawn().expect("it runs").wait_with_output();
    let output = output.expect("it ends");
    assert!(output.status.success(), "{:?}", output.status);
    let summary: Value = serde_json::from_slice(&output.stdout).expect("a result");
    assert_eq!(summary["calls"]["answered"], 200);
    unread.shutdown(Shutdown::Both).expect("nobody read it");
}
