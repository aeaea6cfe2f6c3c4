//! The reference server in a child process, with its own CPU account.
//!
//! The child cannot outlive its parent: it serves until its standard input ends. The kernel closes the
//! parent's end of that pipe however the parent dies.

use std::{
    ffi::OsString,
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

/// Longest wait for the child to print its address.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for the child to exit after its standard input has ended.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// A server process that ends when this value is dropped, or when its owner process ends.
#[derive(Debug)]
pub struct ChildServer {
    child: Child,
    /// Lines that the process prints; the channel ends with the process.
    lines: Receiver<String>,
    address: SocketAddr,
}

/// Error of a child server that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// The system cannot run the program.
    #[error("cannot start {program} as a server")]
    Start {
        /// The program.
        program: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The process ended, or printed something other than its address. Its own error is on stderr.
    #[error("the server process did not print its address: {0}")]
    Silent(String),
}

impl ChildServer {
    /// Starts `program serve` with further arguments on a free port of 127.0.0.1, and waits until it listens.
    ///
    /// # Errors
    /// Fails if the program cannot be run, ends, or prints nothing for 10 s.
    pub fn start(program: &Path, arguments: &[OsString]) -> Result<Self, ChildError> {
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--until-input-ends"]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        // Ctrl-C on a terminal reaches the whole foreground process group. The server must stay up for the
        // calls in flight, and ends after them.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command
            .spawn()
            .map_err(|source| ChildError::Start { program: program.display().to_string(), source })?;
        let lines = lines_of(&mut child);
        match lines.recv_timeout(START_TIMEOUT).map(|line| (address_in(&line), line)) {
            Ok((Some(address), _)) => Ok(Self { child, lines, address }),
            other => {
                let _ = child.kill();
                let _ = child.wait();
                Err(ChildError::Silent(match other {
                    Ok((_, line)) => format!("it printed `{line}`"),
                    Err(RecvTimeoutError::Timeout) => {
                        format!("no output for {} s", START_TIMEOUT.as_secs())
                    }
                    Err(RecvTimeoutError::Disconnected) => "it ended".to_owned(),
                }))
            }
        }
    }

    /// Address on which the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Process id of the server.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Exit status of the server in words, or `None` while it runs.
    pub fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }
}

impl Drop for ChildServer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let until = Instant::now() + STOP_TIMEOUT;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    // The process may be stopped by a signal; only SIGKILL reaches it then.
                    let _ = self.child.kill();
                    break;
                }
            }
        }
        let _ = self.child.wait();
    }
}

/// Reads the child's lines on a separate thread. A pipe has no read timeout, and the child must never block
/// on a full pipe.
fn lines_of(child: &mut Child) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
    }
    lines
}

/// Parses the address at the end of the line that `serve` prints.
fn address_in(line: &str) -> Option<SocketAddr> {
    line.rsplit(' ').next()?.parse().ok()
}
