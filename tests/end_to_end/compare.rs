//! `plimsoll compare`: comparison of results.

use std::path::Path;

use crate::process::{output_of, text};

/// Makes a short run, and keeps its result in this file.
fn keep(path: &Path, arguments: &[&str]) {
    let path = path.to_str().expect("UTF-8");
    let common = ["run", "-q", "-n", "400", "-c", "2", "-w", "0s", "-s", "64,1000", "-o", path];
    let output = output_of(&[&common, arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

fn compared(base: &Path, candidate: &Path, arguments: &[&str]) -> (i32, String, String) {
    let paths = [base.to_str().expect("UTF-8"), candidate.to_str().expect("UTF-8")];
    let output = output_of(&[&["compare"], paths.as_slice(), arguments].concat());
    (output.status.code().expect("not killed"), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_limit_that_moved_by_a_byte_is_shown_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let (base, candidate) = (folder.path().join("base.json"), folder.path().join("candidate.json"));
    keep(&base, &["--server-max-recv-message-size", "1000"]);
    keep(&candidate, &["--server-max-recv-message-size", "999"]);
    let (status, out, _) = compared(&base, &candidate, &[]);
    assert_eq!(status, 0);
    let limits = out.find("the server's limit for requests: none was met -> 999 bytes (OUT_OF_RANGE)");
    let size = out.find("calls of 1,000 B: answered -> refused");
    assert!(limits.is_some() && size > limits && out.find("calls/s") > size, "{out}");
}

#[test]
fn folders_of_results_are_compared_run_against_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let sides = ["base", "candidate"].map(|side| folder.path().join(side));
    for side in &sides {
        std::fs::create_dir(side).expect("writable");
        for run in 0..4 {
            keep(&side.join(format!("{run}.json")), &[]);
        }
    }
    let (status, out, error) = compared(&sides[0], &sides[1], &["-O", "json"]);
    assert_eq!(status, 0, "{error}");
    let document: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(document["schema"], "plimsoll.comparison/1");
    assert_eq!(document["limits"].as_array().map(Vec::len), Some(0));
    let figures = document["figures"].as_array().expect("a list");
    assert!(figures.len() >= 3, "{document}");
    for figure in figures {
        assert_eq!(figure["method"], "runs", "{figure}");
        let (p, adjusted) =
            (figure["p"].as_f64().expect("a test"), figure["p_adjusted"].as_f64().expect("Holm"));
        assert!(p > 0.0 && p <= adjusted && adjusted <= 1.0, "{figure}");
        assert!(figure["interval"][0].as_f64() <= figure["ratio"].as_f64(), "{figure}");
    }
}

#[test]
fn what_cannot_be_compared_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let (base, candidate) = (folder.path().join("base.json"), folder.path().join("candidate.json"));
    keep(&base, &[]);
    keep(&candidate, &["--connections", "2"]);
    let (status, out, error) = compared(&base, &candidate, &[]);
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(error.contains("connections: 1 and 2") && error.contains("--allow-different-plans"), "{error}");
    assert_eq!(compared(&base, &candidate, &["--allow-different-plans"]).0, 0);

    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).expect("writable");
    let (status, _, error) = compared(&base, &empty, &[]);
    assert!(status == 2 && error.contains("no file that ends with .json"), "{error}");
    let (status, _, error) = compared(&base, &folder.path().join("missing.json"), &[]);
    assert!(status == 2 && error.contains("cannot open"), "{error}");
}

#[test]
fn a_comparison_is_reported_as_it_was_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let [base, candidate, path] =
        ["base.json", "candidate.json", "comparison.json"].map(|name| folder.path().join(name));
    keep(&base, &[]);
    keep(&candidate, &[]);
    let path = path.to_str().expect("UTF-8");
    let (status, printed, error) = compared(&base, &candidate, &["-o", path]);
    assert_eq!(status, 0, "{error}");
    let report = |arguments: &[&str]| {
        let output = output_of(&[&["report", path], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    assert_eq!(report(&[]), printed);
    let document = std::fs::read_to_string(path).expect("written");
    let values = [document, report(&["-O", "json"])]
        .map(|text| serde_json::from_str::<serde_json::Value>(&text).expect("JSON"));
    assert_eq!(values[0], values[1]);
}

#[test]
fn a_document_of_another_kind_is_called_by_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("other.json");
    let error_of = |document: &str| {
        std::fs::write(&path, document).expect("writable");
        let (status, _, error) = compared(&path, &path, &[]);
        assert_eq!(status, 2, "{error}");
        error
    };
    for (name, kind) in [
        ("limits", "`plimsoll limits`"),
        ("sweep", "`plimsoll sweep`"),
        ("neighbours", "`plimsoll interference`"),
        ("comparison", "`plimsoll compare`"),
        ("verdict", "`plimsoll gate`"),
        ("call", "`plimsoll call`"),
        ("serve", "`plimsoll serve`"),
    ] {
        let error = error_of(&format!("{{\"schema\": \"plimsoll.{name}/1\"}}"));
        assert!(error.contains(kind) && error.contains("`plimsoll run` is needed"), "{name}: {error}");
        assert!(!error.contains("version"), "{name}: {error}");
    }
    let error = error_of("{\"schema\": \"plimsoll.summary/99\"}");
    assert!(error.contains("use the version of plimsoll that wrote it"), "{error}");
    let error = error_of("{\"schema\": \"k6/1\"}");
    assert!(error.contains("not a schema of plimsoll") && !error.contains("version"), "{error}");
}

/// Checks the examples of the help, as a shell runs them.
#[test]
fn the_examples_of_the_help_are_shell() {
    let help = text(&output_of(&["compare", "--help"]).stdout);
    let (_, rest) = help.split_once("Examples:\n").expect("examples");
    let (examples, _) = rest.split_once("\n\nA ratio").expect("an end");
    let folder = tempfile::tempdir().expect("a folder");
    // A `plimsoll` that writes what it is called with, and the file that it is asked to write.
    let script = format!(
        "plimsoll() {{ echo \"$@\"; while [ $# -gt 0 ]; do [ \"$1\" != -o ] || : >\"$2\" || exit 1; shift; done; }}\nset -e\n{examples}"
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder.path())
        .output()
        .expect("sh runs");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    let calls = text(&output.stdout);
    assert!(calls.starts_with("compare before.json after.json\ncompare before/ after/\nrun "), "{calls}");
    assert_eq!(std::fs::read_dir(folder.path().join("after")).expect("made").count(), 5, "{calls}");
}
