//! `plimsoll sweep`: a grid of runs that can be continued.

use std::{fs, path::Path};

use crate::{
    document::Summary,
    process::{output_of, text},
};

const SIZES: [&str; 7] = ["sweep", "-s", "64,1KiB,5MiB", "-w", "20ms", "--drain", "1m"];

const GRID: [&str; 13] = [
    "sweep",
    "-s",
    "64,1KiB,5MiB",
    "-w",
    "20ms",
    "--drain",
    "1m",
    "-c",
    "1,4",
    "-z",
    "50ms",
    "--repetitions",
    "2",
];

/// Returns the summaries of a sweep, each checked.
fn points(document: &serde_json::Value) -> Vec<Summary> {
    let points = document["points"].as_array().expect("a list");
    let summaries =
        points.iter().map(|point| Summary::strict(point.to_string().as_bytes()).expect("a summary"));
    summaries.inspect(Summary::check).collect()
}

fn read(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).expect("there")).expect("JSON")
}

#[test]
fn each_point_is_a_run_of_its_own() {
    // Of an open loop, each point has its calls, however slow the machine is.
    let loads = ["-r", "50,100", "-z", "100ms", "--repetitions", "2", "-q", "-O", "json"];
    let output = output_of(&[&SIZES[..], &loads].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["schema"], "plimsoll.sweep/1");
    let order = document["order"].as_array().expect("a list");
    assert_eq!(order.len(), 12);
    let summaries = points(&document);
    assert_eq!(summaries.len(), 12);
    for (point, summary) in order.iter().zip(&summaries) {
        assert_eq!(point["message_bytes"], summary.plan.sizes[0].message_bytes);
        let is_over = summary.plan.sizes[0].message_bytes > 4 << 20;
        let calls = if point["rate_per_second"] == 50.0 { 5 } else { 10 };
        let expected = if is_over { (0, calls) } else { (calls, 0) };
        assert_eq!((summary.calls.answered, summary.calls.refused), expected, "{point}");
    }
}

#[test]
fn a_sweep_goes_on_where_it_was_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sweep.json");
    let written = path.to_str().expect("UTF-8");
    let arguments = [&GRID[..], &["-q", "-o", written]].concat();
    assert_eq!(output_of(&arguments).status.code(), Some(0));
    let whole = read(&path);
    // As if it had been interrupted behind the third point.
    let mut cut = whole.clone();
    cut["points"].as_array_mut().expect("a list").truncate(3);
    fs::write(&path, cut.to_string()).expect("writable");
    assert_eq!(output_of(&arguments).status.code(), Some(0));
    let finished = read(&path);
    let report = text(&output_of(&["report", written]).stdout);
    assert!(report.contains("12 of 12 points") && report.contains("heat map"), "{report}");
    assert_eq!(finished["order"], whole["order"]);
    assert_eq!(points(&finished).len(), 12);
    for index in 0..3 {
        assert_eq!(finished["points"][index], whole["points"][index]);
    }
    assert_ne!(finished["points"][3]["started_at"], whole["points"][3]["started_at"]);

    let other = output_of(&[&arguments[..], &["--spin", "1ms"]].concat());
    assert!(text(&other.stderr).contains("spin_ns: 0 then, 1000000 now"), "{}", text(&other.stderr));
    let other = output_of(&[&arguments[..], &["--seed", "7"]].concat());
    assert_eq!(other.status.code(), Some(2));
    assert!(text(&other.stderr).contains("seed: 1 then, 7 now"), "{}", text(&other.stderr));
    assert_eq!(read(&path), finished, "nothing is lost");
}

#[test]
fn what_is_no_sweep_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notes.txt");
    fs::write(&path, "not a sweep").expect("writable");
    let output = output_of(&[&GRID[..], &["-o", path.to_str().expect("UTF-8")]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("cannot continue"), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(&path).expect("there"), "not a sweep");
}

#[test]
fn a_sweep_whose_server_goes_keeps_what_was_measured() {
    let server = crate::process::Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sweep.json");
    let target = server.target();
    let loads = ["-c", "1", "-z", "50ms", "--repetitions", "1000"];
    let arguments = [&SIZES[..], &loads, &["-q", "-o", path.to_str().expect("UTF-8"), &target]].concat();
    let child = crate::process::plimsoll(&arguments)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary runs");
    crate::process::eventually("the first point", || path.exists());
    server.signal(rustix::process::Signal::KILL);
    let output = crate::process::finish(child);
    let points = points(&read(&path)).len();
    assert!((1..3_000).contains(&points), "{points}");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains("of 3000 points"), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("ended early"), "{}", text(&output.stderr));
}

#[test]
fn a_pipe_gets_the_whole_sweep_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).expect("a pipe");
    let written = pipe.to_str().expect("UTF-8").to_owned();
    let reader = std::thread::spawn(move || fs::read(pipe).expect("readable"));
    let output =
        output_of(&["sweep", "-q", "-s", "64", "-c", "1,2", "-z", "50ms", "-w", "0s", "-o", &written]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let document: serde_json::Value =
        serde_json::from_slice(&reader.join().expect("read")).expect("one document");
    assert_eq!(points(&document).len(), 6);
}

#[test]
fn a_row_of_csv_is_a_point() {
    let output = output_of(&["sweep", "-q", "-s", "64", "-c", "1,2", "-z", "50ms", "-w", "0s", "-O", "csv"]);
    let out = text(&output.stdout);
    let rows: Vec<Vec<&str>> = out.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 1 + 6);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{out}");
    assert_eq!(rows[0][..4], ["message_bytes", "concurrency", "rate_per_second", "repetition"]);
    assert!(rows[1..].iter().all(|row| row[0] == "64" && !row[1].is_empty() && row[2].is_empty()));
}

#[test]
fn a_ladder_shows_the_servers_limit_from_both_sides() {
    let arguments =
        ["sweep", "-q", "-s", "512..2KiB", "-r", "100", "-z", "50ms", "-w", "0s", "--repetitions", "1"];
    let output =
        output_of(&[&arguments[..], &["--server-max-recv-message-size", "1000", "-O", "json"]].concat());
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut refused: Vec<_> = points(&document)
        .iter()
        .map(|summary| (summary.plan.sizes[0].message_bytes, summary.calls.answered == 0))
        .collect();
    refused.sort_unstable();
    assert_eq!(refused, [(512, false), (999, false), (1_000, false), (1_001, true), (2_048, true)]);
}
