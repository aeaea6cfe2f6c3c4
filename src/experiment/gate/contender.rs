//! Contenders: a program that is started anew for each repetition, or a running server.

use std::{env, fmt, path::Path, str::FromStr};

use crate::{
    endpoint::{
        ConnectSettings, LocateError, Located, Program, ProgramError, ServerProcess, StartError, Target,
        TargetError,
    },
    measure::{listeners_at, processes_below, processes_in_group, server_processes},
    stop::Stop,
};

/// A server to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contender {
    /// A program that the gate starts, waits for and stops.
    Program(Program),
    /// A server that is already running.
    Address(Target),
}

/// Reason why a text names no server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContenderTextError {
    /// An invalid command line.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// One word that is neither an address nor a program.
    #[error("{0}; nor is it a program: there is no such file, here or on the PATH")]
    Neither(TargetError),
}

/// Reason why a server cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ContenderError {
    /// The program does not serve.
    #[error(transparent)]
    Start(#[from] StartError),
    /// No server listens at the address.
    #[error(transparent)]
    Locate(#[from] LocateError),
}

/// Party that caused a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The user's text: the command or the server does not exist.
    Text,
    /// The server: it exists and does not serve.
    Server,
    /// This program, or its machine.
    Own,
}

impl ContenderError {
    /// Returns the party at fault, for a server that has never been ready before.
    pub(super) fn fault(&self) -> Fault {
        match self {
            Self::Start(StartError::Setup { .. }) => Fault::Own,
            Self::Start(error) if error.is_no_command() => Fault::Text,
            Self::Start(_) => Fault::Server,
            Self::Locate(_) => Fault::Text,
        }
    }
}

/// A server that accepts connections. A started process ends when this value is dropped.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) located: Located,
    /// Processes of the server, if they run on this machine and are known.
    pub(super) processes: Vec<u32>,
    process: Option<ServerProcess>,
}

impl FromStr for Contender {
    type Err = ContenderTextError;

    /// Parses an address such as `localhost:8080`, or else a command line.
    fn from_str(text: &str) -> Result<Self, ContenderTextError> {
        match text.parse::<Target>() {
            Ok(target) if !Path::new(text).exists() => Ok(Self::Address(target)),
            Err(error) if !text.trim().is_empty() && is_one_word(text) && !is_program(text) => {
                Err(ContenderTextError::Neither(error))
            }
            _ => Ok(Self::Program(text.parse()?)),
        }
    }
}

fn is_one_word(text: &str) -> bool {
    !text.contains(char::is_whitespace) && !text.contains("{port}")
}

fn is_program(text: &str) -> bool {
    let on_path = || {
        let folders = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&folders).any(|folder| folder.join(text).is_file())
    };
    Path::new(text).is_file() || (!text.contains('/') && on_path())
}

impl fmt::Display for Contender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(program) => program.fmt(formatter),
            Self::Address(target) => target.fmt(formatter),
        }
    }
}

impl Contender {
    /// Starts the server, or finds the running one.
    pub(super) fn stand(&self, stop: &Stop, connect: &ConnectSettings) -> Result<Standing, ContenderError> {
        match self {
            Self::Program(program) => {
                let process = program.start(stop)?;
                Ok(Standing {
                    located: Located::local(process.address()).with(connect)?,
                    processes: processes_of(&process),
                    process: Some(process),
                })
            }
            Self::Address(target) => {
                let located = target.locate_with(connect)?;
                let processes = server_processes(&located);
                Ok(Standing { located, processes, process: None })
            }
        }
    }
}

impl Standing {
    /// Finds the processes of a started server again: a server may start others after it listens.
    pub(super) fn refresh(&mut self) {
        if let Some(process) = &self.process {
            self.processes = processes_of(process);
        }
    }

    /// Sends a started process the signal to exit, without waiting for its end.
    pub(super) fn ask_to_go(&self) {
        if let Some(process) = &self.process {
            process.ask_to_go();
        }
    }
}

/// Returns the processes of a server: the ones of its group, the ones that it started in sessions of their own,
/// and the process that listens. The last one is in neither set if its parent has exited.
fn processes_of(process: &ServerProcess) -> Vec<u32> {
    let mut all = processes_in_group(process.group());
    all.extend(processes_below(process.group()));
    all.extend(listeners_at(process.address()));
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_command_lines_are_told_apart() {
        let address = |text: &str| matches!(text.parse(), Ok(Contender::Address(_)));
        let program = |text: &str| matches!(text.parse(), Ok(Contender::Program(_)));
        assert!(address("localhost:8080") && address("http://[::1]:8080"));
        assert!(program("sh") && program("./server --listen :{port}") && program("./{port}"));
        let error = |text: &str| text.parse::<Contender>().expect_err(text).to_string();
        assert!(error("./server --fast").contains("{port}"));
        assert!(
            error("localhost:808O").contains("1 to 65535")
                && error("localhost:808O").contains("no such file")
        );
        assert!(error("target/relase/plimsoll").contains("no such file") && error("").contains("empty"));
    }
}
