//! `plimsoll sweep`: runs a grid of plans, sizes by loads.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueHint};

use super::{
    client_flags::ClientFlags,
    metadata_flags::MetadataFlags,
    output::{OutputArguments, is_stdout},
    own_server::OwnServer,
    report_files::ReportFiles,
    saved,
    session::{self, Outputs, Session},
    status::Status,
    transport_flags::TransportFlags,
    values::{count, named},
    watch_flags::WatchFlags,
};
use crate::{
    client::check_metadata,
    endpoint::Target,
    experiment::sweep::{self, GridLoad, Point, Sizes, Sweep, SweepSpec},
    load::{Mix, Settings, Texts},
    report::destination::{Destination, is_of_the_system},
    result::DocumentKind,
    rpc::format_data::TextKind,
    units::{Rate, parse_duration},
};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SweepArguments {
    /// Server to test, such as `localhost:8080` [default: a reference server, started for this sweep]
    #[arg(value_name = "TARGET", value_hint = ValueHint::Hostname)]
    target: Option<Target>,

    /// Message sizes in bytes: a list, or a ladder by factors of 4 that adds sizes around 4 MiB and each limit of the
    /// server
    #[arg(
        short,
        long,
        value_name = "SIZE,... | FROM..TO",
        default_value = "64B..16MiB",
        help_heading = "Grid"
    )]
    size: Sizes,

    /// Closed loops (virtual users): calls in flight, as a list, or a ladder that doubles [default: 1,8,64]
    #[arg(short, long, value_name = "N,... | FROM..TO", value_delimiter = ',', value_parser = counts, help_heading = "Grid")]
    concurrency: Vec<Counts>,

    /// Open loops (arrival rate) instead: calls per second
    #[arg(
        short,
        long,
        alias = "rps",
        value_name = "RATE,...",
        value_delimiter = ',',
        conflicts_with = "concurrency",
        help_heading = "Grid"
    )]
    rate: Vec<Rate>,

    /// Number of passes over the grid, each in another random order
    #[arg(long, value_name = "N", value_parser = count, default_value = "3", help_heading = "Grid")]
    repetitions: u64,

    /// Length of the measured window of each point
    #[arg(short = 'z', long, value_name = "D", value_parser = parse_duration, default_value = "2s", help_heading = "Grid")]
    duration: Duration,

    /// Load before each measured window; its calls are in no figure
    #[arg(short, long, value_name = "D", value_parser = parse_duration, default_value = "300ms", help_heading = "Grid")]
    warm_up: Duration,

    /// Time to wait for calls in flight at the end of a window
    #[arg(long, value_name = "D", value_parser = parse_duration, default_value = "5s", help_heading = "Grid")]
    drain: Duration,

    /// Content of the text
    #[arg(long, value_parser = named::<TextKind>(), value_name = "KIND", default_value = "ascii", help_heading = "Messages")]
    text: TextKind,

    #[command(flatten, next_help_heading = "Messages")]
    metadata: MetadataFlags,

    #[command(flatten)]
    client: ClientFlags,

    #[command(flatten)]
    transport: TransportFlags,

    #[command(flatten)]
    server: OwnServer,

    /// Result flags. A file gets the sweep after each point; a sweep with the same settings in it is continued.
    #[command(flatten, next_help_heading = "Result")]
    output: OutputArguments,

    #[command(flatten)]
    reports: ReportFiles,

    #[command(flatten)]
    watch: WatchFlags,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll sweep -o sweep.json               # 64 B to 16 MiB at 1, 8, 64 in flight; run again to continue
  plimsoll sweep localhost:8080 -s 1KiB,64KiB,1MiB -c 1,16 --repetitions 5
  plimsoll sweep -s 4KiB -c 1..128           # 1, 2, 4 ... 128 in flight: where latency breaks
  plimsoll sweep -s 4KiB -r 1k,2k,4k,8k,16k  # one size, five rates
  plimsoll sweep -O csv > sweep.csv

Each point is a separate run. The report shows medians over the repetitions. Refused calls are counted apart and are in \
no other figure.";

