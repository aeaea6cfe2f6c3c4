//! `plimsoll sweep`: a grid of plans, sizes by loads.

use super::watch_flags::WatchFlags;
use crate::cli::values::named;
use crate::load::Options;
use crate::result::summary::document::TargetRecord;
use crate::{
    engine::{Event, Events},
    stop::Stop,
};
use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use super::signals::stop_on_signals;
use super::{
    client_flags::ClientFlags,
    output::{BOTH_ON_STDOUT, is_stdout, to_coloured_stdout, to_stdout},
    own_server::{Driven, OwnServer},
    saved,
    status::Status,
    values::{MetadataParser, count},
};
use crate::{
    client::check_metadata,
    endpoint::Target,
    engine,
    experiment::{
        limits::{self, DEFAULT_UP_TO, Limits},
        sweep::{GridLoad, Point, Sizes, Sweep, SweepSpec},
    },
    load::{Arrivals, DEFAULT_MAX_IN_FLIGHT, Load, Mix, Plan, Rates, Settings, Share, Texts},
    report::{csv, destination::Destination, json, sweep},
    result::summary::{Context, Summary},
    rpc::{format_data::TextKind, metadata::Pair},
    units::{ByteSize, Limit, Rate, parse_duration},
};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SweepArguments {
    /// The server, such as `localhost:8080`; left out, the reference server is started for this sweep
    #[arg(value_name = "TARGET")]
    target: Option<Target>,

    /// Message bytes: a list, or a ladder by fours that shows 4 MiB and each limit of the server from
    /// both sides
    #[arg(
        short,
        long,
        value_name = "SIZE,... | FROM..TO",
        default_value = "64B..16MiB",
        help_heading = "Grid"
    )]
    size: Sizes,

    /// Closed loops: calls in flight [default: 1,8,64]
    #[arg(short, long, value_name = "N,...", value_delimiter = ',', value_parser = count, help_heading = "Grid")]
    concurrency: Vec<u64>,

    /// Open loops in their place: calls a second
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

    /// Passes over the grid, each in a random order of its own
    #[arg(long, value_name = "N", value_parser = count, default_value = "3", help_heading = "Grid")]
    repetitions: u64,

    /// The measured window of each point
    #[arg(short = 'z', long, value_name = "D", value_parser = parse_duration, default_value = "2s", help_heading = "Grid")]
    duration: Duration,

    /// Load before each measured window, thrown away
    #[arg(short, long, value_name = "D", value_parser = parse_duration, default_value = "300ms", help_heading = "Grid")]
    warm_up: Duration,

    /// How long calls in flight at the end of a window are waited for
    #[arg(long, value_name = "D", value_parser = parse_duration, default_value = "5s", help_heading = "Grid")]
    drain: Duration,

    /// What the text is made of
    #[arg(long, value_parser = named::<TextKind>(), value_name = "KIND", default_value = "ascii", help_heading = "Messages")]
    text: TextKind,

    /// Metadata of each call; `@FILE` reads the value from a file. Credentials are hidden in every result.
    /// Repeatable
    #[arg(short, long, value_name = "'NAME: VALUE | NAME: @FILE'", value_parser = MetadataParser, help_heading = "Messages")]
    metadata: Vec<Pair>,

    #[command(flatten)]
    client: ClientFlags,

    #[command(flatten)]
    server: OwnServer,

    /// Also keep the sweep as JSON in this file, point by point. Where it is there already and was asked
    /// the same, the sweep goes on from there. `-` is stdout, in place of the text
    #[arg(short, long, value_name = "FILE", help_heading = "Result")]
    output: Option<std::path::PathBuf>,

    /// What goes to stdout [default: text]
    #[arg(short = 'O', long, value_name = "FORMAT", help_heading = "Result")]
    format: Option<SweepFormat>,

    #[command(flatten)]
    watch: WatchFlags,

    /// No progress on stderr
    #[arg(short, long, help_heading = "Result")]
    quiet: bool,
}

/// A format for stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SweepFormat {
    /// Tables and heat maps
    Text,
    /// The whole document, with all summaries
    Json,
    /// A row for each point
    Csv,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll sweep -o sweep.json               # 64 B to 16 MiB at 1, 8, 64 in flight; again to go on
  plimsoll sweep localhost:8080 -s 1KiB,64KiB,1MiB -c 1,16 --repetitions 5
  plimsoll sweep -s 4KiB -r 1k,2k,4k,8k,16k  # one size, five rates
  plimsoll sweep -O csv > sweep.csv

