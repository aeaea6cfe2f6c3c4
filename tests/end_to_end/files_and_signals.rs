//! Files on disk after any end of the process, and destinations of results.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use rustix::process::Signal;

use crate::process::{Server, output_of, plimsoll, signal, text};

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("readable").flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Waits for the line that reports the start of the measurement.
fn measuring(child: &mut Child) {
    let mut lines = BufReader::new(child.stderr.as_mut().expect("piped")).lines();
    assert!(lines.any(|line| line.expect("UTF-8").contains("measuring")), "the run never began");
}

/// Starts a long run; returns its process, the folder of its result, and its server.
fn begun(before: &str, duration: &str) -> (Child, tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&[]);
    let result = folder.path().join("result.json");
    let mut child = Command::new("sh")
        .args(["-c", &format!("{before} exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_plimsoll"), "run"])
        .args([
            &server.target(),
            "-c",
            "1",
            "-z",
            duration,
            "-w",
            "0s",
            "-o",
            result.to_str().expect("UTF-8"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("sh runs");
    measuring(&mut child);
    (child, folder, server)
}

#[test]
fn a_closed_terminal_ends_a_run_with_what_was_measured() {
    let (mut child, folder, _server) = begun("", "1m");
    signal(child.id(), Signal::HUP);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(names(folder.path()), ["result.json"]);
    let result = fs::read(folder.path().join("result.json")).expect("kept");
    let result = crate::document::Summary::strict(&result).expect("a summary");
    assert!(result.interrupted);
    result.check();
}

#[test]
fn a_run_that_was_told_to_ignore_the_closed_terminal_goes_on() {
    let (mut child, folder, _server) = begun("trap '' HUP;", "400ms");
    signal(child.id(), Signal::HUP);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let result = fs::read(folder.path().join("result.json")).expect("kept");
    assert!(!crate::document::Summary::strict(&result).expect("a summary").interrupted);
}

#[test]
fn a_killed_process_leaves_nothing_behind() {
    let (mut child, folder, _server) = begun("", "1m");
    child.kill().expect("it is there");
    assert_eq!(child.wait().expect("it ends").signal(), Some(9));
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn a_dash_is_stdout_and_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let in_folder = |arguments: &[&str]| -> Output {
        plimsoll(arguments).current_dir(folder.path()).output().expect("the binary runs")
    };
    let run = ["run", "-q", "-n", "3", "-c", "1", "-w", "0s"];
    for format in [&[][..], &["-O", "json"]] {
        let output = in_folder(&[&run[..], &["-o", "-"], format].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        crate::document::Summary::strict(&output.stdout).expect("one document and nothing else").check();
    }
    let output = in_folder(&[&run[..], &["-o", "-", "-O", "text"]].concat());
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]));
    assert!(text(&output.stderr).contains("leave out one of the two"), "{}", text(&output.stderr));
    let sweep =
        ["sweep", "-q", "-s", "64", "-c", "1", "-z", "20ms", "-w", "0s", "--repetitions", "1", "-o", "-"];
    let output = in_folder(&sweep);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one document");
    assert_eq!(document["schema"], "plimsoll.sweep/1");
    assert_eq!(in_folder(&[&sweep[..], &["-O", "csv"]].concat()).status.code(), Some(2));
    let limits = ["limits", "-q", "--up-to", "1KiB", "--server-max-recv-message-size", "100", "-o", "-"];
    let document: serde_json::Value =
        serde_json::from_slice(&in_folder(&limits).stdout).expect("one document");
    assert_eq!(document["schema"], "plimsoll.limits/1");
    assert_eq!(names(folder.path()), Vec::<String>::new());
    // A file that is really called so.
    assert_eq!(in_folder(&[&run[..], &["-o", "./-"]].concat()).status.code(), Some(0));
    assert_eq!(names(folder.path()), ["-"]);
}

#[test]
fn what_goes_through_a_pipe_can_be_reported_from_it() {
    let result = fs::File::open("tests/data/documents/summary.json").expect("the golden result");
    let output = plimsoll(&["report", "-"]).stdin(result).output().expect("the binary runs");
    assert_eq!(
        text(&output.stdout),
        fs::read_to_string("tests/data/written/summary.text").expect("the golden text")
    );
    // It has no end.
    for command in
        [&["report", "/dev/zero"][..], &["compare", "/dev/zero", "tests/data/documents/summary.json"]]
    {
        let output = output_of(command);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("/dev/zero"), "{}", text(&output.stderr));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn too_few_descriptors_are_an_error_and_no_panic() {
    let server = Server::start(&[]);
    let target = server.target();
    let with = |limit: u32, arguments: &[&str]| {
        let script = format!("ulimit -n {limit}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_plimsoll")]).args(arguments);
        command.stdin(Stdio::null()).output().expect("sh runs")
    };
    let load = ["-q", "-n", "1", "-c", "1", "-w", "0s"];
    let commands: [&[&str]; 6] = [
        &[&["run", &target][..], &load].concat(),
        &[&["run", &target, "--client", "stub"][..], &load].concat(),
        &[&["run"][..], &load].concat(),
        &["call", &target, "x", "--client", "stub"],
        &["limits", &target, "-q", "--up-to", "100"],
        &["serve", "--listen", "127.0.0.1:nowhere"],
    ];
    for command in commands {
        let mut words = 0;
        for limit in 4..=20 {
            let output = with(limit, command);
            let said = text(&output.stderr);
            assert!(!said.contains("panicked"), "{limit}, {command:?}: {said}");
            assert!(
                matches!(output.status.code(), Some(0 | 2)),
                "{limit}, {command:?}: {:?} {said}",
                output.status
            );
            words += usize::from(said.contains("ulimit -n"));
        }
        assert!(words > 0, "{command:?}");
    }
}

#[test]
fn a_link_stays_a_link_whatever_it_points_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let (link, itself) = (folder.path().join("latest"), folder.path().join("loop"));
    std::os::unix::fs::symlink("1.json", &link).expect("a link");
    std::os::unix::fs::symlink("loop", &itself).expect("a link");
    let run = |path: &Path| {
        output_of(&["run", "-q", "-n", "3", "-c", "1", "-w", "0s", "-o", path.to_str().expect("UTF-8")])
    };
    assert_eq!(run(&link).status.code(), Some(0));
    let failed = run(&itself);
    assert_eq!(failed.status.code(), Some(2));
    assert!(text(&failed.stderr).contains("leads back to itself"), "{}", text(&failed.stderr));
    assert!(failed.stdout.is_empty(), "it is known before the run");
    for link in [link, itself] {
        assert!(fs::symlink_metadata(link).expect("there").is_symlink());
    }
    assert_eq!(names(folder.path()), ["1.json", "latest", "loop"]);
}
