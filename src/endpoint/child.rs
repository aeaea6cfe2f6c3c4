//! The reference server in a child process, with a CPU account of its own.
//!
//! The child cannot outlive its parent: it serves until its standard input ends, and the kernel
//! closes this end of that pipe however the parent dies.

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

/// Time for the child to say where it listens.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Time for the child to go once its standard input has ended.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// A server process that ends with this value, or with the process that holds it.
#[derive(Debug)]
pub struct ChildServer {
    child: Child,
    /// What it prints; the channel ends when the process does.
    lines: Receiver<String>,
    address: SocketAddr,
}

/// Why no child server could be started.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// The program cannot be run.
    #[error("cannot start {program} as a server")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ended, or said something else, instead of serving. Its own error stands on stderr.
    #[error("the server process did not print its address: {0}")]
    Silent(String),
}

impl ChildServer {
    /// Starts `program serve` on a free port of 127.0.0.1 with further arguments, and waits until
    /// it listens.
    ///
    /// # Errors
    /// When the program cannot be run, ends, or says nothing for 10 s.
    pub fn start(program: &Path, arguments: &[OsString]) -> Result<Self, ChildError> {
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--until-input-ends"]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        // Ctrl-C on a terminal goes to the whole foreground group. The server must stay for the
        // calls that are in flight; it goes when they are done.
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

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
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
                    // Stopped by a signal, perhaps: only this one reaches it then.
                    let _ = self.child.kill();
                    break;
                }
            }
        }
        let _ = self.child.wait();
    }
}

/// The child's lines, read by a thread of their own: a pipe cannot be read with a timeout, and the
/// child must never block on a full one.
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

/// The address at the end of the line that `serve` prints.
fn address_in(line: &str) -> Option<SocketAddr> {
    line.rsplit(' ').next()?.parse().ok()
}
