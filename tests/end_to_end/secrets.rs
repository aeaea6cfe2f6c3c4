//! Credentials in metadata are sent, and appear in no document and no output.

use std::{fs, path::Path};

use crate::{
    process::{Server, output_of, plimsoll, text},
    scripted_server::{Script, start},
};

const TOKEN: &str = "eyJhbGciOiJub25lIn0.abc";

/// Runs the binary, and checks that no output contains the token.
fn hides(arguments: &[&str], files: &[&Path]) -> String {
    let output = output_of(arguments);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    for (place, said) in [("stdout", &out), ("stderr", &err)] {
        assert!(!said.contains(TOKEN), "{arguments:?}: {place}: {said}");
    }
    for file in files {
        let written =
            fs::read_to_string(file).unwrap_or_else(|error| panic!("{error}: {arguments:?}: {err}"));
        assert!(!written.contains(TOKEN), "{arguments:?}: {written}");
        assert!(written.replace(": ", ":").contains("\"hidden\":true"), "{arguments:?}: {written}");
    }
    out + &err
}

#[test]
fn a_token_is_in_no_document_and_no_output_though_the_server_repeats_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("result.json");
    let result = path.to_str().expect("UTF-8");
    let target = start(Script::Status("16", "no user eyJhbGciOiJub25lIn0.abc")).to_string();
    let metadata = ["-m".to_owned(), format!("authorization: Bearer {TOKEN}")];
    let with = |first: &[&str], last: &[&str]| -> Vec<String> {
        let words = first.iter().chain(last).map(|word| (*word).to_owned());
        words.chain(metadata.clone()).collect()
    };
    let check = |arguments: Vec<String>, files: &[&Path]| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        hides(&arguments, files)
    };
    for client in ["lean", "stub"] {
        let run = ["run", &target, "-q", "-n", "5", "-c", "1", "-w", "0s", "-o", result, "--client", client];
        let said = check(with(&run, &[]), &[&path]);
        assert!(said.contains("no user (hidden)"), "{said}");
        hides(&["report", result], &[]);
        hides(&["report", result, "-O", "json"], &[]);
        let said = check(with(&["call", &target, "x", "-v"], &["--client", client]), &[]);
        assert!(said.contains("UNAUTHENTICATED (16): no user (hidden)"), "{said}");
        check(with(&["call", &target, "x", "-O", "json"], &["--client", client]), &[]);
    }
    let said = check(with(&["limits", &target], &[]), &[]);
    assert!(said.contains("no user (hidden)"), "{said}");
}

#[test]
fn a_value_from_a_file_is_sent_and_hidden_and_a_sweep_goes_on_with_a_new_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    fs::write(&token, format!("{TOKEN}\n")).expect("writable");
    let server = Server::start(&[]);
    let target = server.target();
    let session = format!("x-session: @{}", token.display());
    let said = hides(&["call", "-v", "-m", &session, &target, "x"], &[]);
    // The server returns the metadata that it was sent.
    assert!(said.contains("x-session: (hidden)"), "{said}");

    let path = folder.path().join("sweep.json");
    let authorization = format!("authorization: @{}", token.display());
    let sweep =
        ["sweep", &target, "-s", "64", "-c", "1", "-z", "20ms", "-w", "0s", "--repetitions", "1", "-m"];
    let sweep: Vec<&str> =
        sweep.into_iter().chain([authorization.as_str(), "-o", path.to_str().expect("UTF-8")]).collect();
    hides(&sweep, &[&path]);
    fs::write(&token, "another-token").expect("writable");
    let output = plimsoll(&sweep).output().expect("the binary runs");
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn values_of_a_file_and_of_the_environment_are_hidden_on_another_method_too() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("metadata");
    fs::write(&file, format!("# mine\nteam: {TOKEN}\n")).expect("writable");
    let path = folder.path().join("result.json");
    let (file, result) = (file.to_str().expect("UTF-8"), path.to_str().expect("UTF-8"));
    let target = server.target();
    let run =
        ["run", &target, "-n", "5", "-w", "0s", "--method", "grpc.health.v1.Health/Check", "-o", result];
    hides(&[&run[..], &["--metadata-file", file]].concat(), &[&path]);
    let mut expanded = plimsoll(&[&run[..], &["-m", "team: ${SHIP}", "--expand-env"]].concat());
    let output = expanded.env("SHIP", TOKEN).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let written = fs::read_to_string(&path).expect("written");
    assert!(!written.contains(TOKEN) && written.contains("\"hidden\""), "{written}");
    let output = output_of(&[&run[..], &["-m", "team: ${PLIMSOLL_UNSET}", "--expand-env"]].concat());
    let error = text(&output.stderr);
    assert!(output.status.code() == Some(2) && error.contains("PLIMSOLL_UNSET, which is not set"), "{error}");
}

#[test]
fn an_error_does_not_repeat_a_credential() {
    let wrong = [format!("authorization Bearer {TOKEN}"), format!("authorization: \u{1}{TOKEN}")];
    for wrong in &wrong {
        for command in [["run", "127.0.0.1:1"], ["call", "127.0.0.1:1"]] {
            let output = output_of(&[command.as_slice(), &["-m", wrong, "x"][..2]].concat());
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(!said.contains(TOKEN) && !said.contains("panicked"), "{said}");
        }
    }
}
