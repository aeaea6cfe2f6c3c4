//! Any server program, described by its command line: started on a free port, waited for and stopped.

use std::{
    env, fmt,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

use crate::stop::Stop;

/// Placeholder for the port in a command line.
const PORT: &str = "{port}";

/// Arguments for a command line without a placeholder for the port. Such a program is assumed to be plimsoll,
/// possibly of another build.
const OWN_ARGUMENTS: [&str; 4] = ["serve", "--listen", "127.0.0.1:{port}", "--until-input-ends"];

/// Longest wait for a program to accept a connection. A JVM under load takes a few seconds.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Pause between two attempts to connect.
const START_PAUSE: Duration = Duration::from_millis(5);

/// Longest wait for a program to exit after SIGTERM.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Most bytes of a program's output that an error contains.
const SHOWN: u64 = 1_000;

/// A command line with a placeholder for the port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    words: Vec<String>,
}

/// A server process and all processes that it started. They end when this value is dropped.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    address: SocketAddr,
    /// Output of the process: stdout and stderr.
    output: Option<File>,
}

/// Error for a text that is not the command line of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// The text contains no word.
    #[error("it is empty; give a command line such as `./server --port {{port}}`")]
    Empty,
    /// A quote has no end.
    #[error("`{0}` has an unclosed quote; close it, or escape it with a backslash")]
    Quote(String),
    /// The command line has arguments, but no placeholder for the port.
    #[error(
        "`{0}` has no `{{port}}`: each start uses another free port; pass it to the program, as in `./server --port {{port}}`"
    )]
    NoPort(String),
}

/// Error of a program that does not serve.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system cannot run the command.
    #[error("cannot run `{command}`, the command of `{program}`{}", hint(.command, .source))]
    Command {
        /// The command line.
        program: String,
        /// First word of the command line.
        command: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The system refused something that plimsoll needs to start any program.
    #[error("plimsoll cannot {what}; the cause is this machine, not the server")]
    Setup {
        /// The step that failed, and where.
        what: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The process ended before it accepted a connection.
    #[error("`{program}` ended ({status}) before it accepted a connection on port {port}{output}")]
    Ended {
        /// The command line.
        program: String,
        /// Exit status in words.
        status: String,
        /// Exit status as a number; `None` if a signal ended the process.
        code: Option<i32>,
        /// Port on which the process should have listened.
        port: u16,
        /// End of the program's output.
        output: String,
    },
    /// The process accepted no connection in time.
    #[error("`{program}` accepted no connection on port {port} within {} s{output}", START_TIMEOUT.as_secs())]
    Silent {
        /// The command line.
        program: String,
        /// Port on which the process should have listened.
        port: u16,
        /// End of the program's output.
        output: String,
    },
    /// The start was stopped early.
    #[error("interrupted")]
    Interrupted,
}

/// Exit statuses that a shell and `env` reserve for a command that cannot be run (126) or found (127) (POSIX,
/// XCU 2.8.2).
const NO_COMMAND: [i32; 2] = [126, 127];

impl StartError {
    /// Returns true if the command line names no program, rather than a program that does not serve.
    #[must_use]
    pub fn is_no_command(&self) -> bool {
        match self {
            Self::Command { .. } => true,
            Self::Ended { code, .. } => code.is_some_and(|code| NO_COMMAND.contains(&code)),
            Self::Setup { .. } | Self::Silent { .. } | Self::Interrupted => false,
        }
    }
}

/// Returns true if the system refused this process a resource of its own: a descriptor, a process, memory, a
/// local port. The server is not the cause.
#[must_use]
pub fn is_lack_of_means(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let means = [
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOMEM,
        Errno::NOBUFS,
        Errno::AGAIN,
        Errno::ADDRNOTAVAIL,
        Errno::NOSPC,
    ];
    Errno::from_io_error(error).is_some_and(|errno| means.contains(&errno))
}

/// Way out for errors whose system reason alone is misleading.
fn hint(command: &str, source: &io::Error) -> &'static str {
    if source.kind() != io::ErrorKind::NotFound {
        ""
    } else if Path::new(command).is_file() {
        ": the file exists, but the interpreter in its first line does not"
    } else {
        ": there is no such file, here or on the PATH"
    }
}

impl FromStr for Program {
    type Err = ProgramError;

    fn from_str(text: &str) -> Result<Self, ProgramError> {
        // A path may contain spaces.
        if Path::new(text).is_file() {
            return Ok(Self::own(text.to_owned()));
        }
        let words = shlex::split(text).ok_or_else(|| ProgramError::Quote(text.to_owned()))?;
        match words.as_slice() {
            [] => Err(ProgramError::Empty),
            [program] if !program.contains(PORT) => Ok(Self::own(program.clone())),
            words if words.iter().any(|word| word.contains(PORT)) => Ok(Self { words: words.to_vec() }),
            _ => Err(ProgramError::NoPort(text.to_owned())),
        }
    }
}

/// Returns true if the value of this flag, or of this variable of `env NAME=VALUE`, is a secret. Flags that
/// end with `-key` or `-cert` usually name a file.
fn names_secret(flag: &str) -> bool {
    let name = flag.trim_start_matches('-').to_ascii_lowercase().replace('_', "-");
    let last = name.rsplit('-').next().unwrap_or_default();
    matches!(last, "token" | "password" | "passwd" | "apikey" | "credential" | "credentials")
        || name.contains("secret")
        || ["api-key", "access-key"].iter().any(|end| name.ends_with(end))
}