pub(super) fn execute(arguments: &SweepArguments) -> Result<Status> {
    // An impossible grid is an error before any name is resolved.
    arguments.asked(true)?;
    let printed = arguments.reports.printed(&arguments.output, DocumentKind::Sweep)?;
    let files = arguments.reports.reserve(DocumentKind::Sweep)?;
    let output = arguments.output.output.as_deref().filter(|path| !is_stdout(Some(path)));
    let server = arguments.server.server(arguments.target.as_ref(), &arguments.transport)?;
    let asked = arguments.asked(server.is_local())?;
    // Every plan is checked before the first run.
    for load in &asked.loads {
        for size in asked.sizes.with_limits(&[]) {
            let point = Point { message_bytes: size, load: *load, repetition: 1 };
            sweep::plan(&asked.settings, point).with_context(|| format!("there is no plan for {point}"))?;
        }
    }
    check_metadata(&asked.settings.options.metadata)?;
    let begun = output.map(|path| begun(path, &asked)).transpose()?.flatten();
    let destination = output.map(Destination::reserve).transpose()?;
    // A pipe stays open until the whole sweep is written to it; a file is written point by point.
    let at_the_end = destination.filter(|_| output.is_some_and(|path| !is_kept(path)));
    let mut outputs = Outputs::new(at_the_end, printed, files)?;
    // A file that is written point by point is no output of the end.
    outputs.also_writes("the file of -o", output.filter(|path| is_kept(path)))?;
    let session = Session::begin(outputs, &arguments.watch, arguments.output.quiet)?;
    let (stop, events) = (&session.stop, &session.events);
    arguments.client.rehearse_built_in(server.there(), &asked.settings.options.metadata)?;
    let driven = server.start()?;
    // Current settings, because a sweep read from its document has no secrets.
    let settings = asked.settings.clone();
    let mut document = if let Some(begun) = begun {
        begun
    } else {
        let limits = sweep::ladder_limits(&asked, &driven, stop, events)?;
        // An incomplete search for limits would give another grid.
        if stop.is_wanted() {
            return Ok(session.interrupted());
        }
        Sweep::new(asked, limits)
    };
    let mut keep = |document: &Sweep| match output.filter(|path| is_kept(path)) {
        Some(path) => Destination::reserve(path)?.write(document),
        None => Ok(()),
    };
    let measured = sweep::run(&mut document, &settings, &driven, stop, events, &mut keep);
    // The measurements so far are printed, and kept, in any case.
    session::first(session.finish(&document))?;
    if measured.context("the sweep ended early; what was measured until then is above")? {
        return Ok(Status::Interrupted);
    }
    if document.points.iter().all(|summary| summary.calls.outcomes.answered == 0) {
        bail!("no call of the whole sweep was answered; `plimsoll run` at one of its points says why");
    }
    Ok(Status::Done)
}

/// Returns true for a file, existing or new. A file is written point by point, and can be continued.
fn is_kept(path: &Path) -> bool {
    !is_of_the_system(path) && (!path.exists() || path.is_file())
}

/// Reads the sweep in this file, if there is one. Its settings must equal these.
fn begun(path: &Path, asked: &SweepSpec) -> Result<Option<Sweep>> {
    // Opening a pipe would wait for a writer.
    if !is_kept(path) || !path.exists() {
        return Ok(None);
    }
    let file = saved::read(path)?;
    if file.is_empty() {
        return Ok(None);
    }
    let sweep =
        Sweep::read(file.as_slice()).with_context(|| format!("cannot continue `{}`", path.display()))?;
    sweep.is_same(asked).with_context(|| format!("cannot continue `{}`", path.display()))?;
    Ok(Some(sweep))
}

/// Counts of a list, or of a ladder.
#[derive(Debug, Clone)]
struct Counts(Vec<u64>);

/// Reads a count, or a ladder from one count to another, each twice the one before: `1..128`.
fn counts(text: &str) -> Result<Counts, String> {
    let Some((from, to)) = text.split_once("..") else { return Ok(Counts(vec![count(text)?])) };
    let (from, to) = (count(from)?, count(to)?);
    if from == 0 || from >= to {
        return Err("a ladder goes from a number above 0 to a larger one, such as 1..128".to_owned());
    }
    let steps = std::iter::successors(Some(from), |step| step.checked_mul(2)).take_while(|step| *step < to);
    Ok(Counts(steps.chain([to]).collect()))
}

impl SweepArguments {
    fn asked(&self, shares_machine: bool) -> Result<SweepSpec> {
        let loads: Vec<GridLoad> = match (self.concurrency.as_slice(), self.rate.as_slice()) {
            ([], []) => [1, 8, 64].map(GridLoad::Concurrency).to_vec(),
            (lists, []) => lists
                .iter()
                .flat_map(|Counts(list)| list.iter().copied().map(GridLoad::Concurrency))
                .collect(),
            (_, rates) => rates.iter().map(|rate| GridLoad::RatePerSecond(rate.per_second())).collect(),
        };
        if (1..loads.len()).any(|place| loads[..place].contains(&loads[place])) {
            bail!("a load is listed twice; list each once, and use --repetitions to repeat all");
        }
        if !(1..=1_000).contains(&self.repetitions) {
            bail!("--repetitions is {}; give a number from 1 to 1,000", self.repetitions);
        }
        let texts = Texts::Made { mix: Mix(Vec::new()), kind: self.text };
        Ok(SweepSpec {
            target: self.target.as_ref().map(|target| {
                let scheme = if self.transport.is_tls(target) { "https://" } else { "" };
                format!("{scheme}{target}")
            }),
            server: self.target.is_none().then(|| self.server.record()),
            sizes: self.size.clone(),
            loads,
            repetitions: u32::try_from(self.repetitions).unwrap_or(u32::MAX),
            settings: Settings {
                duration: Some(self.duration),
                warm_up: self.warm_up,
                drain: self.drain,
                texts,
                ..self.client.settings(self.metadata.pairs()?, shares_machine)
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ladder_doubles_and_ends_where_it_says() {
        for (text, expected) in
            [("7", &[7][..]), ("1..8", &[1, 2, 4, 8]), ("3..20", &[3, 6, 12, 20]), ("1..2", &[1, 2])]
        {
            assert_eq!(counts(text).map(|Counts(list)| list), Ok(expected.to_vec()), "{text}");
        }
        for wrong in ["8..1", "0..4", "4..4", "..4", "1..", "1..x"] {
            assert!(counts(wrong).is_err(), "{wrong}");
        }
    }
}
