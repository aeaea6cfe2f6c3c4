//! Shards of one run, and their merge: real processes that know nothing of each other.

use std::{
    fs,
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use plimsoll::measure::{timestamp, wall_clock};
use rustix::process::Signal;
use serde_json::json;

use crate::{
    document::Summary,
    process::{
        EVENTS, Server, await_line, client, finish, lines_of, output_of, over_both_clients, plimsoll, signal,
        text,
    },
};

/// Starts shard `index` of `of` with these flags; its result goes to the folder.
fn shard(folder: &Path, server: &Server, index: u64, of: u64, flags: &[&str]) -> Child {
    let output = folder.join("{shard}.json");
    plimsoll(&["run", &server.target(), "-q", "-w", "50ms", "--drain", "1m", "--client", client()])
        .args(["--shard", &format!("{index}/{of}"), "-o", output.to_str().expect("UTF-8")])
        .args(flags)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs")
}

/// Runs all shards, which start together.
fn all(folder: &Path, server: &Server, of: u64, flags: &[&str]) {
    let at = timestamp(wall_clock() + Duration::from_millis(1_200));
    let flags = [flags, &["--start-at", &at]].concat();
    let running: Vec<Child> = (0..of).map(|index| shard(folder, server, index, of, &flags)).collect();
    for child in running {
        let output = finish(child);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
}

/// Merges a folder. Returns the result, or stderr with the status.
fn merged(folder: &Path, flags: &[&str]) -> Result<Summary, String> {
    let folder = folder.to_str().expect("UTF-8");
    let output = output_of(&[&["merge", folder, "-O", "json"], flags].concat());
    if output.status.code() == Some(2) {
        return Err(text(&output.stderr));
    }
    let summary = Summary::strict(&output.stdout).expect("a summary");
    summary.check();
    plimsoll::result::summary::Summary::read(output.stdout.as_slice()).expect("it agrees with itself");
    Ok(summary)
}

fn read(folder: &Path, index: u64) -> Summary {
    let summary = Summary::strict(&fs::read(folder.join(format!("{index}.json"))).expect("written"));
    summary.expect("a summary")
}

fn shards_of_a_rate_make_the_whole() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    all(folder.path(), &server, 3, &["-r", "400", "-z", "1s", "-s", "64@3,1KiB@1", "--workers", "1"]);
    let parts: Vec<Summary> = (0..3).map(|index| read(folder.path(), index)).collect();
    let planned: Vec<u64> = parts.iter().map(|part| part.calls.planned).collect();
    assert_eq!(planned, [134, 133, 133]);
    let whole = merged(folder.path(), &[]).expect("it merges");
    assert_eq!((whole.calls.planned, whole.calls.answered), (400, 400));
    // The mix of all shards is that of one process: these calls were counted with one.
    let output = output_of(&[
        "run",
        &server.target(),
        "-q",
        "-O",
        "json",
        "-r",
        "400",
        "-z",
        "1s",
        "-s",
        "64@3,1KiB@1",
        "-w",
        "0s",
    ]);
    let one = Summary::strict(&output.stdout).expect("a summary");
    let sizes = |of: &Summary| of.sizes.iter().map(|size| size.calls.planned).collect::<Vec<_>>();
    assert_eq!(sizes(&whole), sizes(&one));
    let shards = whole.shards.as_ref().expect("shards");
    assert_eq!((shards.of, shards.merged.len(), shards.missing.len()), (3, 3, 0));
    assert!(whole.shard.is_none() && whole.cost.server_cpu_ns_per_call.is_none());
    // Each shard on the server's machine read the same server.
    assert!(one.intervals.iter().any(|interval| interval.server_cpu_ns.is_some()));
    assert!(whole.intervals.iter().all(|interval| interval.server_cpu_ns.is_none()));
    assert!((whole.goodput.calls_per_second - 400.0).abs() < 80.0, "{:?}", whole.goodput);
    assert!(!whole.has_finding("windows_not_aligned"), "{:?}", whole.soundness.findings);
    // The order of the files does not matter.
    let files: Vec<String> =
        [2, 0, 1].map(|index| folder.path().join(format!("{index}.json")).display().to_string()).to_vec();
    let output = output_of(&["merge", &files[0], &files[1], &files[2], "-O", "json"]);
    let again = Summary::strict(&output.stdout).expect("a summary");
    assert_eq!(again.latency.service.count, whole.latency.service.count);
    assert_eq!(again.calls.planned, whole.calls.planned);
    let shown = text(&output_of(&["merge", folder.path().to_str().expect("UTF-8")]).stdout);
    assert!(shown.contains("3 shards of 3 merged; the slowest first"), "{shown}");
}

fn shards_of_a_count_make_the_whole() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    all(folder.path(), &server, 4, &["-n", "202", "-c", "10"]);
    let planned: Vec<u64> = (0..4).map(|index| read(folder.path(), index).calls.planned).collect();
    assert_eq!(planned, [51, 51, 50, 50]);
    let met = merged(folder.path(), &["--assert", "answered==202", "--label", "all"]).expect("it merges");
    // A merged result in the folder of the shards is no shard of the next merge into it.
    let into = folder.path().join("merged.json");
    for _ in 0..2 {
        merged(folder.path(), &["-o", into.to_str().expect("UTF-8")]).expect("it merges");
    }
    fs::remove_file(into).expect("removed");
    assert_eq!((met.calls.answered, met.label.as_deref()), (202, Some("all")));
    let missed = output_of(&["merge", folder.path().to_str().expect("UTF-8"), "--assert", "answered==203"]);
    assert_eq!(missed.status.code(), Some(1));
    // As a stream, with lines of other programs in it.
    let mut stream = b"some log line\n".to_vec();
    for index in 0..4 {
        stream.extend(fs::read(folder.path().join(format!("{index}.json"))).expect("written"));
        stream.extend(b"{ no result\n");
    }
    let input = folder.path().join("stream");
    fs::write(&input, stream).expect("writable");
    let output = plimsoll(&["merge", "-", "-O", "json"])
        .stdin(fs::File::open(&input).expect("the stream"))
        .output()
        .expect("the binary runs");
    assert_eq!(Summary::strict(&output.stdout).expect("a summary").calls.answered, 202);
    assert!(text(&output.stderr).contains("no result: some log line"), "{}", text(&output.stderr));
}

