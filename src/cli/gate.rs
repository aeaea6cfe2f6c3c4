//! `plimsoll gate`: base and candidate in interleaved slices, and a verdict.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueHint};

use super::{
    history_flags::{History, HistoryFlags},
    output::{OutputArguments, to_stdout},
    report_files::ReportFiles,
    session::{Outputs, Session},
    status::Status,
    transport_flags::TransportFlags,
    watch_flags::WatchFlags,
};
use crate::{
    experiment::gate::{
        self, Contender, DEFAULT_REPETITIONS, DEFAULT_THRESHOLD, GateError, GateSettings, MOST_REPETITIONS,
        Scenario, Verdict, Word, expected_length, fewest_repetitions_of, parse_share,
    },
    report::verdict_words,
    result::DocumentKind,
    rpc::LARGEST_MESSAGE,
    units::{ByteSize, exact_duration, grouped, hint, parse_duration},
    view::line,
};

/// File with the scenarios if no other file is named.
const USUAL_FILE: &str = "plimsoll.toml";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(super) struct GateArguments {
    /// Server to compare with: a command line with `{port}` in it, the path of another build of `plimsoll`, or the
    /// address of a running server
    #[arg(long, value_name = "SERVER", value_hint = ValueHint::CommandString, required_unless_present_any = ["without_base", "ci_script"])]
    base: Option<Contender>,

    /// Server under test; same forms as --base
    #[arg(long, value_name = "SERVER", value_hint = ValueHint::CommandString, required_unless_present = "ci_script")]
    candidate: Option<Contender>,

    /// No base exists, for this reason: start nothing, and write a *skipped* verdict
    #[arg(long, value_name = "REASON", conflicts_with = "base")]
    without_base: Option<String>,

    /// Print the script that builds base and candidate from git and runs this gate: `bash SCRIPT --help`
    #[arg(long, exclusive = true)]
    ci_script: bool,

    /// File with the scenarios (loads) [default: `plimsoll.toml` if it exists, otherwise five built-in scenarios]
    #[arg(long, value_name = "FILE", help_heading = "What is tried")]
    scenarios: Option<PathBuf>,

    /// Run only the scenario of this name; repeatable [default: all]
    #[arg(long, value_name = "NAME", help_heading = "What is tried")]
    only: Vec<String>,

    /// Change to detect, for scenarios without a threshold of their own [default: 5%]
    #[arg(long, value_name = "SHARE", value_parser = parse_share, help_heading = "What is tried")]
    threshold: Option<f64>,

    /// Number of repetitions of each scenario, with fresh processes each [default: 12]
    #[arg(long, value_name = "N", conflicts_with = "time_budget", help_heading = "What is tried")]
    repetitions: Option<usize>,

    /// Make as many repetitions as fit into this time, including the confirming second run
    #[arg(long, value_name = "D", value_parser = parse_duration, help_heading = "What is tried")]
    time_budget: Option<Duration>,

    /// Compare message-size limits only; takes a few seconds
    #[arg(long, conflicts_with_all = ["no_limits", "only", "repetitions", "time_budget"], help_heading = "What is tried")]
    limits_only: bool,

    /// Skip message-size limits: a moved limit goes undetected
    #[arg(long, help_heading = "What is tried")]
    no_limits: bool,

    /// Largest message to send whole in the search for limits
    #[arg(long, value_name = "SIZE", default_value = "64MiB", help_heading = "What is tried")]
    limits_up_to: ByteSize,

    /// Seed for the slice order
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "What is tried")]
    seed: u64,

    /// Exit status 3 if the verdict, or a part of it, is inconclusive, skipped or abstained
    #[arg(long, help_heading = "Result")]
    strict: bool,

    /// Name of this gate, stored in its document
    #[arg(long, value_name = "NAME", help_heading = "Result")]
    label: Option<String>,

    #[command(flatten)]
    transport: TransportFlags,

    #[command(flatten)]
    watch: WatchFlags,

    #[command(flatten, next_help_heading = "Result")]
    output: OutputArguments,

    #[command(flatten)]
    reports: ReportFiles,

    #[command(flatten)]
    history: HistoryFlags,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll gate --base old/plimsoll --candidate target/release/plimsoll
                                                 # two builds of the reference server
  plimsoll gate --base 'node v1/server.js {port}' --candidate 'node v2/server.js {port}' -o verdict.json
                                                 # any two programs that serve DoFormat
  plimsoll gate --base localhost:8080 --candidate localhost:8081 --only small
                                                 # two running servers: limits and failing calls;
                                                 # figures compare two processes, not two programs
  plimsoll gate --base old/plimsoll --candidate new/plimsoll --limits-only
                                                 # has a size limit moved?
  plimsoll gate --ci-script > ci-gate            # for CI: `bash ci-gate --help`
  plimsoll gate --base ./plimsoll --candidate ./plimsoll --only small
                                                 # a server against itself: unchanged

