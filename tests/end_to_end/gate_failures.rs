//! Gates without a verdict, or without one about the candidate: some pass, others are errors.

use std::{fs, process::Command};

use crate::{
    gate_command::{AT_A_RATE, Gate, serve},
    process::{plimsoll, text},
    scripted_server::{Script, start},
};

/// Checks that a gate ends with status 2, that its error has these words, and that it reports no verdict.
fn is_error(gate: &Gate, words: &[&str]) {
    let output = gate.output();
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{:?}: {error}", gate.arguments);
    for word in words {
        assert!(error.contains(word), "{word} is not in {error}");
    }
    assert!(!error.contains("skipped"), "{error}");
}

/// Arguments with the search for limits, and without it.
const BOTH: [&[&str]; 2] = [&["--limits-only"], &["--no-limits", "--only", "small"]];

#[test]
fn a_server_that_does_not_exist_is_an_error_on_either_side() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback").local_addr().expect("bound");
    let nobody = nobody.to_string();
    for (server, words) in [
        ("/nowhere/server {port}", "there is no such file"),
        ("./gate_failures/of/no/use {port}", "there is no such file"),
        ("/ {port}", "cannot run `/`"),
        ("sh -c 'exec /nowhere/server $0' {port}", "exit status: 127"),
        ("env no-such-command {port}", "exit status: 127"),
        (&nobody, "nothing accepts connections"),
    ] {
        for flags in BOTH {
            let gate = Gate::of(server, &serve("")).with(flags).writing("-o", "verdict.json");
            is_error(&gate, &["the base cannot be used", words]);
            assert!(!gate.path("verdict.json").exists(), "nothing was measured");
            let gate = Gate::of(&serve(""), server).with(flags).writing("-o", "verdict.json");
            is_error(&gate, &["the candidate cannot be", words]);
            assert!(!gate.path("verdict.json").exists(), "nothing was measured");
        }
    }
}

#[test]
fn a_gate_of_which_neither_server_works_is_an_error() {
    let dies = "sh -c 'echo no luck; exit 3' {port}";
    let unimplemented = start(Script::Status("12", "unknown method")).to_string();
    let wrong = start(Script::Reply("not this")).to_string();
    for flags in BOTH {
        is_error(&Gate::of(dies, dies).with(flags), &["neither server", "no luck"]);
        is_error(
            &Gate::of(&unimplemented, &unimplemented).with(flags),
            &["neither server", "the base: ", "the candidate: ", "UNIMPLEMENTED: unknown method"],
        );
        is_error(&Gate::of(dies, &unimplemented).with(&["--limits-only"]), &["no luck", "UNIMPLEMENTED"]);
    }
    let gate = Gate::of(&wrong, &wrong).with(BOTH[1]);
    is_error(&gate, &["neither server works as scenario `small` expects", "a reply with another text"]);
}

#[test]
fn a_method_that_the_base_alone_lacks_is_skipped() {
    let unimplemented = start(Script::Status("12", "unknown method")).to_string();
    let gate = Gate::of(&unimplemented, &serve("")).with(&["--limits-only"]);
    let (status, verdict, error) = gate.verdict();
    assert_eq!((status, verdict.verdict.as_str()), (0, "skipped"));
    assert!(error.contains("the base cannot be measured") && error.contains("UNIMPLEMENTED"), "{error}");
    let (status, verdict, _) = Gate::of(&unimplemented, &serve("")).quick().with(&["--no-limits"]).verdict();
    assert_eq!((status, verdict.verdict.as_str()), (0, "skipped"));
    // The candidate must have it.
    let gate = Gate::of(&serve(""), &unimplemented).quick();
    is_error(&gate, &["the candidate cannot be measured", "UNIMPLEMENTED"]);
}

/// Checks two servers, one with and one without a limit below 64 B, in a scenario that expects a refusal.
#[test]
fn a_scenario_that_the_base_alone_does_not_do_is_skipped() {
    let refused = AT_A_RATE.to_owned() + "expect = \"refused\"\n";
    let limited = serve("--max-recv-message-size 10");
    let gate = |base: &str, candidate: &str| {
        Gate::of(base, candidate).trying(&refused).with(&["--no-limits"]).writing("--junit", "gate.xml")
    };
    let (status, verdict, error) = gate(&serve(""), &limited).verdict();
    assert_eq!((status, verdict.verdict.as_str()), (0, "skipped"));
    assert!(error.contains("skipped: no difference could be tested"), "{error}");
    let reason = verdict.scenarios[0].reason.as_deref().expect("said");
    assert!(reason.contains("answered, where a refusal was expected"), "{reason}");

    let neither = gate(&serve(""), &serve(""));
    is_error(&neither, &["neither server works as scenario `quick` expects", "answered, where a refusal"]);
    assert!(neither.path("gate.xml").exists(), "what was measured is written");
    let (status, verdict, _) = neither.verdict();
    assert_eq!((status, verdict.verdict.as_str()), (2, "inconclusive"));
    assert!(verdict.reason.starts_with("the gate ended early: neither server"), "{}", verdict.reason);
}