#[test]
fn a_set_of_shards_that_is_wrong_is_refused() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    all(folder.path(), &server, 3, &["-n", "60", "-c", "3"]);
    // Twice.
    fs::copy(path("1.json"), path("again.json")).expect("a copy");
    let error = merged(folder.path(), &[]).expect_err("twice");
    assert!(error.contains("shard 1 of 3 is there twice") && error.contains("again.json"), "{error}");
    fs::remove_file(path("again.json")).expect("removed");
    // Missing.
    fs::rename(path("1.json"), path("1.gone")).expect("renamed");
    let error = merged(folder.path(), &[]).expect_err("one is missing");
    assert!(error.contains("1 of 3 shards is missing: 1; --partial"), "{error}");
    let partial = merged(folder.path(), &["--partial"]).expect("it merges");
    assert_eq!((partial.calls.planned, partial.has_finding("shards_missing")), (40, true));
    let strict =
        output_of(&["merge", folder.path().to_str().expect("UTF-8"), "--partial", "--strict", "-O", "json"]);
    assert_eq!(strict.status.code(), Some(3));
    // Of another plan, seed, version, target or part; edited; torn; a whole run.
    let whole = fs::read_to_string(path("1.gone")).expect("written");
    for (place, value, words) in [
        ("/plan/seed", json!(2), "`{1}` is of another run: its seed is 2, that of `{0}` is 1"),
        ("/plan/load/concurrency", json!(4), "is of another run: its load is {\"concurrency\":4"),
        ("/plan/warm_up_ns", json!(1), "is of another run: its warm_up_ns is 1, that of `{0}` is 50000000"),
        ("/plimsoll/version", json!("9.9.9"), "is of another run: its version of plimsoll is {"),
        ("/target/authority", json!("elsewhere:1"), "its target is \"elsewhere:1\", that of"),
        ("/label", json!("mine"), "its label is \"mine\", that of `{0}` is absent"),
        ("/agreed_start/at_unix_ns", json!(7), "its agreed start is \"7\", that of"),
        ("/shard/of", json!(4), "its number of shards is 4, that of `{0}` is 3"),
        ("/shard/index", json!(0), "shard 0 of 3 is there twice"),
        ("/shard/index", json!(3), "cannot use `{1}`"),
        ("/shard/of", json!(0), "cannot use `{1}`"),
        ("/shard/of", json!(1_000_000_000_000_000_000_u64), "cannot use `{1}`"),
        ("/calls/planned", json!(21), "cannot use `{1}`"),
        ("/schema", json!("plimsoll.summary/9"), "cannot use `{1}`"),
    ] {
        let mut changed: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
        if place == "/label" {
            changed["label"] = value;
        } else {
            *changed.pointer_mut(place).expect(place) = value;
        }
        fs::write(path("1.json"), changed.to_string()).expect("writable");
        let error = merged(folder.path(), &[]).expect_err(place);
        let words = (0..2).fold(words.to_owned(), |words, index| {
            words.replace(&format!("{{{index}}}"), &path(&format!("{index}.json")).display().to_string())
        });
        assert!(error.contains(&words), "{place}: {error}");
    }
    fs::write(path("1.json"), &whole[..whole.len() / 2]).expect("writable");
    let error = merged(folder.path(), &[]).expect_err("torn");
    assert!(error.contains("cannot use `") && error.contains("1.json"), "{error}");
    let output = path("1.json");
    let made = output_of(&[
        "run",
        &server.target(),
        "-q",
        "-n",
        "20",
        "-w",
        "0s",
        "-o",
        output.to_str().expect("UTF-8"),
    ]);
    assert!(made.status.success());
    let error = merged(folder.path(), &[]).expect_err("a whole run");
    assert!(
        error.contains("is a whole run and no shard; compare whole runs with `plimsoll compare`"),
        "{error}"
    );
    // A shard of another attempt, with another start.
    fs::remove_file(path("1.json")).expect("removed");
    let other = tempfile::tempdir().expect("a folder");
    all(other.path(), &server, 3, &["-n", "60", "-c", "3"]);
    fs::copy(other.path().join("1.json"), path("1.json")).expect("a copy");
    let error = merged(folder.path(), &[]).expect_err("another start");
    assert!(error.contains("is of another run: its agreed start is"), "{error}");
    assert!(output_of(&["merge", "/nowhere"]).status.code() == Some(2));
}

