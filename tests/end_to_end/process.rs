//! Functions that start the binary, and servers for it.

use std::{
    cell::Cell,
    io::{BufRead, BufReader, Read as _},
    net::SocketAddr,
    process::{Child, ChildStderr, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::document::Summary;

thread_local! {
    /// Client of this test's runs.
    static CLIENT: Cell<&'static str> = const { Cell::new("lean") };
}

/// Runs a test with every run of its thread over this client.
pub(crate) fn over(client: &'static str, test: impl FnOnce()) {
    CLIENT.set(client);
    test();
}

/// Returns the client of this test's runs.
pub(crate) fn client() -> &'static str {
    CLIENT.get()
}

/// Makes each function a test over the lean client and one over the stub. The everyday suite runs the one that is
/// named: `lean:` where both clients do the same, `stub:` where the defect would be tonic's, `both:` where each does
/// something else. The second suite runs the other one too, and those of `second:`. A function that is forgotten here is
/// dead code, and the compiler says so.
macro_rules! over_both_clients {
    (
        $(lean: $($lean:ident),* $(,)?;)?
        $(stub: $($stub:ident),* $(,)?;)?
        $(both: $($both:ident),* $(,)?;)?
        $(second: $($second:ident),* $(,)?;)?
    ) => {
        mod lean {
            $($(#[test] fn $lean() { crate::process::over("lean", super::$lean); })*)?
            $($(
                #[test]
                #[ignore = "second suite: over the other client"]
                fn $stub() { crate::process::over("lean", super::$stub); }
            )*)?
            $($(#[test] fn $both() { crate::process::over("lean", super::$both); })*)?
            $($(
                #[test]
                #[ignore = "second suite: large, or long"]
                fn $second() { crate::process::over("lean", super::$second); }
            )*)?
        }
        mod stub {
            $($(
                #[test]
                #[ignore = "second suite: over the other client"]
                fn $lean() { crate::process::over("stub", super::$lean); }
            )*)?
            $($(#[test] fn $stub() { crate::process::over("stub", super::$stub); })*)?
            $($(#[test] fn $both() { crate::process::over("stub", super::$both); })*)?
            $($(
                #[test]
                #[ignore = "second suite: large, or long"]
                fn $second() { crate::process::over("stub", super::$second); }
            )*)?
        }
    };
}

pub(crate) use over_both_clients;

pub(crate) fn plimsoll(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Only ends a test that hangs: nothing is asserted about how long anything takes.
pub(crate) const HANGS: Duration = Duration::from_secs(600);

pub(crate) fn output_of(arguments: &[&str]) -> Output {
    let child = plimsoll(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    finish(child.expect("the binary runs"))
}

/// Waits for the end of a process, and takes what it wrote to its pipes.
pub(crate) fn finish(child: Child) -> Output {
    let id = child.id();
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let output = ended.recv_timeout(HANGS).unwrap_or_else(|_| {
        signal(id, Signal::KILL);
        panic!("a process hangs")
    });
    output.expect("its output")
}

/// A line of stderr for each event of a command, as JSON, for tests that wait for one of them.
pub(crate) const EVENTS: [&str; 2] = ["--events", "/dev/stderr"];

/// The lines that a process writes to stderr, for tests that wait for one of them.
pub(crate) struct Lines(BufReader<ChildStderr>);

pub(crate) fn lines_of(child: &mut Child) -> Lines {
    Lines(BufReader::new(child.stderr.take().expect("piped")))
}

impl Iterator for Lines {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let mut line = String::new();
        (self.0.read_line(&mut line).expect("UTF-8") > 0).then_some(line)
    }
}

/// Reads lines until one has this in it.
pub(crate) fn await_line(lines: &mut Lines, words: &str) -> String {
    lines.find(|line| line.contains(words)).unwrap_or_else(|| panic!("no line with `{words}`"))
}

/// Calls that were answered in a second of a run; `None` where the line is no such event.
pub(crate) fn answered_in(line: &str) -> Option<u64> {
    let event = serde_json::from_str::<serde_json::Value>(line).ok()?;
    (event["event"] == "second").then(|| event["second"]["calls"]["answered"].as_u64().expect("counted"))
}

/// Reads events until a second of a run is over in which calls were answered.
pub(crate) fn await_answers(lines: &mut Lines) {
    lines.find(|line| answered_in(line) > Some(0)).expect("a second with answers");
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Runs `plimsoll run -q -O json` with these arguments; returns its status and result, after checking its
/// sums.
pub(crate) fn run_with_status(arguments: &[&str]) -> (i32, Summary) {
    let mut all = vec!["run", "-q", "-O", "json", "--client", client()];
    // A run ends when its calls have: on a busy machine a few of them may take longer than the usual drain.
    if !arguments.iter().any(|argument| argument.starts_with("--drain")) {
        all.extend(["--drain", "1m"]);
    }
    all.extend(arguments);
    let output = output_of(&all);
    let status = output.status.code().expect("it was not killed");
    let summary = Summary::strict(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: status {status}, stderr: {}", text(&output.stderr)));
    summary.check();
    // Documents of earlier versions have no sizes of replies.
    let sizes_of_replies = summary.measured.replies.as_ref().map_or(0, |sizes| sizes.count);
    assert_eq!(sizes_of_replies, summary.calls.answered);
    assert_eq!(summary.replies.is_some(), summary.calls.answered > 0);
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

/// Waits for something that happens in another process, which tells nobody. Looks again and again, and leaves the
/// core to that process in between.
pub(crate) fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < HANGS, "{what} did not happen");
        thread::park_timeout(Duration::from_millis(1));
    }
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

    /// Starts a server whose stderr can be read after its end.
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

    /// Waits for the end of the server; returns its exit status and its stderr.
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
