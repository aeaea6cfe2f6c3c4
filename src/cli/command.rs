//! Commands and their dispatch.

use std::{env, ffi::OsString, process::ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use super::{
    call, compare, completions, foreign_flags, gate, limits, merge, methods, report, report_files, run,
    serve, status::Status, sweep,
};
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

/// gRPC load testing and benchmarking: latency percentiles, throughput, message-size limits, regressions.
///
/// Calls `example.FormatData/DoFormat`, or any other unary method, and verifies every reply. `plimsoll run` without a target starts the reference
/// server and measures it.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll run                                   # measure the reference server, 50 calls in flight
  plimsoll run localhost:8080 -r 5k -z 30s       # 5,000 calls per second to your server
  plimsoll run -s 1KiB@95,5MiB@5                 # a mix: 1 call in 20 is over the size limit
  plimsoll interference -s 1KiB@95,5MiB@5 -r 2k  # the effect of refused calls on other calls
  plimsoll limits localhost:8080                 # each message-size limit, to the byte
  plimsoll sweep -o sweep.json                   # sizes by concurrency; run again to continue
  plimsoll compare before.json after.json        # two results and their ratios
  plimsoll gate --base old/plimsoll --candidate target/release/plimsoll
                                                 # did this commit make the server slower?
  plimsoll serve                                 # the reference server on localhost:8080
  plimsoll call localhost:8080 'hello,world!'    # one call
  plimsoll methods localhost:50051               # what can be called on your server
  plimsoll run localhost:50051 --method helloworld.Greeter/SayHello -d '{\"name\":\"x\"}'
                                                 # any unary method

Exit status: 0 done; 1 objective missed or regression found; 2 bad usage, or the command could not do its work; 3 not \
sound (with --strict); 130 interrupted.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a load test against one server and print a summary
    Run(Box<run::RunArguments>),
    /// Measure the effect of refused messages on other calls
    Interference(Box<run::InterferenceArguments>),
    /// Find each message-size limit, to the byte
    Limits(Box<limits::LimitsArguments>),
    /// Run a grid of load tests: sizes by concurrency, or sizes by rates
    Sweep(Box<sweep::SweepArguments>),
    /// Compare two results, or two folders of results
    Compare(compare::CompareArguments),
    /// Detect a performance regression between two servers: a verdict and an exit status for CI
    Gate(Box<gate::GateArguments>),
    /// Make one call and print its reply
    Call(Box<call::CallArguments>),
    /// List the methods of a server, or describe one: its request as JSON to start from
    Methods(methods::MethodsArguments),
    /// Run the reference server
    Serve(serve::ServeArguments),
    /// Merge the shards of one run without loss
    Merge(merge::MergeArguments),
    /// Print a saved result in any of its formats
    Report(report::ReportArguments),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArguments),
    /// Print a manual page, or write all of them
    Man(completions::ManArguments),
}

impl Cli {
    /// Parses the command line. `--help` and errors are printed; the error is then the exit status.
    ///
    /// # Errors
    /// There is no command to execute; the value is the exit status.
    pub fn of_arguments() -> Result<Self, ExitCode> {
        Self::parsed(env::args_os()).map_err(|error| {
            // clap repeats the arguments unfiltered, so they are filtered before they are parsed a second
            // time.
            let written = env::args_os().map(|word| outside::on_one_line(&word.to_string_lossy()));
            let shown = Self::parsed(written).err().filter(|_| error.use_stderr());
            let error = foreign_flags::with_advice(shown.unwrap_or(error));
            // A closed stream takes no message.
            let _ = error.print();
            if error.use_stderr() { Status::Failed.into() } else { Status::Done.into() }
        })
    }

    /// Parses these arguments with the command line of [`Self::described`].
    fn parsed(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Self, clap::Error> {
        Self::from_arg_matches(&Self::described().try_get_matches_from(arguments)?)
    }

    /// Returns the command line, in which each command has the formats of its document.
    fn described() -> clap::Command {
        report_files::with_formats(Self::command())
    }

    /// Runs the command, and returns the exit status.
    ///
    /// # Errors
    /// The command could not do its work; no file is half written then.
    pub fn execute(&self) -> anyhow::Result<Status> {
        match &self.command {
            Command::Run(arguments) => run::execute(arguments),
            Command::Interference(arguments) => run::execute_interference(arguments),
            Command::Limits(arguments) => limits::execute(arguments),
            Command::Sweep(arguments) => sweep::execute(arguments),
            Command::Compare(arguments) => compare::execute(arguments),
            Command::Gate(arguments) => gate::execute(arguments),
            Command::Call(arguments) => call::execute(arguments),
            Command::Methods(arguments) => methods::execute(arguments),
            Command::Serve(arguments) => serve::execute(arguments),
            Command::Merge(arguments) => merge::execute(arguments),
            Command::Report(arguments) => report::execute(arguments),
            Command::Completions(arguments) => completions::execute(arguments, Self::described()),
            Command::Man(arguments) => completions::execute_man(arguments, Self::described()),
        }
    }
}

#[cfg(test)]
mod tests {
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

    /// Commands with their trailing words, which are a comment to a shell.
    #[test]
    fn the_examples_of_each_help_are_commands() {
        let command = Cli::described();
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
            // Arguments that a shell does not pass to the program.
            let own = words.iter().take_while(|word| !matches!(word.as_str(), "&&" | "|" | ">" | "<" | "&"));
            let words = std::iter::once("plimsoll").chain(own.map(String::as_str));
            if let Err(error) = Cli::parsed(words) {
                // The path of an example does not exist.
                assert!(error.to_string().contains("there is no such file"), "{line}: {error}");
            }
            seen += 1;
        }
        assert!(seen > 30, "{seen}");
    }

    #[test]
    fn the_flags_of_each_command_are_consistent() {
        Cli::described().debug_assert();
    }
}
