//! Commands and their dispatch.

use std::{env, process::ExitCode};

use clap::{Parser, Subcommand};

use super::{call, compare, foreign_flags, gate, limits, report, run, serve, status::Status, sweep};
use crate::report::outside;

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
  plimsoll run                                   # measure the reference server, 50 calls in flight
  plimsoll run localhost:8080 -r 5k -z 30s       # 5,000 calls a second at a server of yours
  plimsoll run -s 1KiB@95,5MiB@5                 # a mix in which 1 call in 20 is over the limit
  plimsoll interference -s 1KiB@95,5MiB@5 -r 2k  # what refused calls do to the others
  plimsoll limits localhost:8080                 # where each size limit bites, to the byte
  plimsoll sweep -o sweep.json                   # sizes by calls in flight; again to go on
  plimsoll compare before.json after.json        # two results, side by side
  plimsoll gate --base old/plimsoll --candidate target/release/plimsoll
                                                 # did this commit make it slower?
  plimsoll serve                                 # the reference server on localhost:8080
  plimsoll call localhost:8080 'hello,world!'    # one call

Exit status: 0 done, 1 an objective was missed or a regression found, 2 bad usage or it could not be done, 3 not sound
(with --strict), 130 interrupted.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Drive a server with one plan; print a summary, write a result
    Run(Box<run::RunArguments>),
    /// Run a mix with and without its refused sizes, in alternating rounds: what do refused calls do to the others?
    Interference(Box<run::InterferenceArguments>),
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

impl Cli {
    /// Reads the command line. `--help` and errors are printed; then the status is that of the process.
    ///
    /// # Errors
    /// With the status, when there is nothing to do.
    pub fn of_arguments() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            // clap repeats what was written, as it is.
            let written = env::args_os().map(|word| outside::on_one_line(&word.to_string_lossy()));
            let shown = Self::try_parse_from(written).err().filter(|_| error.use_stderr());
            let error = foreign_flags::with_advice(shown.unwrap_or(error));
            // Whoever has closed the stream does not want to know.
            let _ = error.print();
            if error.use_stderr() { Status::Failed.into() } else { Status::Done.into() }
        })
    }

    /// Does what was asked, and says how the process is to end.
    ///
    /// # Errors
    /// When it was not possible; nothing is half written then.
    pub fn execute(&self) -> anyhow::Result<Status> {
        match &self.command {
            Command::Run(arguments) => run::execute(arguments),
            Command::Interference(arguments) => run::execute_interference(arguments),
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn a_report_that_cannot_be_written_hides_no_regression() {
        let failure = || [anyhow::anyhow!("no room")];
        assert_eq!(Status::Missed.despite(failure()), Status::Missed);
        for status in [Status::Done, Status::Unsound, Status::Interrupted] {
            assert_eq!(status.despite(failure()), Status::Failed);
            assert_eq!(status.despite([]), status);
        }
    }

    /// Copied with the words behind them, which are a comment to a shell.
    #[test]
    fn the_examples_of_each_help_are_commands() {
        let command = Cli::command();
        let helps = std::iter::once(&command).chain(command.get_subcommands());
        let mut seen = 0;
        for line in helps
            .filter_map(clap::Command::get_after_help)
            .flat_map(|help| help.to_string().lines().map(str::trim).map(str::to_owned).collect::<Vec<_>>())
        {
            let Some(line) = line.strip_prefix("plimsoll ") else {
                assert!(!line.contains("  #") || line.starts_with('#'), "{line}");
                continue;
            };
            let words = shlex::split(line).expect("quotes are paired");
            // What a shell does not give to the program.
            let own = words.iter().take_while(|word| !matches!(word.as_str(), "&&" | "|" | ">" | "<" | "&"));
            let words = std::iter::once("plimsoll").chain(own.map(String::as_str));
            if let Err(error) = Cli::try_parse_from(words) {
                // The path of an example is not there.
                assert!(error.to_string().contains("there is no such file"), "{line}: {error}");
            }
            seen += 1;
        }
        assert!(seen > 30, "{seen}");
    }

    #[test]
    fn the_flags_of_each_command_are_consistent() {
        Cli::command().debug_assert();
    }
}