Each point is a run of its own; medians over the repetitions are shown. Refused calls are in no figure
but their own share.";

pub(super) fn execute(arguments: &SweepArguments) -> Result<Status> {
    // An impossible grid is an error before anything is looked up.
    arguments.asked(true)?;
    let (output, format) = arguments.written()?;
    let located = arguments.server.locate(arguments.target.as_ref())?;
    let asked = arguments.asked(located.as_ref().is_none_or(|located| located.is_local))?;
    // Every plan is tried before the first one is run.
    for load in &asked.loads {
        for size in asked.sizes.with_limits(&[]) {
            arguments.plan(Point { message_bytes: size, load: *load, repetition: 1 }, &asked.settings)?;
        }
    }
    check_metadata(&arguments.metadata)?;
    let begun = output.map(|path| begun(path, &asked)).transpose()?.flatten();
    let destination = output.map(Destination::reserve).transpose()?;
    // A pipe stays open until the whole sweep goes into it; a file is written point by point.
    let at_the_end = destination.filter(|_| output.is_some_and(|path| !is_kept(path)));
    let stop = stop_on_signals()?;
    arguments.client.rehearse(located.as_ref(), &arguments.metadata)?;
    let driven = arguments.server.driven(located)?;
    let (events, view) = arguments.watch.watch(arguments.quiet)?;
    // Those of now: a sweep that was read from its document has no secrets.
    let settings = asked.settings.clone();
    let mut sweep = if let Some(begun) = begun {
        begun
    } else {
        let limits = limits_for(&asked, &driven, &stop, &events)?;
        // With an incomplete search it would be another grid.
        if stop.is_wanted() {
            return Ok(Status::Interrupted);
        }
        Sweep::new(asked, limits)
    };
    let measured = measure(arguments, &mut sweep, &settings, &driven, &stop, &events);
    view.finish(events);
    // What was measured until then is printed, and kept, in any case.
    let written = at_the_end.map_or(Ok(()), |destination| destination.write(&sweep));
    match format {
        SweepFormat::Text => to_coloured_stdout(|out| sweep::write_coloured(&sweep, out))?,
        SweepFormat::Json => to_stdout(|out| json::write(&sweep, out))?,
        SweepFormat::Csv => to_stdout(|out| csv::sweep(&sweep, out))?,
    }
    written?;
    if measured.context("the sweep ended early; what was measured until then is above")? {
        return Ok(Status::Interrupted);
    }
    if sweep.points.iter().all(|summary| summary.calls.outcomes.answered == 0) {
        bail!("no call of the whole sweep was answered; `plimsoll run` at one of its points says why");
    }
    Ok(Status::Done)
}

/// Whether this is a file, or will be one: it is written point by point, and can be gone on with.
fn is_kept(path: &Path) -> bool {
    // Those of the system point to whatever the process has open.
    let is_device = path.starts_with("/dev") || path.starts_with("/proc");
    !is_device && (!path.exists() || path.is_file())
}

/// The sweep in this file, if there is one: it must be the same.
fn begun(path: &Path, asked: &SweepSpec) -> Result<Option<Sweep>> {
    // Opening a pipe would wait for somebody to write into it.
    if !is_kept(path) || !path.exists() {
        return Ok(None);
    }
    let file = saved::read(path)?;
    if file.is_empty() {
        return Ok(None);
    }
    let sweep =
        Sweep::read(file.as_slice()).with_context(|| format!("cannot go on with `{}`", path.display()))?;
    sweep.is_same(asked).with_context(|| format!("cannot go on with `{}`", path.display()))?;
    Ok(Some(sweep))
}

