//! Servers at Unix sockets, with files and with abstract names.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Stdio},
};

use rustix::process::Signal;

use crate::process::{client, output_of, over_both_clients, plimsoll, run, signal, text};

/// A server at a Unix socket, killed at the end.
struct Serving(Child);

impl Serving {
    fn start(place: &str, more: &[&str]) -> Self {
        let mut child = plimsoll(&["serve", "--listen", place])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("piped")).read_line(&mut line).expect("a line");
        assert_eq!(line, format!("plimsoll: listening on {place}\n"));
        Self(child)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn place(folder: &Path) -> String {
    format!("unix:{}", folder.join("app.sock").display())
}

fn a_server_at_a_file_is_driven_and_its_cpu_time_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = place(folder.path());
    let server = Serving::start(&place, &[]);
    let summary = run(&[&place, "-n", "500", "-c", "40", "--connections", "20", "-w", "0s"]);
    assert_eq!(summary.calls.answered, 500);
    assert_eq!((summary.target.transport.as_deref(), summary.target.is_local), (Some("unix"), true));
    if cfg!(target_os = "linux") {
        assert!(summary.cost.server_cpu_ns_per_call.is_some(), "the server's process is known");
    }
    let longer = format!("unix://{}", folder.path().join("app.sock").display());
    let output = output_of(&["call", &longer, "hi", "--client", client(), "-v"]);
    assert_eq!(text(&output.stdout), "HI\n");
    drop(server);
}

#[test]
fn the_file_goes_with_its_server_and_a_killed_servers_file_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = place(folder.path());
    let mut server = Serving::start(&place, &[]);
    let second = output_of(&["serve", "--listen", &place]);
    assert_eq!(second.status.code(), Some(2));
    assert!(text(&second.stderr).contains("a server listens there"), "{}", text(&second.stderr));
    signal(server.0.id(), Signal::TERM);
    assert!(server.0.wait().expect("it ends").success());
    assert!(!folder.path().join("app.sock").exists());
    drop(Serving::start(&place, &[]));
    assert!(folder.path().join("app.sock").exists(), "a killed server leaves its file");
    drop(Serving::start(&place, &[]));
}

#[test]
fn limits_and_other_methods_at_a_unix_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = place(folder.path());
    let _server = Serving::start(&place, &["--max-recv-message-size", "1000"]);
    let output = output_of(&["limits", &place, "-O", "json", "-q"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert!(
        document["limits"].as_array().expect("limits").iter().any(|limit| limit["limit_bytes"] == 1_000),
        "{document}"
    );
    let summary = run(&[&place, "--method", "grpc.health.v1.Health/Check", "-n", "20", "-w", "0s"]);
    assert_eq!(summary.calls.answered, 20);
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_may_have_an_abstract_name() {
    let place = format!("unix-abstract:plimsoll-test-{}", std::process::id());
    let _server = Serving::start(&place, &[]);
    let summary = run(&[&place, "-n", "50", "-w", "0s"]);
    assert_eq!(summary.calls.answered, 50);
    let nobody = output_of(&["call", "unix-abstract:plimsoll-nobody", "hi"]);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(text(&nobody.stderr).contains("nothing accepts connections at unix-abstract:plimsoll-nobody"));
}

over_both_clients!(
    both:
    a_server_at_a_file_is_driven_and_its_cpu_time_is_known;
);
