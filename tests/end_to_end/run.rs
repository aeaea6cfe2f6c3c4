//! Successful runs, and the ways in which they end.

use std::{fs, process::Stdio};

use rustix::process::Signal;

use crate::{
    document::{Load, Summary},
    golden_documents::golden_document,
    process::{
        EVENTS, Server, await_answers, await_line, client, eventually, finish, lines_of, output_of,
        over_both_clients, plimsoll, run, run_with_status, signal, text,
    },
};

const SHORT: [&str; 4] = ["-z", "300ms", "-w", "50ms"];

fn short<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&SHORT, arguments].concat()
}

fn without_a_target_it_drives_a_server_of_its_own() {
    let (status, summary) = run_with_status(&short(&[]));
    assert_eq!(status, 0);
    assert_eq!(summary.calls.answered, summary.calls.planned);
    // Each slot has a call at least, however slow the machine is.
    assert!(summary.calls.answered >= 50);
    assert!(matches!(summary.plan.load, Load::Closed { concurrency: 50 }));
    assert!(summary.latency.response.is_none() && summary.latency.lateness.is_none());
    let server = summary.target.server.expect("its own server");
    assert_eq!((server.threads, server.max_recv_message_bytes), (4, Some(4 << 20)));
    assert_eq!(summary.window_ns, 300_000_000);
    if cfg!(target_os = "linux") {
        assert!(summary.cost.client_cpu_ns_per_call.expect("measured") > 0);
        assert!(summary.cost.server_cpu_ns_per_call.expect("measured") > 0);
    }
}

fn an_open_loop_plans_every_arrival_and_reports_three_times() {
    let summary = run(&short(&["-r", "500"]));
    assert_eq!(summary.calls.planned, 150);
    assert_eq!(summary.calls.answered, 150);
    let response = summary.latency.response.expect("an open loop");
    assert!(response.p50_ns >= summary.latency.service.p50_ns);
    assert!(summary.latency.lateness.is_some());
}

fn stages_bring_the_calls_below_their_line() {
    let summary = run(&["-w", "0s", "--stage", "100:500ms", "--stage", "0..400:1s"]);
    assert_eq!(summary.calls.planned, 50 + 200);
    assert_eq!(summary.window_ns, 1_500_000_000);
}

fn a_count_is_exact_in_both_loops_and_over_all_workers() {
    for load in [["-c", "7"], ["-r", "1k"]] {
        let summary = run(&[&["-n", "333", "-w", "100ms", "--workers", "2"], load.as_slice()].concat());
        assert_eq!((summary.calls.planned, summary.calls.answered), (333, 333));
        assert_eq!(summary.goodput.replies, 333);
    }
}

fn a_worker_without_a_call_ends_with_the_others() {
    for load in [["-c", "4"], ["-r", "100"]] {
        let summary = run(&[&["-n", "2", "-w", "0s", "--workers", "4"], load.as_slice()].concat());
        assert_eq!(summary.calls.answered, 2);
    }
}

fn a_seed_gives_the_same_calls_to_any_number_of_workers() {
    let planned = |workers| {
        let arguments =
            ["-r", "300", "--arrivals", "poisson", "--seed", "9", "-s", "64@3,1KiB@1", "--workers", workers];
        let summary = run(&short(&arguments));
        summary.sizes.iter().map(|size| size.calls.planned).collect::<Vec<_>>()
    };
    let alone = planned("1");
    assert_eq!(alone, planned("3"));
    assert_ne!(alone.iter().sum::<u64>(), 90, "Poisson arrivals are not even");
}

fn a_mix_has_rows_by_size() {
    let summary = run(&["-n", "1000", "-w", "0s", "-s", "64@90,1KiB@10"]);
    let rows: Vec<_> = summary.sizes.iter().map(|size| (size.message_bytes, size.calls.answered)).collect();
    assert_eq!((rows[0].0, rows[1].0), (64, 1_024));
    assert!(rows[0].1 > 5 * rows[1].1 && rows[1].1 > 0, "{rows:?}");
}

