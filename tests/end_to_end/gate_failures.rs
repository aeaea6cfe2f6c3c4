//! Gates that come to no verdict, or to none about the candidate: which of them pass, and which are errors.

use std::fs;

use crate::{
    gate_command::{Gate, SCENARIOS, serve},
    process::text,
};

#[test]
fn a_base_that_does_not_do_what_the_scenario_says_is_skipped() {
    let refused = SCENARIOS.to_owned() + "expect = \"refused\"\n";
    let gate = Gate::of(&serve(""), &serve("")).trying(&refused).with(&["--no-limits"]);
    let (status, verdict, error) = gate.verdict();
    assert_eq!((status, verdict.verdict.as_str()), (0, "skipped"));
    assert!(error.contains("skipped: nothing was shown"), "{error}");
    let reason = verdict.scenarios[0].reason.as_deref().expect("said");
    assert!(reason.contains("answered, where a refusal was expected"), "{reason}");
}

#[test]
fn a_base_that_does_not_start_is_skipped_loudly() {
    let base = "sh -c 'echo no luck; exit 3' {port}";
    for (flags, expected) in [(&[][..], 0), (&["--strict"][..], 3)] {
        let (status, verdict, error) = Gate::of(base, &serve("")).quick().with(flags).verdict();
        assert_eq!((status, verdict.verdict.as_str()), (expected, "skipped"));
        assert!(
            verdict.reason.contains("exit status: 3") && verdict.reason.contains("no luck"),
            "{verdict:?}"
        );
        assert!(error.contains("skipped: nothing was shown: the base cannot be measured"), "{error}");
    }
}

#[test]
fn a_candidate_that_does_not_start_is_an_error() {
    let gate = Gate::of(&serve(""), "/nowhere/server {port}").quick().writing("-o", "verdict.json");
    let output = gate.output();
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains("the candidate cannot be measured") && error.contains("/nowhere/server"),
        "{error}"
    );
    assert!(!gate.path("verdict.json").exists());
}

#[test]
fn what_cannot_be_done_is_said_before_anything_is_started() {
    let here = serve("");
    let bad = |arguments: &[&str], reason: &str| {
        let output = Gate::of(&here, &here).with(arguments).output();
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(reason), "{arguments:?}: {error}");
    };
    bad(&["--repetitions", "11"], "12 are needed");
    bad(&["--repetitions", "1000"], "200 at most");
    bad(&["--time-budget", "30s"], "--time-budget 30s leaves");
    bad(&["--only", "nothing"], "there are small, 64KiB");
    bad(&["--threshold", "5"], "such as `3%`");
    bad(&["--scenarios", "nowhere.toml"], "nowhere.toml");
    bad(&["--limits-only", "--no-limits"], "--no-limits");
    bad(&["--limits-up-to", "4GiB"], "2,147,483,647 at most");
    bad(&["--commit", "abc"], "--history");
    bad(&["--junit", "no/such/folder/file"], "no/such/folder");
    let output = Gate::of("localhost:808O", &here).output();
    assert!(output.status.code() == Some(2) && text(&output.stderr).contains("no such file"), "{output:?}");
    let output = Gate::of("./server --fast", &here).output();
    assert!(output.status.code() == Some(2) && text(&output.stderr).contains("{port}"), "{output:?}");
}

#[test]
fn the_usual_file_is_found_and_a_wrong_one_is_named() {
    let gate = Gate::of(&serve(""), &serve(""));
    fs::write(gate.path("plimsoll.toml"), "[[scenario]]\nname = \"a\"\nsise = 1").expect("writable");
    let output = gate.output();
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(error.contains("plimsoll.toml") && error.contains("sise") && error.contains("line 3"), "{error}");
}