A scenario file:
  threshold = \"5%\"
  [[scenario]]
  name = \"login\"
  size = \"1KiB\"
  concurrency = 8                                or: rate = \"2k/s\"

Both servers run at the same time and get the load in slices of about 25 ms, in random order. Each repetition has fresh \
processes. The base runs twice, which measures the machine's noise at the same time. Regressed: worse by more than half \
the threshold with p < 0.01 (exact signed-rank test over repetitions, Holm over scenarios and metrics), and again in a \
second run. Size limits are compared to the byte.

Exit status: 0 unchanged or improved, and also inconclusive, skipped or abstained (3 with --strict); 1 regressed, even if \
a report of it cannot be written; 2 bad usage, a base that does not exist, a candidate that cannot be measured, a method \
that neither server has, or a failure of the gate itself; 130 interrupted. *Skipped*: the base does not build, does not \
start, or dies.";

/// Script that builds base and candidate from git, in any repository, and runs this program's gate.
const CI_SCRIPT: &str = include_str!("../../scripts/ci-gate");

pub(super) fn execute(arguments: &GateArguments) -> Result<Status> {
    if arguments.ci_script {
        to_stdout(|out| out.write_all(CI_SCRIPT.as_bytes()))?;
        return Ok(Status::Done);
    }
    let (base, candidate) = match (&arguments.base, &arguments.candidate, &arguments.without_base) {
        (Some(base), Some(candidate), _) => (base, candidate),
        (None, Some(candidate), Some(reason)) => return arguments.skip(candidate, reason),
        _ => bail!("a gate needs --base and --candidate"),
    };
    let settings = arguments.settings(base, candidate)?;
    let (outputs, history) = arguments.outputs()?;
    let session = Session::begin(outputs, &arguments.watch, arguments.output.quiet)?;
    let (verdict, failure) = match gate::run(&settings, &session.stop, &session.events) {
        Err(GateError::Interrupted) => return Ok(session.interrupted()),
        Err(GateError::Early { verdict, source }) => (*verdict, Some(anyhow::Error::from(*source))),
        verdict => (verdict?, None),
    };
    Ok(arguments.tell(&verdict, session, history, failure))
}

fn status(verdict: &Verdict, strict: bool) -> Status {
    match verdict.verdict {
        _ if verdict.interrupted => Status::Interrupted,
        Word::Regressed => Status::Missed,
        Word::Improved | Word::Unchanged if !verdict.is_partial() => Status::Done,
        Word::Improved | Word::Unchanged => {
            line(&format!("not everything could be compared: {}", verdict.reason));
            if strict { Status::Unsound } else { Status::Done }
        }
        word => {
            // A caller that accepts this status must know that no difference was excluded.
            line(&format!(
                "{}: no difference could be tested: {}",
                verdict_words::word(word),
                verdict.reason
            ));
            if strict { Status::Unsound } else { Status::Done }
        }
    }
}

impl GateArguments {
    /// Writes the verdict of a gate without a base.
    fn skip(&self, candidate: &Contender, reason: &str) -> Result<Status> {
        let (outputs, history) = self.outputs()?;
        let session = Session::begin(outputs, &self.watch, self.output.quiet)?;
        let verdict = gate::without_base(reason, candidate, self.label.clone(), self.seed);
        Ok(self.tell(&verdict, session, history, None))
    }

    /// Reserves all files for the verdict.
    fn outputs(&self) -> Result<(Outputs, History<'_>)> {
        let mut outputs = self.reports.outputs(&self.output, DocumentKind::Verdict)?;
        outputs.also_writes("the file of --history", self.history.file())?;
        outputs.also_reads(self.scenarios.as_deref().map(|path| ("the file of --scenarios", path)))?;
        Ok((outputs, self.history.reserve()?))
    }