fn every_kind_of_text_is_answered_and_verified() {
    for kind in ["ascii", "json", "unicode", "expanding"] {
        let summary = run(&["-n", "50", "-c", "5", "-w", "0s", "-s", "1000", "--text", kind]);
        assert_eq!(summary.calls.answered, 50, "{kind}");
        assert_eq!(summary.plan.sizes[0].message_bytes, 1_000);
    }
}

fn a_text_can_come_from_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("command.json");
    fs::write(&path, r#"{"command":"straße"}"#).expect("writable");
    let summary = run(&["-n", "10", "-c", "1", "-w", "0s", "--text-file", path.to_str().expect("UTF-8")]);
    assert_eq!(summary.calls.answered, 10);
    assert_eq!(summary.plan.sizes[0].message_bytes, 2 + 21);
}

fn a_size_that_no_text_can_make_is_rounded_and_said() {
    let summary = run(&["-n", "10", "-c", "1", "-w", "0s", "-s", "130"]);
    assert_eq!((summary.plan.sizes[0].asked_bytes, summary.plan.sizes[0].message_bytes), (130, 129));
    assert!(summary.has_finding("size_rounded"));
}

fn objectives_decide_the_exit_status_after_the_result_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("result.json");
    let path = path.to_str().expect("UTF-8");
    let arguments = ["-n", "400", "-w", "0s", "--assert", "p50<1h", "--assert", "p99<1ns", "-o", path];
    let (status, summary) = run_with_status(&arguments);
    assert_eq!(status, 1);
    let met: Vec<_> = summary.objectives.iter().map(|objective| objective.met).collect();
    assert_eq!(met, [true, false]);
    assert!(summary.objectives[1].measured.expect("measured") > 1.0);
    let written = Summary::strict(&fs::read(path).expect("written")).expect("a summary");
    assert_eq!(written.calls, summary.calls);

    let (status, _) = run_with_status(&["-n", "400", "-w", "0s", "--assert", "errors==0"]);
    assert_eq!(status, 0);
    // Too few samples: not measured, and so not met.
    let (status, summary) = run_with_status(&["-n", "10", "-w", "0s", "--assert", "p99.9<1h"]);
    assert_eq!((status, summary.objectives[0].measured), (1, None));
}

fn what_is_shed_makes_the_run_unsound_and_strict_says_so() {
    let arguments = [
        "-r",
        "200",
        "-z",
        "1s",
        "-w",
        "0s",
        "--max-in-flight",
        "1",
        "--server-obey",
        "-m",
        "plimsoll-delay: 50ms",
    ];
    let (status, summary) = run_with_status(&[arguments.as_slice(), &["--strict"]].concat());
    assert_eq!(status, 3);
    assert_eq!(summary.calls.planned, 200);
    assert!(summary.calls.shed > 100, "{:?}", summary.calls);
    assert_eq!(summary.soundness.verdict, "unsound");
    assert!(summary.has_finding("calls_shed"));
    let (status, _) = run_with_status(&arguments);
    assert_eq!(status, 0);
}

fn a_deadline_is_kept_and_counted() {
    let arguments =
        ["-n", "20", "-c", "4", "-w", "0s", "--server-obey", "-m", "plimsoll-delay: 1s", "-t", "20ms"];
    let (status, summary) = run_with_status(&arguments);
    assert_eq!(status, 2);
    assert_eq!(summary.calls.deadline_exceeded, 20);
    assert_eq!(summary.statuses[0].code, "DEADLINE_EXCEEDED");
}

fn a_status_is_a_failure_with_its_code_and_text() {
    let arguments = [
        "-n",
        "20",
        "-w",
        "0s",
        "--server-obey",
        "-m",
        "plimsoll-status: 9",
        "-m",
        "plimsoll-message: not today",
    ];
    let (status, summary) = run_with_status(&arguments);
    assert_eq!(status, 2);
    assert_eq!(summary.calls.failed, 20);
    assert_eq!(
        (summary.statuses[0].code.as_str(), summary.statuses[0].message.as_str()),
        ("FAILED_PRECONDITION", "not today")
    );
}

