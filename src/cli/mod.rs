//! The command line: flags to validated values, and the course of each command.

mod call;
mod client_flags;
mod compare;
mod foreign_flags;
mod gate;
mod interrupt;
mod limits;
mod own_server;
mod report;
mod run;
mod serve;
mod sweep;
mod values;
mod verdict_files;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};

use crate::{
    report::{json, text},
    summary::Summary,
};

/// How the process ends when all went as asked, and otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 0.
    Done,
    /// 1: an objective was missed, or a regression found.
    Missed,
    /// 2: bad usage, or it could not be done.
    Failed,
    /// 3: the measurement is not sound, and the caller asked to be told.
    Unsound,
    /// 130: interrupted; what was measured so far was printed and saved.
    Interrupted,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Done => 0,
            Status::Missed => 1,
            Status::Failed => 2,
            Status::Unsound => 3,
            Status::Interrupted => 130,
        })
    }
}

/// How much load, and how large a message, a gRPC service carries safely.
///
/// Drives `example.FormatData/DoFormat` and verifies every reply. `plimsoll run` alone starts a
/// reference server of its own and measures it.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll run                                   measure the reference server, 50 calls in flight
  plimsoll run localhost:8080 -r 5k -z 30s       5,000 calls a second at a server of yours
  plimsoll run -s 1KiB@95,5MiB@5                 a mix in which one call in twenty is over the limit
  plimsoll limits localhost:8080                 where each size limit bites, to the byte
  plimsoll sweep -o sweep.json                   sizes by calls in flight; again to go on
  plimsoll compare before.json after.json        two results, side by side
  plimsoll gate --base old/plimsoll --candidate target/release/plimsoll
                                                 did this commit make it slower?
  plimsoll serve                                 the reference server on localhost:8080
  plimsoll call localhost:8080 'hello,world!'    one call

Exit status: 0 done, 1 an objective was missed or a regression found, 2 bad usage or it could not be done, 3 not sound
(with --strict), 130 interrupted.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Drive a server with one plan; print a summary, write a result
    Run(Box<run::RunArguments>),
    /// Find where each size limit bites, to the byte, and how
    Limits(limits::LimitsArguments),
    /// Run a grid of plans: sizes by calls in flight, or by rates
    Sweep(Box<sweep::SweepArguments>),
    /// Put two results, or several of each, side by side
    Compare(compare::CompareArguments),
    /// Compare two servers in interleaved slices: a verdict, and an exit status
    Gate(Box<gate::GateArguments>),
    /// Make one call and print its reply
    Call(call::CallArguments),
    /// Be the reference server
    Serve(serve::ServeArguments),
    /// Print a saved result again
    Report(report::ReportArguments),
}

/// Where results go; on every command.
#[derive(Debug, clap::Args)]
struct OutputArguments {
    /// Also write the result as JSON to this file: whole, or not at all
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// What goes to stdout
    #[arg(short = 'O', long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// No progress and no messages on stderr
    #[arg(short, long)]
    quiet: bool,
}

/// A format for stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

impl Cli {
    /// Reads this process's arguments; ends the process when it cannot, or when help was asked for.
    #[must_use]
    pub fn read() -> Self {
        Self::try_parse().unwrap_or_else(|error| foreign_flags::with_advice(error).exit())
    }

    /// Does what was asked, and says how the process is to end.
    ///
    /// # Errors
    /// When it was not possible; nothing is half written then.
    pub fn execute(&self) -> anyhow::Result<Status> {
        match &self.command {
            Command::Run(arguments) => run::execute(arguments),
            Command::Limits(arguments) => limits::execute(arguments),
            Command::Sweep(arguments) => sweep::execute(arguments),
            Command::Compare(arguments) => compare::execute(arguments),
            Command::Gate(arguments) => gate::execute(arguments),
            Command::Call(arguments) => call::execute(arguments),
            Command::Serve(arguments) => serve::execute(arguments),
            Command::Report(arguments) => report::execute(arguments),
        }
    }
}

/// Lets a command write to stdout, byte by byte as it is. A reader that has left, such as `head`, is
/// no error.
fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    written(write(&mut io::stdout().lock()))
}

/// The same for a text with colours, which are left out where nobody wants them.
fn to_coloured_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    written(write(&mut anstream::stdout().lock()))
}

fn written(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("cannot write to stdout"))
        }
        _ => Ok(()),
    }
}

/// Prints a run's result in the format that was asked for.
fn print(summary: &Summary, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Text => to_coloured_stdout(|out| text::write(summary, out)),
        Format::Json => to_stdout(|out| json::write(summary, out)),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_flags_of_each_command_are_consistent() {
        Cli::command().debug_assert();
    }
}