/// Runs the points that are left. Whether somebody interrupted it; that point is not kept.
fn measure(
    arguments: &SweepArguments,
    sweep: &mut Sweep,
    settings: &Settings,
    driven: &Driven,
    stop: &Stop,
    events: &Events,
) -> Result<bool> {
    let each = arguments.warm_up + arguments.duration;
    while let Some(point) = sweep.rest().first().copied() {
        // Between two points nobody else listens.
        if stop.is_wanted() {
            return Ok(true);
        }
        let left = sweep.rest().len();
        let number = sweep.points.len() + 1;
        let of = sweep.order.len();
        let left = each * u32::try_from(left).unwrap_or(u32::MAX);
        events.send(|| Event::Point { number, of, point: point.to_string(), left });
        let plan = Arc::new(arguments.plan(point, settings)?);
        let run = engine::run(&plan, &driven.located, &driven.processes(), stop, events)?;
        if run.is_interrupted {
            return Ok(true);
        }
        let context = Context {
            target: TargetRecord::of(&driven.located, sweep.asked.server.clone()),
            label: None,
            objectives: &[],
        };
        sweep.points.push(Summary::new(&run, context)?);
        if let Some(path) = arguments.written()?.0.filter(|path| is_kept(path)) {
            Destination::reserve(path)?.write(&sweep)?;
        }
    }
    Ok(false)
}

impl SweepArguments {
    /// The file that the sweep is kept in, and what goes to stdout.
    fn written(&self) -> Result<(Option<&Path>, SweepFormat)> {
        match (self.output.as_deref(), self.format) {
            (path, None | Some(SweepFormat::Json)) if is_stdout(path) => Ok((None, SweepFormat::Json)),
            (path, Some(_)) if is_stdout(path) => bail!(BOTH_ON_STDOUT),
            (path, format) => Ok((path, format.unwrap_or(SweepFormat::Text))),
        }
    }

    fn asked(&self, shares_machine: bool) -> Result<SweepSpec> {
        let loads: Vec<GridLoad> = match (self.concurrency.as_slice(), self.rate.as_slice()) {
            ([], []) => [1, 8, 64].map(GridLoad::Concurrency).to_vec(),
            (concurrency, []) => concurrency.iter().copied().map(GridLoad::Concurrency).collect(),
            (_, rates) => rates.iter().map(|rate| GridLoad::RatePerSecond(rate.per_second())).collect(),
        };
        if (1..loads.len()).any(|place| loads[..place].contains(&loads[place])) {
            bail!("a load stands twice; give each once, and --repetitions for more of all");
        }
        if !(1..=1_000).contains(&self.repetitions) {
            bail!("--repetitions is {}; give a number from 1 to 1,000", self.repetitions);
        }
        let texts = Texts::Made { mix: Mix(Vec::new()), kind: self.text };
        Ok(SweepSpec {
            target: self.target.as_ref().map(ToString::to_string),
            server: self.target.is_none().then(|| self.server.record()),
            sizes: self.size.clone(),
            loads,
            repetitions: u32::try_from(self.repetitions).unwrap_or(u32::MAX),
            settings: Settings {
                duration: Some(self.duration),
                warm_up: self.warm_up,
                drain: self.drain,
                texts,
                ..self.client.settings(self.metadata.clone(), shares_machine)
            },
        })
    }

    fn plan(&self, point: Point, settings: &Settings) -> Result<Plan> {
        let load = match point.load {
            GridLoad::Concurrency(concurrency) => Load::Closed { concurrency },
            GridLoad::RatePerSecond(rate) => Load::Open {
                rates: Rates::One(rate),
                arrivals: Arrivals::Constant,
                max_in_flight: DEFAULT_MAX_IN_FLIGHT,
            },
        };
        let share = Share { message_bytes: ByteSize(point.message_bytes), weight: 1 };
        let texts = Texts::Made { mix: Mix(vec![share]), kind: self.text };
        let settings = Settings { load, texts, ..settings.clone() };
        Plan::new(settings).with_context(|| format!("there is no plan for {point}"))
    }
}

/// The limits whose both sides a ladder shows; none for a list.
fn limits_for(asked: &SweepSpec, driven: &Driven, stop: &Stop, events: &Events) -> Result<Option<Limits>> {
    let Sizes::Ladder(_, to) = asked.sizes else { return Ok(None) };
    let options = &asked.settings.options;
    let settings = limits::LimitsSettings {
        options: Options {
            metadata: options.metadata.clone(),
            max_send_message_size: options.max_send_message_size,
            max_recv_message_size: Limit::Bytes(options.max_recv_message_size.as_bytes()),
            ..Options::default()
        },
        up_to: to.min(DEFAULT_UP_TO),
    };
    match limits::find(&driven.located, &settings, stop, events) {
        // Not even the first probe was made.
        Err(limits::LimitsError::Interrupted) => Ok(None),
        limits => Ok(Some(limits?)),
    }
}
