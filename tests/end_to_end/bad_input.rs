//! Bad input: an error with the given value, the expected one and the way out; status 2; no panic.

use std::fs;

use crate::process::{Server, output_of, text};

/// Runs the binary, and checks that it ends with status 2 and these words.
fn refused(arguments: &[&str], words: &[&str]) {
    let output = output_of(arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{arguments:?}: `{word}` is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
}

#[test]
fn quantities_say_what_to_write() {
    refused(&["run", "-z", "10"], &["`10` is not a duration", "no unit", "10s"]);
    refused(&["run", "-z", "10parsecs"], &["unit is unknown", "1.5s"]);
    refused(&["run", "-s", "4M"], &["binary or decimal", "4MiB"]);
    refused(&["run", "-s", "-5"], &["-5"]);
    refused(&["run", "--size=-5"], &["negative"]);
    refused(&["run", "-s", "99999999999999999999"], &["too large"]);
    refused(&["run", "-s", "3GiB"], &["2,147,483,647"]);
    refused(&["run", "-s", "64,64"], &["twice"]);
    refused(&["run", "-s", "64@0"], &["weight"]);
    refused(&["run", "-r", "0"], &["no call would ever start"]);
    refused(&["run", "-r", "1e9"], &["over 10M/s", "2.5k/s"]);
    refused(&["run", "-n", "1.5"], &["not whole"]);
    refused(&["run", "--max-recv-message-size", "big"], &["unlimited"]);
    refused(&["run", "--stage", "100"], &["FROM..TO:DURATION"]);
    refused(&["run", "--stage", "100:10"], &["no unit"]);
    refused(&["run", "-m", "novalue"], &["name: value"]);
    refused(&["run", "-m", "grpc-timeout: 1S"], &["belongs to gRPC"]);
    refused(&["run", "--assert", "p99<5"], &["    p99<5\n", "        ^", "`5ms`"]);
}

#[test]
fn metadata_that_grpc_cannot_carry_is_refused_by_every_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenarios = folder.path().join("scenarios.toml");
    for (pair, words) in [
        ("connection: close", "HTTP/2 forbids"),
        ("keep-alive: timeout=5", "HTTP/2 forbids"),
        ("proxy-connection: close", "HTTP/2 forbids"),
        ("transfer-encoding: chunked", "HTTP/2 forbids"),
        ("upgrade: h2c", "HTTP/2 forbids"),
        ("content-length: 5", "belongs to gRPC"),
        ("x: \u{fc}", "not printable ASCII"),
        ("key-bin: ?", "base64"),
    ] {
        for client in ["lean", "stub"] {
            for command in ["run", "limits", "sweep"] {
                refused(&[command, "--client", client, "-m", pair], &[words]);
            }
            refused(&["run", "--with-and-without-refused", "--client", client, "-m", pair], &[words]);
            refused(&["call", "--client", client, "-m", pair, "localhost:1", "x"], &[words]);
        }
        fs::write(&scenarios, format!("[[scenario]]\nname = \"a\"\nsize = 64\nmetadata = [\"{pair}\"]"))
            .expect("writable");
        let scenarios = scenarios.to_str().expect("UTF-8");
        let gate = ["gate", "--base", "localhost:1", "--candidate", "localhost:2", "--scenarios", scenarios];
        refused(&gate, &["scenario `a`", words]);
    }
}

#[test]
fn flags_of_other_tools_say_what_there_is() {
    refused(&["run", "--insecure"], &["--insecure", "say --plaintext or --skip-verify"]);
    refused(&["run", "--header", "a: b"], &["-m 'name: value'"]);
    refused(&["run", "--proto", "x.proto"], &["give --method too"]);
    refused(
        &["limits", "--method", "a.B/C"],
        &["'--method'", "`plimsoll run` and `plimsoll call` drive any unary method"],
    );
}

#[test]
fn a_target_with_too_much_or_too_little_says_what_to_write() {
    refused(&["run", "8080"], &["`localhost:8080`"]);
    refused(&["run", "localhost:8080/pkg.Svc/Method"], &["`/pkg.Svc/Method`"]);
}