#[test]
fn a_shard_that_is_late_sends_nothing_and_is_missing() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let at = timestamp(wall_clock() + Duration::from_secs(1));
    let flags = ["-n", "30", "-c", "3", "--start-at", &at];
    let punctual = [0, 2].map(|index| shard(folder.path(), &server, index, 3, &flags));
    for child in punctual {
        assert!(finish(child).status.success());
    }
    let late = finish(shard(folder.path(), &server, 1, 3, &flags));
    assert_eq!(late.status.code(), Some(2));
    assert!(
        text(&late.stderr).contains("nothing was sent; give a later --start-at"),
        "{}",
        text(&late.stderr)
    );
    let error = merged(folder.path(), &[]).expect_err("one is missing");
    assert!(error.contains("1 of 3 shards is missing: 1; --partial"), "{error}");
    assert_eq!(merged(folder.path(), &["--partial"]).expect("it merges").calls.planned, 20);
}

/// The results of shards may share a stream: each is one line, also beside JSON of other programs.
#[test]
fn a_result_on_stdout_is_one_line_and_a_stream_of_them_merges() {
    let server = Server::start(&[]);
    let target = server.target();
    let mut stream = b"{\"level\":\"info\"}\n".to_vec();
    for shard in ["0/2", "1/2"] {
        let output = output_of(&[
            "run", &target, "-q", "-n", "9", "-c", "2", "-w", "0s", "--shard", shard, "-O", "json",
        ]);
        assert_eq!(text(&output.stdout).lines().count(), 1);
        stream.extend(output.stdout);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let merge = |stream: &[u8]| {
        let input = folder.path().join("stream");
        fs::write(&input, stream).expect("writable");
        let input = fs::File::open(&input).expect("the stream");
        plimsoll(&["merge", "-", "-O", "json"]).stdin(input).output().expect("the binary runs")
    };
    let whole = merge(&stream);
    assert!(text(&whole.stderr).contains("no result: {\"level\":\"info\"}"), "{}", text(&whole.stderr));
    assert_eq!(Summary::strict(&whole.stdout).expect("a summary").calls.planned, 9);
    // The first result is cut off where the second one begins.
    let end = stream.iter().skip(20).position(|byte| *byte == b'\n').expect("a line") + 20;
    let torn = merge(&[&stream[..end / 2], b"\n", &stream[end + 1..]].concat());
    assert_eq!(torn.status.code(), Some(2));
    assert!(text(&torn.stderr).contains("1 of 2 shards is missing: 0"), "{}", text(&torn.stderr));
}

#[test]
fn an_interrupted_shard_merges_and_a_killed_one_is_missing() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let flags = ["-r", "100", "-z", "1m"];
    let mut running: Vec<Child> = (0..3)
        .map(|index| shard(folder.path(), &server, index, 3, &[&flags[..], &EVENTS].concat()))
        .collect();
    for child in &mut running {
        await_line(&mut lines_of(child), "\"second\"");
    }
    signal(running[1].id(), Signal::KILL);
    for index in [0, 2] {
        signal(running[index].id(), Signal::INT);
    }
    let statuses: Vec<Option<i32>> = running.into_iter().map(|child| finish(child).status.code()).collect();
    assert_eq!(statuses, [Some(130), None, Some(130)]);
    let error = merged(folder.path(), &[]).expect_err("one is missing");
    assert!(error.contains("1 of 3 shards is missing: 1"), "{error}");
    let partial = merged(folder.path(), &["--partial"]).expect("it merges");
    assert!(partial.interrupted && partial.calls.planned > 0);
}

