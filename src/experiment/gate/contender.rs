//! A server that takes part: a program that is started anew for each repetition, or one that is there already.

use std::{env, fmt, path::Path, str::FromStr};

use crate::{
    endpoint::{LocateError, Located, Program, ProgramError, ServerProcess, StartError, Target, TargetError},
    measure::{listeners_at, processes_below, processes_in_group},
    stop::Stop,
};

/// A server that is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contender {
    /// Started, waited for and stopped here.
    Program(Program),
    /// There already.
    Address(Target),
}

/// Why a text is no server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContenderTextError {
    /// It is a command line, and a wrong one.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// It is one word, and neither.
    #[error("{0}; nor is it a program: there is no such file, here or on the PATH")]
    Neither(TargetError),
}

/// Why one does not stand.
#[derive(Debug, thiserror::Error)]
pub enum ContenderError {
    /// Its program does not serve.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Nobody listens there.
    #[error(transparent)]
    Locate(#[from] LocateError),
}

/// The party that a failure is to be put down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The user's text: there is no such command, or no server at the address.
    Text,
    /// The server: it is there, and does not serve.
    Server,
    /// This program, or the machine that it runs on.
    Own,
}

impl ContenderError {
    /// The party at fault, for a server that has not stood before.
    pub(super) fn fault(&self) -> Fault {
        match self {
            Self::Start(StartError::Setup { .. }) => Fault::Own,
            Self::Start(error) if error.is_no_command() => Fault::Text,
            Self::Start(_) => Fault::Server,
            Self::Locate(_) => Fault::Text,
        }
    }
}

/// A server that accepts connections. A process that was started lives as long as this.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) located: Located,
    /// Where they are on this machine and known.
    pub(super) processes: Vec<u32>,
    process: Option<ServerProcess>,
}

impl FromStr for Contender {
    type Err = ContenderTextError;

    /// An address such as `localhost:8080`, or else a command line.
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
    /// Starts it, or finds it.
    pub(super) fn stand(&self, stop: &Stop) -> Result<Standing, ContenderError> {
        match self {
            Self::Program(program) => {
                let process = program.start(stop)?;
                let address = process.address();
                Ok(Standing {
                    located: Located { address, authority: address.to_string(), is_local: true },
                    processes: processes_of(&process),
                    process: Some(process),
                })
            }
            Self::Address(target) => {
                let located = target.locate()?;
                let processes = if located.is_local { listeners_at(located.address) } else { Vec::new() };
                Ok(Standing { located, processes, process: None })
            }
        }
    }
}

impl Standing {
    /// Looks again for the processes of a server that was started: one may start others after it listens.
    pub(super) fn refresh(&mut self) {
        if let Some(process) = &self.process {
            self.processes = processes_of(process);
        }
    }

    /// Asks a process that was started to go, without waiting for it.
    pub(super) fn ask_to_go(&self) {
        if let Some(process) = &self.process {
            process.ask_to_go();
        }
    }
}

/// The processes of a server: those of its group, those that it started in sessions of their own, and who listens
/// for it, which is none of the two where its parent has left.
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