fn a_reply_of_another_size_is_wrong_and_shown() {
    let arguments = ["-n", "5", "-c", "1", "-w", "0s", "--server-obey", "-m", "plimsoll-reply-size: 10"];
    let (_, summary) = run_with_status(&arguments);
    assert_eq!(summary.calls.wrong_reply, 5);
    let wrong = &summary.wrong_replies[0];
    assert_eq!((wrong.at_byte, wrong.got_bytes, wrong.got.as_str()), (0, 8, "AAAAAAAA"));
}

fn an_interrupt_ends_with_what_was_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("result.json");
    for (warm_up, measured) in [("0s", true), ("1h", false)] {
        let mut child = plimsoll(&["run", "-r", "50", "-z", "1h", "-w", warm_up, "--client", client(), "-o"])
            .arg(&path)
            .args(EVENTS)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut lines = lines_of(&mut child);
        if measured {
            await_answers(&mut lines);
        } else {
            await_line(&mut lines, "warming up");
        }
        signal(child.id(), Signal::INT);
        lines.for_each(drop);
        let output = finish(child);
        assert_eq!(output.status.code(), Some(130));
        let printed = text(&output.stdout);
        assert!(printed.contains("interrupted"), "{printed}");
        let summary = Summary::strict(&fs::read(&path).expect("written")).expect("a summary");
        summary.check();
        assert!(summary.interrupted);
        assert_eq!(summary.calls.answered > 0, measured);
        assert_eq!(summary.window_ns >= 1_000_000_000, measured, "{}", summary.window_ns);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn its_server_cannot_outlive_it() {
    let mut child =
        plimsoll(&["run", "-r", "50", "-z", "1h"]).stderr(Stdio::piped()).spawn().expect("it runs");
    await_line(&mut lines_of(&mut child), "measuring");
    let id = child.id();
    let servers = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("the kernel tells");
    let server: u32 = servers.trim().parse().expect("one child");
    signal(id, Signal::KILL);
    child.wait().expect("it was killed");
    let is_gone = || match fs::read_to_string(format!("/proc/{server}/stat")) {
        Err(_) => true,
        // Ended, and nobody has asked for its status yet.
        Ok(stat) => stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')),
    };
    eventually("the server's end", is_gone);
}

#[test]
fn progress_is_plain_lines_without_a_terminal_and_nothing_when_quiet() {
    let loud = output_of(&["run", "-n", "50", "-w", "10ms"]);
    let lines = text(&loud.stderr);
    assert!(lines.contains("warming up for 10ms") && lines.contains("measuring 50 calls"), "{lines}");
    assert!(!lines.contains('\u{1b}') && !text(&loud.stdout).contains('\u{1b}'));
    assert!(text(&loud.stdout).contains("50 planned: 50 answered"));
    let quiet = output_of(&["run", "-q", "-n", "50", "-w", "10ms"]);
    assert_eq!(text(&quiet.stderr), "");
}

#[test]
fn a_saved_result_is_read_back_and_another_version_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("result.json");
    let path = path.to_str().expect("UTF-8");
    let ran = output_of(&["run", "-q", "-n", "50", "-w", "0s", "-o", path, "--label", "first"]);
    let reported = output_of(&["report", path]);
    assert_eq!(text(&ran.stdout), text(&reported.stdout));
    let again = text(&output_of(&["report", path, "-O", "json"]).stdout);
    assert_eq!(again, fs::read_to_string(path).expect("written"));

    let json = fs::read_to_string(path).expect("written");
    for (from, to, reason) in [
        (
            "plimsoll.summary/2",
            "plimsoll.summary/3",
            "`plimsoll.summary/3`, and this plimsoll reads `plimsoll.summary/2`",
        ),
        ("\"planned\": 50", "\"planned\": 51", "do not add up"),
        ("HISTFAAA", "AAAAFAAA", "histogram"),
        // Of counts that stand nowhere else, the figures that follow from them tell.
        ("\"ended_in_window\": ", "\"ended_in_window\": 9", "cpu_ns_per_call"),
        ("\"retried_calls\": 0,\n", "\"retried_calls\": 7,\n", "retried_calls"),
        ("\"schema\"", "\"scheme\"", "no `schema`"),
        ("{", "[", "not a result"),
    ] {
        fs::write(path, json.replacen(from, to, 1)).expect("writable");
        let refused = output_of(&["report", path]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(text(&refused.stderr).contains(reason), "{}", text(&refused.stderr));
    }
}

fn a_server_that_is_there_already_has_its_account_too() {
    let server = Server::start(&[]);
    let summary = run(&short(&[&server.target()]));
    assert!(summary.target.server.is_none() && summary.target.is_local);
    if cfg!(target_os = "linux") {
        assert!(summary.cost.server_cpu_ns_per_call.expect("found by its port") > 0);
    }
}

/// Checks that the mirror accepts the golden result, from which the golden text is written.
#[test]
fn the_golden_result_has_the_pinned_schema() {
    let golden = golden_document(plimsoll::result::DocumentKind::Summary);
    Summary::strict(&golden).expect("a summary").check();
}

over_both_clients!(
    lean:
    a_worker_without_a_call_ends_with_the_others,
    without_a_target_it_drives_a_server_of_its_own,
    an_open_loop_plans_every_arrival_and_reports_three_times,
    stages_bring_the_calls_below_their_line,
    a_count_is_exact_in_both_loops_and_over_all_workers,
    a_seed_gives_the_same_calls_to_any_number_of_workers,
    a_mix_has_rows_by_size,
    every_kind_of_text_is_answered_and_verified,
    a_text_can_come_from_a_file,
    a_size_that_no_text_can_make_is_rounded_and_said,
    objectives_decide_the_exit_status_after_the_result_was_written,
    what_is_shed_makes_the_run_unsound_and_strict_says_so,
    a_deadline_is_kept_and_counted,
    a_status_is_a_failure_with_its_code_and_text,
    a_reply_of_another_size_is_wrong_and_shown,
    an_interrupt_ends_with_what_was_measured,
    a_server_that_is_there_already_has_its_account_too;
);

/// Checks that a document holds all counts: two of them merge into the result of both.
#[test]
fn saved_results_merge_without_loss() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&[]);
    let read = |name: &str, seed: &str| {
        let path = folder.path().join(name);
        let path = path.to_str().expect("UTF-8");
        let sizes = ["-s", "64@3,1KiB@1", "-r", "400", "-n", "200", "-w", "0s", "--seed", seed];
        let ran = output_of(&[&["run", "-q", "-o", path, &server.target()], &sizes[..]].concat());
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        let saved = fs::File::open(path).expect("written");
        plimsoll::result::summary::Summary::read(saved).expect("a result that agrees with itself")
    };
    let (one, other) = (read("one.json", "1"), read("other.json", "2"));
    let measurement =
        |summary: &plimsoll::result::summary::Summary| summary.measurement().expect("decodes").expect("kept");
    let mut sum = measurement(&one);
    sum.merge(measurement(&other)).expect("parts of one run");
    let mut turned = measurement(&other);
    turned.merge(measurement(&one)).expect("parts of one run");
    assert!(sum.recording.service == turned.recording.service, "the order of parts shows");
    let context =
        plimsoll::result::summary::Context { target: one.target.clone(), label: None, objectives: &[] };
    let merged = plimsoll::result::summary::Summary::new(&sum, context).expect("conserved");
    assert_eq!((merged.calls.planned, merged.calls.outcomes.answered), (400, 400));
    assert_eq!(merged.latency.service.count, 400);
    assert_eq!(merged.sizes.iter().map(|size| size.calls.planned).sum::<u64>(), 400);
    merged.check().expect("a result like any other");
}
