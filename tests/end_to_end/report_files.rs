//! Flags for reports: files, stdout, and combinations that fail before anything runs.

use std::fs;

use crate::process::{Server, output_of, text};

const RUN_FORMATS: [&str; 8] =
    ["html", "markdown", "csv", "junit", "hgrm", "hlog", "prometheus", "openmetrics"];

#[test]
fn a_run_writes_all_of_its_formats_at_once() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = |format: &str| folder.path().join(format!("run.{format}")).display().to_string();
    let mut arguments = vec!["run".to_owned(), server.target(), "-q".to_owned()];
    arguments.extend(["-n", "40", "-c", "4", "-w", "0s", "--assert", "answered==41"].map(str::to_owned));
    for format in RUN_FORMATS {
        arguments.extend([format!("--{format}"), path(format)]);
    }
    arguments.extend(["-o".to_owned(), path("json")]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = output_of(&arguments);
    // Reports are written before the status of a missed objective.
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    for (format, words) in [
        ("html", "1 of 1 objectives missed"),
        ("markdown", "**missed** answered==41"),
        ("csv", "start_ns,length_ns,answered"),
        ("junit", "<failure message=\"answered==41: 40 calls\" type=\"missed\"/>"),
        ("hgrm", "Total count    =           40"),
        ("hlog", "#[Histogram log format version 1.3]"),
        ("prometheus", "plimsoll_run_calls{outcome=\"answered\"} 40"),
        ("openmetrics", "# TYPE plimsoll_latency_seconds histogram"),
    ] {
        let written = fs::read_to_string(path(format)).expect(format);
        assert!(written.contains(words), "{format}: {written:.2000}");
        // The saved document gives the same bytes: in a file, and on stdout by -O and by `-`.
        let flag = format!("--{format}");
        for arguments in
            [vec!["report", &path("json"), "-O", format], vec!["report", &path("json"), &flag, "-"]]
        {
            let again = output_of(&arguments);
            assert_eq!(text(&again.stdout), written, "{arguments:?}: {}", text(&again.stderr));
        }
    }
}

#[test]
fn an_output_that_is_not_possible_fails_before_the_run() {
    // No server listens here: a command that tried would say so.
    let target = "127.0.0.1:1";
    for (arguments, words) in [
        (&["run", target, "-o", "page.html"][..], "for html, write --html page.html"),
        (&["run", target, "-o", "rows.csv"], "for csv, write --csv rows.csv"),
        (&["run", target, "-o", "report.md"], "for markdown, write --markdown report.md"),
        (&["run", target, "-o", "cases.xml"], "for junit, write --junit cases.xml"),
        (&["run", target, "-o", "a.hgrm"], "for hgrm, write --hgrm a.hgrm"),
        (&["sweep", target, "-o", "page.html"], "for html, write --html page.html"),
        (&["limits", target, "-o", "page.html"], "for html, write --html page.html"),
        (&["sweep", target, "--hgrm", "a.hgrm"], "a result of `plimsoll sweep` cannot be written as hgrm"),
        (
            &["limits", target, "--junit", "a.xml"],
            "cannot be written as junit; its formats are text, json, html",
        ),
        (&["interference", target, "-r", "9", "-s", "64", "--csv", "a"], "cannot be written as csv"),
        (&["run", target, "-O", "bencher"], "invalid value 'bencher'"),
        (&["run", target, "--html", "-", "--csv", "-"], "--html and --csv all write to stdout"),
        (&["run", target, "--html", "-", "-O", "json"], "`--html -` writes to stdout, and so does -O"),
        (&["run", target, "--html", "-", "-o", "-"], "`--html -` writes to stdout, and so does -O"),
        (&["run", target, "--html", "/nowhere/page.html"], "cannot write the result to `/nowhere/page.html`"),
        (
            &["run", target, "--shard", "0/2", "--html", "x.html"],
            "with --shard, --html needs {shard} in the name",
        ),
        (
            &["gate", "--base", target, "--candidate", target, "--hlog", "x"],
            "a verdict of `plimsoll gate` cannot be written as hlog",
        ),
    ] {
        let output = output_of(arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(error.contains(words), "{arguments:?}: {error}");
        assert!(!error.contains("listens"), "{arguments:?}: {error}");
    }
    for file in ["page.html", "rows.csv", "a.hgrm", "x.html"] {
        assert!(!std::path::Path::new(file).exists(), "{file}");
    }
}

#[test]
fn the_help_of_a_command_has_the_formats_of_its_document() {
    for (command, has, has_not) in [
        ("run", &["--html", "--hgrm", "--openmetrics", "--junit"][..], &["--bencher"][..]),
        ("sweep", &["--html", "--csv"], &["--hgrm", "--junit"]),
        ("gate", &["--html", "--junit", "--bencher", "--history"], &["--hlog", "--csv"]),
        ("report", &["--html", "--hgrm", "--bencher"], &[]),
        ("call", &[], &["--html"]),
    ] {
        let help = text(&output_of(&[command, "--help"]).stdout);
        for flag in has {
            assert!(help.contains(&format!("{flag} <FILE>")), "{command} {flag}: {help}");
        }
        for flag in has_not {
            assert!(!help.contains(flag), "{command} {flag}");
        }
    }
}

#[test]
fn two_contents_never_go_to_one_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let result = path("result.json");
    fs::copy("tests/data/documents/summary.json", &result).expect("copied");
    std::os::unix::fs::symlink(&result, path("link")).expect("a link");
    let (page, same, link) = (path("page"), path("./page"), path("link"));
    let data = format!("@{result}");
    // No server listens here: a command that tried would say so.
    let target = "127.0.0.1:1";
    for (arguments, words) in [
        (vec!["run", target, "-o", &page, "--html", &same], "the file of --html"),
        (vec!["run", target, "--csv", &page, "--html", &page], "the file of --csv"),
        (vec!["run", "--events", &page, "-o", &page], "the file of --events"),
        (vec!["run", target, "--text-file", &result, "-o", &result], "the text to send"),
        (vec!["run", target, "--method", "a/B", "-d", &data, "-o", &result], "the data to send"),
        (vec!["run", target, "--metadata-file", &result, "--html", &result], "the metadata to send"),
        (vec!["sweep", "-o", &page, "--html", &page], "the file of -o"),
        (vec!["sweep", "-o", &page, "--events", &page], "the file of --events"),
        (vec!["gate", "--base", target, "--candidate", target, "--history", &page, "-o", &page], "--history"),
        (vec!["report", &result, "--html", &result], "the document to read"),
        (vec!["report", &result, "--html", &link], "the document to read"),
        (vec!["compare", &result, &result, "-o", &link], "the base"),
        (vec!["merge", &result, "--html", &result], "a shard to read"),
    ] {
        let before = fs::read(&result).expect("the result");
        let output = output_of(&arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(
            error.contains(words) && error.contains("give each a file of its own"),
            "{arguments:?}: {error}"
        );
        assert!(fs::read(&result).expect("the result") == before, "{arguments:?}");
    }
    assert!(!folder.path().join("page").exists(), "something was written");
    // Devices take anything.
    let output = output_of(&["report", &result, "--html", "/dev/null", "--csv", "/dev/null"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}