#[test]
fn what_belongs_to_the_whole_run_is_refused_on_a_shard() {
    let server = Server::start(&[]);
    let target = server.target();
    for (arguments, words) in [
        (&["run", "--shard", "0/2"][..], "a shard needs a TARGET"),
        (&["run", &target, "--shard", "2/2"], "shard 2 of 2 does not exist: shards have numbers from 0 to 1"),
        (&["run", &target, "--shard", "two"], "is no shard; write its number from 0"),
        (&["run", &target, "--shard", "auto/x"], "has no number of shards behind the /"),
        (&["run", &target, "--shard", "0/2", "-o", "x.json"], "-o needs {shard} in the name"),
        (&["run", &target, "--shard", "0/2", "-o", "/dev/shm/x.json"], "-o needs {shard} in the name"),
        (&["run", &target, "--shard", "0/2", "--events", "x"], "--events needs {shard} in the name"),
        (&["run", &target, "--shard", "0/2", "--assert", "errors==0"], "give it to `plimsoll merge`"),
        (&["run", &target, "--shard", "0/2", "--strict"], "give it to `plimsoll merge`"),
        (&["run", &target, "--shard", "0/64"], "50 calls in flight are too few for 64 shards"),
        (&["run", &target, "--shard", "0/9", "-n", "5"], "5 calls are too few for 9 shards"),
        (&["run", &target, "--shard", "0/9", "--connections", "5"], "5 connections are too few for 9 shards"),
        (&["run", &target, "--shard", "auto"], "finds no launcher"),
    ] {
        let mut command = plimsoll(arguments);
        for variable in
            ["PMI_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_NTASKS", "JOB_COMPLETION_INDEX", "PLIMSOLL_SHARD"]
        {
            command.env_remove(variable);
        }
        let output = command.output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(words), "{arguments:?}: {}", text(&output.stderr));
    }
    let output =
        plimsoll(&["run", &target, "--shard", "auto/4", "-n", "8", "-c", "4", "-w", "0s", "-O", "json"])
            .env("JOB_COMPLETION_INDEX", "2")
            .output()
            .expect("the binary runs");
    assert!(
        text(&output.stderr).contains("shard 2 of 4, as Kubernetes Job says"),
        "{}",
        text(&output.stderr)
    );
    let summary = Summary::strict(&output.stdout).expect("a summary");
    let shard = summary.shard.expect("a shard");
    assert_eq!((shard.index, shard.of, summary.calls.planned), (2, 4, 2));
}

over_both_clients!(
    both:
    shards_of_a_count_make_the_whole;
    second:
    shards_of_a_rate_make_the_whole;
);