#[test]
fn zeros_are_refused() {
    refused(&["run", "-n", "0"], &["number of calls is 0"]);
    refused(&["run", "-z", "0s"], &["duration is 0"]);
    refused(&["run", "-c", "0"], &["concurrency is 0"]);
    refused(&["run", "-t", "0ms"], &["timeout is 0"]);
    refused(&["run", "--connections", "0"], &["connections is 0"]);
    refused(&["run", "--workers", "0"], &["workers is 0"]);
    refused(&["run", "--stage", "0:10s"], &["the stages produce no call"]);
    refused(&["run", "--stage", "5:0s"], &["duration of a stage is 0"]);
    refused(&["serve", "--threads", "0"], &["1 to 1024"]);
    refused(&["run", "--server-threads", "0"], &["1 to 1024"]);
}

#[test]
fn contradictions_name_both_sides_and_the_way_out() {
    refused(&["run", "-c", "5", "-r", "5"], &["--max-in-flight 5"]);
    refused(&["run", "-r", "5", "--stage", "5:1s"], &["--rate and --stage"]);
    refused(&["run", "--stage", "5:1s", "-z", "1s"], &["leave out the duration"]);
    refused(&["run", "--arrivals", "poisson"], &["--arrivals", "give --rate"]);
    refused(&["run", "--max-in-flight", "5"], &["--max-in-flight", "give --rate"]);
    refused(&["run", "--text-file", "/dev/null", "-s", "64"], &["--size", "--text-file"]);
    refused(&["run", "localhost:1", "--server-threads", "2"], &["--server-threads", "localhost:1"]);
    refused(&["run", "--workers", "8", "-c", "2"], &["8 workers", "call in flight"]);
    refused(&["run", "--workers", "8", "--connections", "2"], &["8 workers", "connection"]);
    refused(&["run", "-c", "2M"], &["1,000,000 at most"]);
}

#[test]
fn targets_are_hosts_with_ports() {
    refused(&["run", "localhost"], &["no port", "localhost:8080"]);
    refused(&["run", "unix:"], &["the name of the socket is empty", "unix:PATH"]);
    refused(&["run", "nowhere.invalid:8080"], &["cannot find an address", "nowhere.invalid:8080"]);
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("latin1.txt");
    fs::write(&file, b"stra\xdfe").expect("writable");
    refused(&["run", "--text-file", file.to_str().expect("UTF-8")], &["not UTF-8", "number 4"]);
    refused(&["run", "--text-file", "/nowhere/text"], &["/nowhere/text"]);
    refused(&["run", "-o", "/nowhere/result.json"], &["/nowhere/result.json", "no folder"]);
    refused(&["run", "-o", folder.path().to_str().expect("UTF-8")], &["folder"]);
    refused(&["report", "/nowhere/result.json"], &["/nowhere/result.json"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_takes_nothing_that_was_measured_away() {
    let output = output_of(&["run", "-q", "-n", "50", "-w", "0s", "-o", "/dev/full"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("No space left"), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("50 planned: 50 answered"));
}

#[test]
fn nobody_at_the_target_is_known_before_anything_is_waited_for() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
        listener.local_addr().expect("bound").to_string()
    };
    // Each of them would last for an hour.
    refused(
        &["run", &address, "-w", "1h", "-z", "1h", "--drain", "1h"],
        &[&address, "is the server running"],
    );
    refused(&["call", &address, "text", "-t", "1h"], &[&address, "is the server running"]);
}

#[test]
fn a_port_in_use_is_named_with_the_way_out() {
    let server = Server::start(&[]);
    refused(&["serve", "--listen", &server.target()], &[&server.target(), "in use", "--listen"]);
    refused(&["serve", "--listen", "192.0.2.1:0"], &["192.0.2.1", "address of this machine"]);
    refused(&["serve", "--listen", "localhost"], &["localhost", "host and a port"]);
}
