//! Starting the binary, and servers to point it at.

use std::{
    cell::Cell,
    io::{BufRead, BufReader, Read as _},
    net::SocketAddr,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::document::Summary;

thread_local! {
    /// The client of this test's runs.
    static CLIENT: Cell<&'static str> = const { Cell::new("lean") };
}

/// Runs a test with every run of its thread over this client.
pub(crate) fn over(client: &'static str, test: impl FnOnce()) {
    CLIENT.set(client);
    test();
}

/// The client of this test's runs.
pub(crate) fn client() -> &'static str {
    CLIENT.get()
}

/// Makes each function a test over the lean client and one over the stub. One that is forgotten here is
/// dead code, and the compiler says so.
macro_rules! over_both_clients {
    ($($test:ident),* $(,)?) => {
        mod lean {
            $(#[test] fn $test() { crate::process::over("lean", super::$test); })*
        }
        mod stub {
            $(#[test] fn $test() { crate::process::over("stub", super::$test); })*
        }
    };
}

pub(crate) use over_both_clients;

pub(crate) fn plimsoll(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(arguments).stdin(Stdio::null());
    command
}

pub(crate) fn output_of(arguments: &[&str]) -> Output {
    plimsoll(arguments).output().expect("the binary runs")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Runs `plimsoll run -q -O json` with these arguments: its status and result, whose sums are checked.
pub(crate) fn run_with_status(arguments: &[&str]) -> (i32, Summary) {
    let mut all = vec!["run", "-q", "-O", "json", "--client", client()];
    all.extend(arguments);
    let output = output_of(&all);
    let status = output.status.code().expect("it was not killed");
    let summary = Summary::strict(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: status {status}, stderr: {}", text(&output.stderr)));
    summary.check();
    // Every figure is the one that the rest of the result gives.
    plimsoll::result::summary::Summary::read(output.stdout.as_slice())
        .expect("a result that agrees with itself");
    (status, summary)
}

pub(crate) fn run(arguments: &[&str]) -> Summary {
    run_with_status(arguments).1
}

pub(crate) fn signal(process: u32, signal: Signal) {
    let id = i32::try_from(process).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(id, signal).expect("the process is there");
}

/// Waits for something that will happen soon.
pub(crate) fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !happened() {
        assert!(Instant::now() < until, "{what} did not happen");
        std::thread::yield_now();
    }
}

/// Lets time pass where it is time that matters: how long a fault lasts, or for how long a call that
/// nobody sees from outside has been under way.
#[expect(clippy::disallowed_methods, reason = "there is no event to wait for")]
pub(crate) fn let_pass(duration: Duration) {
    std::thread::sleep(duration);
}

/// A reference server in a process of its own, killed at the end.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", arguments)
    }

    pub(crate) fn start_at(address: &str, arguments: &[&str]) -> Self {
        Self::of(plimsoll(&["serve", "--listen", address]).args(arguments))
    }

    /// A server whose stderr can be read when it has ended.
    pub(crate) fn start_loud(arguments: &[&str]) -> Self {
        Self::of(plimsoll(&["serve", "--listen", "127.0.0.1:0"]).args(arguments).stderr(Stdio::piped()))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary runs");
        let mut line = String::new();
        let output = child.stdout.as_mut().expect("piped");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let address = line.trim().rsplit(' ').next().and_then(|word| word.parse().ok());
        Self { child, address: address.unwrap_or_else(|| panic!("no address in `{line}`")) }
    }

    pub(crate) fn target(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn signal(&self, which: Signal) {
        signal(self.child.id(), which);
    }

    /// Waits for its end: its exit status, and what it wrote to stderr.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut stderr = String::new();
        self.child.stderr.take().expect("a loud server").read_to_string(&mut stderr).expect("UTF-8");
        (self.child.wait().expect("it ends").code(), stderr)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
