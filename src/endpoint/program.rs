//! Any program that serves, as its command line says: started on a free port, waited for and stopped.

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

/// Where a command line wants the port.
const PORT: &str = "{port}";

/// What a program is given whose command line has no place for a port: it is taken for this program, of another
/// build perhaps.
const OWN_ARGUMENTS: [&str; 4] = ["serve", "--listen", "127.0.0.1:{port}", "--until-input-ends"];

/// Time for a program to accept a connection. A JVM under load takes a few seconds.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Between two attempts to connect.
const START_PAUSE: Duration = Duration::from_millis(5);

/// Time for it to go when it is asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Of what a program wrote, that an error shows.
const SHOWN: u64 = 1_000;

/// A command line with a place for a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    words: Vec<String>,
}

/// A process of it, and all that it started. They end with this value.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    address: SocketAddr,
    /// What it writes to stdout and stderr.
    output: Option<File>,
}

/// Why a text is no command line of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// There is no word in it.
    #[error("it is empty; give a command line such as `./server --port {{port}}`")]
    Empty,
    /// A quote has no end.
    #[error("`{0}` has a quote without its end")]
    Quote(String),
    /// Arguments, but no port.
    #[error(
        "`{0}` has no `{{port}}` in it: each start uses another free port, which the program must be given, as in `./server --port {{port}}`"
    )]
    NoPort(String),
}

/// Why a program does not serve.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system cannot run the command.
    #[error("cannot run `{command}`, the command of `{program}`{}", hint(.command, .source))]
    Command {
        /// The command line.
        program: String,
        /// Its first word.
        command: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The system refuses something that plimsoll needs to start any program.
    #[error("plimsoll cannot {what}: this is no failure of the server")]
    Setup {
        /// The step that failed, and where.
        what: String,
        /// The system's reason.
        source: io::Error,
    },
    /// It ended.
    #[error("`{program}` ended ({status}) before it accepted a connection on port {port}{output}")]
    Ended {
        /// The command line.
        program: String,
        /// How.
        status: String,
        /// Its exit status, where no signal ended it.
        code: Option<i32>,
        /// Where it should have listened.
        port: u16,
        /// The end of what it wrote.
        output: String,
    },
    /// It takes too long.
    #[error("`{program}` accepted no connection on port {port} within {} s{output}", START_TIMEOUT.as_secs())]
    Silent {
        /// The command line.
        program: String,
        /// Where it should have listened.
        port: u16,
        /// The end of what it wrote.
        output: String,
    },
    /// Somebody wanted an end.
    #[error("interrupted")]
    Interrupted,
}

/// Exit statuses that a shell and `env` reserve for a command that they cannot run, and for one that they cannot
/// find (POSIX, XCU 2.8.2).
const NO_COMMAND: [i32; 2] = [126, 127];

impl StartError {
    /// Whether there is no program behind the command line, rather than one that does not serve.
    #[must_use]
    pub fn is_no_command(&self) -> bool {
        match self {
            Self::Command { .. } => true,
            Self::Ended { code, .. } => code.is_some_and(|code| NO_COMMAND.contains(&code)),
            Self::Setup { .. } | Self::Silent { .. } | Self::Interrupted => false,
        }
    }
}

/// Whether the system refused this process a means of its own: a descriptor, a process, memory, a local port. The
/// other side has no part in it.
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

/// The way out, where the system's reason alone misleads.
fn hint(command: &str, source: &io::Error) -> &'static str {
    if source.kind() != io::ErrorKind::NotFound {
        ""
    } else if Path::new(command).is_file() {
        ": the file is there, but not the interpreter that its first line names"
    } else {
        ": there is no such file, here or on the PATH"
    }
}

impl FromStr for Program {
    type Err = ProgramError;

    fn from_str(text: &str) -> Result<Self, ProgramError> {
        // A path may have spaces in it.
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

/// Whether the value of this flag, or of this variable of `env NAME=VALUE`, is a secret. A flag that ends with `-key`
/// or `-cert` mostly names a file.
fn names_secret(flag: &str) -> bool {
    let name = flag.trim_start_matches('-').to_ascii_lowercase().replace('_', "-");
    let last = name.rsplit('-').next().unwrap_or_default();
    matches!(last, "token" | "password" | "passwd" | "apikey" | "credential" | "credentials")
        || name.contains("secret")
        || ["api-key", "access-key"].iter().any(|end| name.ends_with(end))
}

impl fmt::Display for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A word that follows a flag for a secret, or stands behind its `=`.
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

    /// Starts it on a free port of 127.0.0.1, in a process group of its own, and waits until it accepts
    /// connections. `stop` ends it early.
    ///
    /// # Errors
    /// When it cannot be run, ends, or does not listen within 60 s: with the end of what it wrote.
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
        // Ctrl-C on a terminal reaches it only when this program is done with it; and what it starts itself
        // can be ended with it.
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
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process group: itself, and what it started.
    #[must_use]
    pub fn group(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to go, without waiting: several that are asked together go together.
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
        // Somebody else's, where this one has ended in the meantime.
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

    /// Whether it accepts a connection. One from a port to itself, which the system may make where nobody listens,
    /// does not count.
    fn listens(&self) -> bool {
        TcpStream::connect_timeout(&self.address, START_TIMEOUT)
            .is_ok_and(|stream| stream.local_addr().is_ok_and(|own| own != self.address))
    }

    /// The end of what it wrote, as the end of an error.
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
            // It may have gone already.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.ask_to_go();
        // This program's own server ends with its input.
        drop(self.child.stdin.take());
        let until = Instant::now() + STOP_TIMEOUT;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            pause();
        }
        // What has not gone by now: the program itself, or something that it started and left behind.
        self.signal(rustix::process::Signal::KILL);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
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