    /// Writes and prints a verdict, as far as possible despite failures. Returns the exit status.
    fn tell(
        &self,
        verdict: &Verdict,
        session: Session,
        history: History<'_>,
        failure: Option<anyhow::Error>,
    ) -> Status {
        let mut failures = session.finish(verdict);
        failures.extend(history.write(verdict));
        // For a verdict without a result, the error below is the reason.
        let status = if failure.is_some() && verdict.verdict != Word::Regressed {
            Status::Failed
        } else {
            status(verdict, self.strict)
        };
        status.despite(failures.into_iter().chain(failure))
    }

    fn settings(&self, base: &Contender, candidate: &Contender) -> Result<GateSettings> {
        if self.limits_up_to.0 > LARGEST_MESSAGE {
            bail!(
                "--limits-up-to is {} bytes; {} at most, because no protobuf message is longer",
                grouped(self.limits_up_to.0),
                grouped(LARGEST_MESSAGE)
            );
        }
        let scenarios = if self.limits_only { Vec::new() } else { self.chosen()? };
        let repetitions = match (self.repetitions, self.time_budget) {
            (Some(repetitions), _) if repetitions > MOST_REPETITIONS => {
                bail!("--repetitions is {repetitions}; {MOST_REPETITIONS} at most")
            }
            (Some(repetitions), _) => repetitions,
            (None, None) => DEFAULT_REPETITIONS,
            (None, Some(budget)) => repetitions_within(budget, &scenarios)?,
        };
        Ok(GateSettings {
            base: base.clone(),
            candidate: candidate.clone(),
            connect: self.transport.settings_of(&[base, candidate])?,
            scenarios,
            repetitions,
            budget: self.time_budget.map(|budget| budget / 2),
            seed: self.seed,
            limits_up_to: (!self.no_limits).then_some(self.limits_up_to.0),
            label: self.label.clone(),
            adopts: true,
        })
    }

    /// Returns the scenarios of the file, or the built-in ones; of these, only the named ones if names were
    /// given.
    fn chosen(&self) -> Result<Vec<Scenario>> {
        let threshold = self.threshold.unwrap_or(DEFAULT_THRESHOLD);
        let usual = Path::new(USUAL_FILE);
        let file = self.scenarios.as_deref().or_else(|| usual.is_file().then_some(usual));
        let all = match file {
            None => Scenario::built_in(threshold),
            Some(path) => {
                let text = fs::read_to_string(path)
                    .with_context(|| format!("cannot read scenarios from `{}`", path.display()))?;
                Scenario::read(&text, threshold)
                    .with_context(|| format!("cannot use the scenarios of `{}`", path.display()))?
            }
        };
        for name in &self.only {
            if !all.iter().any(|scenario| scenario.name == *name) {
                let names: Vec<&str> = all.iter().map(|scenario| scenario.name.as_str()).collect();
                let hint = hint(name, names.iter().copied());
                bail!("--only {name}: there is no such scenario; {hint}there are {}", names.join(", "));
            }
        }
        let is_chosen = |scenario: &Scenario| self.only.is_empty() || self.only.contains(&scenario.name);
        Ok(all.into_iter().filter(is_chosen).collect())
    }
}

/// Returns the number of repetitions that fit; half of the time is for a second run.
fn repetitions_within(budget: Duration, scenarios: &[Scenario]) -> Result<usize> {
    let each = expected_length(scenarios);
    let fit = usize::try_from((budget / 2).as_nanos() / each.as_nanos().max(1)).unwrap_or(MOST_REPETITIONS);
    let needed = fewest_repetitions_of(scenarios.len());
    if fit < needed {
        let least = each * 2 * u32::try_from(needed).unwrap_or(u32::MAX);
        bail!(
            "--time-budget {} leaves {fit} repetitions for each of {} scenarios, but a verdict needs {needed}: give {} or more, or choose scenarios with --only",
            exact_duration(budget),
            scenarios.len(),
            exact_duration(Duration::from_secs(least.as_secs() + 1)),
        );
    }
    Ok(fit.min(MOST_REPETITIONS))
}