#[test]
fn a_limit_that_moved_is_a_regression_though_the_gate_ends_early() {
    let refused = AT_A_RATE.to_owned() + "expect = \"refused\"\n";
    let limited = |bytes: u64| serve(&format!("--max-recv-message-size {bytes}"));
    let (status, verdict, error) = Gate::of(&limited(1_000), &limited(999)).trying(&refused).verdict();
    assert_eq!((status, verdict.verdict.as_str()), (1, "regressed"), "{error}");
    assert!(verdict.reason.contains("1 size limit moved"), "{}", verdict.reason);
    assert!(verdict.reason.contains("the gate ended early: neither server"), "{}", verdict.reason);
    assert!(error.contains("neither server works as scenario `quick` expects"), "{error}");
}

#[test]
fn a_failure_of_its_own_is_not_put_down_to_a_server() {
    for flags in BOTH {
        let gate = Gate::of(&serve(""), &serve("")).with(flags);
        let arguments: Vec<&str> = gate.arguments.iter().map(String::as_str).collect();
        let output = plimsoll(&arguments).env("TMPDIR", "/nowhere").output().expect("it runs");
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(
            error.contains("the gate itself failed") && error.contains("`/nowhere` ($TMPDIR)"),
            "{error}"
        );
        assert!(!error.contains("skipped") && output.stdout.is_empty(), "{error}");
    }
}

/// Checks lacks of file descriptors: with more descriptors the gate fails at another place, always as its own
/// error.
#[test]
fn a_lack_of_descriptors_is_no_failure_of_a_server() {
    let gate = Gate::of(&serve(""), &serve("")).with(BOTH[1]);
    for descriptors in (12..=20).step_by(2) {
        let command = format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"");
        let output = Command::new("sh")
            .args(["-c", &command, env!("CARGO_BIN_EXE_plimsoll")])
            .args(&gate.arguments)
            .output()
            .expect("it runs");
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{descriptors}: {error}");
        assert!(
            error.contains("Too many open files") && !error.contains("skipped"),
            "{descriptors}: {error}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_regression_is_one_though_its_reports_cannot_be_written() {
    let (base, candidate) = (serve(""), serve("--max-recv-message-size 1000"));
    for flag in ["-o", "--markdown", "--junit", "--bencher", "--history", "stdout", "summary"] {
        let gate = Gate::of(&base, &candidate).with(&["--limits-only"]);
        let gate = if flag.starts_with('-') { gate.with(&[flag, "/dev/full"]) } else { gate };
        let mut command = plimsoll(&gate.arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let full = fs::File::options().write(true).open("/dev/full").expect("a device");
        match flag {
            "stdout" => command.stdout(full),
            "summary" => command.env("GITHUB_STEP_SUMMARY", "/nowhere/summary.md"),
            _ => &mut command,
        };
        let output = command.output().expect("it runs");
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{flag}: {error}");
        // A history of a gate without scenarios gets no row.
        let words = if flag == "--history" { "no row" } else { "cannot" };
        assert!(error.contains(words), "{flag}: {error}");
        assert_eq!(text(&output.stdout).contains("regressed"), flag != "stdout", "{flag}");
    }
    // Without a regression, a report that was asked for and is missing is an error; the summary was not asked for.
    let same = |arguments: &[&str], summary: &str| {
        let gate = Gate::of(&base, &base).with(&["--limits-only"]).with(arguments);
        let arguments: Vec<&str> = gate.arguments.iter().map(String::as_str).collect();
        let output = plimsoll(&arguments).env("GITHUB_STEP_SUMMARY", summary).output().expect("it runs");
        (output.status.code(), text(&output.stderr))
    };
    assert_eq!(same(&["--junit", "/dev/full"], "").0, Some(2));
    let (status, error) = same(&[], "/nowhere/summary.md");
    assert!(status == Some(0) && error.contains("which $GITHUB_STEP_SUMMARY names"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_missed_objective_is_one_though_its_result_cannot_be_written() {
    let run = ["run", "-q", "-n", "10", "-w", "0s", "--assert", "refused>0", "-o", "/dev/full"];
    let output = plimsoll(&run).output().expect("it runs");
    let error = text(&output.stderr);
    assert!(output.status.code() == Some(1) && error.contains("No space left"), "{error}");
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
        assert!(
            error.contains("skipped: no difference could be tested: the base cannot be measured"),
            "{error}"
        );
    }
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
    bad(&["--repetitions", "11"], "use at least 12");
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