impl fmt::Display for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A secret is a word after a flag for a secret, or the part after its `=`.
        let mut is_secret = false;
        for (place, word) in self.words.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            let (flag, value) =
                word.split_once('=').map_or((word.as_str(), None), |(flag, value)| (flag, Some(value)));
            match value {
                _ if is_secret => write!(formatter, "{space}(hidden)")?,
                Some(_) if names_secret(flag) => write!(formatter, "{space}{flag}=(hidden)")?,
                _ => write!(formatter, "{space}{word}")?,
            }
            is_secret = !is_secret && value.is_none() && flag.starts_with('-') && names_secret(flag);
        }
        Ok(())
    }
}

impl Program {
    fn own(path: String) -> Self {
        Self { words: std::iter::once(path).chain(OWN_ARGUMENTS.map(str::to_owned)).collect() }
    }

    /// Starts the program on a free port of 127.0.0.1, in its own process group, and waits until it accepts
    /// connections. `stop` cancels the wait.
    ///
    /// # Errors
    /// Fails if the program cannot be run, ends, or does not listen within 60 s. The error contains the end
    /// of its output.
    pub fn start(&self, stop: &Stop) -> Result<ServerProcess, StartError> {
        let setup = |what: &str| {
            let what = what.to_owned();
            |source| StartError::Setup { what, source }
        };
        let port = free_port().map_err(setup("find a free port of 127.0.0.1"))?;
        let words: Vec<String> =
            self.words.iter().map(|word| word.replace(PORT, &port.to_string())).collect();
        let folder = env::temp_dir();
        let place = format!("make a temporary file in `{}` ($TMPDIR)", folder.display());
        let output = tempfile::tempfile_in(&folder).map_err(setup(&place))?;
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::piped());
        for end in [Command::stdout, Command::stderr] {
            end(&mut command, output.try_clone().map_err(setup("share a file with a process"))?);
        }
        // In its own process group, the server does not receive Ctrl-C from the terminal, and processes that
        // it starts can be ended with it.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().map_err(|source| {
            if is_lack_of_means(&source) {
                return StartError::Setup { what: "start a process".to_owned(), source };
            }
            StartError::Command { program: self.to_string(), command: words[0].clone(), source }
        })?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut process = ServerProcess { child, address, output: Some(output) };
        process.wait_until_it_listens(self, stop)?;
        Ok(process)
    }
}

impl ServerProcess {
    /// Address on which the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Id of the process group: the process and all that it started.
    #[must_use]
    pub fn group(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM without waiting, so that several servers can exit at the same time.
    pub fn ask_to_go(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    fn wait_until_it_listens(&mut self, program: &Program, stop: &Stop) -> Result<(), StartError> {
        let until = Instant::now() + START_TIMEOUT;
        let (program, port) = (program.to_string(), self.address.port());
        while !self.listens() {
            if stop.is_wanted() {
                return Err(StartError::Interrupted);
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.ended(program, status));
            }
            if Instant::now() >= until {
                return Err(StartError::Silent { program, port, output: self.written() });
            }
            pause();
        }
        // If this process has ended meanwhile, another program listens on the port.
        match self.child.try_wait() {
            Ok(Some(status)) => Err(self.ended(program, status)),
            _ => Ok(()),
        }
    }

    fn ended(&mut self, program: String, status: ExitStatus) -> StartError {
        StartError::Ended {
            program,
            status: status.to_string(),
            code: status.code(),
            port: self.address.port(),
            output: self.written(),
        }
    }

    /// Returns true if the process accepts a connection. A connection from a port to itself does not count;
    /// the system may make one where no process listens.
    fn listens(&self) -> bool {
        TcpStream::connect_timeout(&self.address, START_TIMEOUT)
            .is_ok_and(|stream| stream.local_addr().is_ok_and(|own| own != self.address))
    }

    /// Returns the end of the program's output, as the last part of an error message.
    fn written(&mut self) -> String {
        let Some(mut file) = self.output.take() else { return String::new() };
        let mut bytes = Vec::new();
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        let read = file
            .seek(SeekFrom::Start(length.saturating_sub(SHOWN)))
            .and_then(|_| file.take(SHOWN).read_to_end(&mut bytes));
        match String::from_utf8_lossy(&bytes).trim() {
            "" => ", and wrote nothing".to_owned(),
            text if read.is_ok() => format!("; it wrote: {}", text.replace('\n', " | ")),
            _ => String::new(),
        }
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let group = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(group) = group {
            // The process may have ended already.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.ask_to_go();
        // A server of this program ends when its input ends.
        drop(self.child.stdin.take());
        let until = Instant::now() + STOP_TIMEOUT;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            pause();
        }
        // Processes still alive now are the program itself, or processes that it started and left behind.
        self.signal(rustix::process::Signal::KILL);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns a port that was free a moment ago.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[expect(clippy::disallowed_methods, reason = "a process of somebody else's gives no other sign")]
pub(super) fn pause() {
    thread::sleep(START_PAUSE);
}

#[cfg(test)]
#[path = "program_tests.rs"]
mod tests;
