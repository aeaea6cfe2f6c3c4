//! `plimsoll compare`: results side by side.

use std::path::Path;

use crate::process::{output_of, text};

/// A short run, kept in this file.
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
