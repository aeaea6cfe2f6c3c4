//! Flags of `plimsoll run` and `plimsoll interference`.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use anyhow::{Result, bail};
use clap::{Args, ValueHint};

use super::part::{ShardAt, StartAt, shard_at, start_at};
use crate::{
    cli::{
        client_flags::ClientFlags,
        metadata_flags::MetadataFlags,
        method_flags::{Driven, MethodFlags},
        output::OutputArguments,
        own_server::OwnServer,
        report_files::ReportFiles,
        transport_flags::TransportFlags,
        values::{count, named, read_text, verdict},
        watch_flags::WatchFlags,
    },
    endpoint::Target,
    load::{Arrivals, DEFAULT_CONCURRENCY, DEFAULT_MAX_IN_FLIGHT, Load, Mix, Rates, Settings, Stage, Texts},
    result::{Objective, Rating},
    rpc::format_data::TextKind,
    units::{Rate, parse_duration},
};

/// The load and the server of a command that drives one plan.
#[derive(Debug, Args)]
pub(crate) struct LoadArguments {
    /// Server to test, such as `localhost:8080` [default: a reference server, started for this run]
    #[arg(value_name = "TARGET", value_hint = ValueHint::Hostname)]
    pub(super) target: Option<Target>,

    /// Closed loop (virtual users): calls in flight in total [default: 50]
    #[arg(short, long, value_name = "N", value_parser = count, help_heading = "Load")]
    concurrency: Option<u64>,

    /// Open loop (arrival rate): calls per second in total, independent of the server's speed
    #[arg(short, long, alias = "rps", value_name = "RATE", help_heading = "Load")]
    rate: Option<Rate>,

    /// Open loop: spacing of calls [default: constant]
    #[arg(long, value_name = "KIND", value_parser = named::<Arrivals>(), help_heading = "Load")]
    arrivals: Option<Arrivals>,

    /// Open loop: a step or a ramp, instead of --rate and --duration; repeatable
    #[arg(long = "stage", value_name = "RATE:D | FROM..TO:D", help_heading = "Load")]
    stages: Vec<WrittenStage>,

    /// Open loop: maximum of calls in flight in total; further calls are shed (not sent, but counted) [default: 10k]
    #[arg(long, value_name = "N", value_parser = count, help_heading = "Load")]
    max_in_flight: Option<u64>,

    /// Stop after this number of calls
    #[arg(short = 'n', long, value_name = "N", value_parser = count, help_heading = "Load")]
    calls: Option<u64>,

    /// Stop after this time [default: 10s, without --calls]
    #[arg(short = 'z', long, value_name = "D", value_parser = parse_duration, help_heading = "Load")]
    duration: Option<Duration>,

    /// Load before the measured window; its calls are in no figure
    #[arg(short, long, value_name = "D", value_parser = parse_duration, default_value = "1s", help_heading = "Load")]
    warm_up: Duration,

    /// Time to wait for calls in flight at the end; later ones are unfinished
    #[arg(long, value_name = "D", value_parser = parse_duration, default_value = "5s", help_heading = "Load")]
    drain: Duration,

    /// Exact message size in bytes, or a mix with weights: `64`, `1KiB@90,5MiB@10` [default: 64]
    #[arg(short, long, value_name = "SIZE[@WEIGHT],...", help_heading = "Messages")]
    size: Option<Mix>,

    /// Content of the text; `expanding` gives a reply three times as long [default: ascii]
    #[arg(long, value_name = "KIND", value_parser = named::<TextKind>(), help_heading = "Messages")]
    text: Option<TextKind>,

    /// File with the text to send, instead of --size and --text
    #[arg(long, value_name = "FILE", help_heading = "Messages")]
    text_file: Option<PathBuf>,

    #[command(flatten, next_help_heading = "Messages")]
    pub(super) metadata: MetadataFlags,

    #[command(flatten)]
    pub(super) client: ClientFlags,

    #[command(flatten)]
    pub(super) transport: TransportFlags,

    #[command(flatten)]
    pub(super) server: OwnServer,

    /// Exit status 3 if the measurement is unsound; with `=disturbed`, also if other load or stolen cores disturbed it
    #[arg(
        long,
        value_name = "VERDICT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "unsound",
        value_parser = verdict(),
        help_heading = "Result"
    )]
    pub(crate) strict: Option<Rating>,

    /// Name of this run, stored in its result
    #[arg(long, value_name = "NAME", help_heading = "Result")]
    pub(super) label: Option<String>,

    #[command(flatten)]
    pub(super) watch: WatchFlags,

    #[command(flatten, next_help_heading = "Result")]
    pub(super) output: OutputArguments,

    #[command(flatten)]
    pub(super) reports: ReportFiles,
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(super) load: LoadArguments,

    #[command(flatten)]
    pub(super) method: MethodFlags,

    /// Objective (SLO, threshold), such as `p99<5ms`, `goodput>10k/s`, `refused==0`, `errors<0.1%`. Exit status 1 if it
    /// is missed. Repeatable
    #[arg(long = "assert", value_name = "EXPR", help_heading = "Result")]
    pub(super) assertions: Vec<Objective>,

    /// Start of the measured window on the wall clock: RFC 3339 with a zone, `+20s`, or `@FILE` with an instant in it.
    /// Connections and the warm-up come before it. Exit status 2 if there is no time for them [default: at once]
    #[arg(long, value_name = "INSTANT | +D | @FILE", value_parser = start_at, conflicts_with = "with_and_without_refused", help_heading = "Load")]
    pub(super) start_at: Option<StartAt>,

    /// Part of a run that several processes share: `2/8` is the third of eight; `auto` asks the launcher (Slurm, MPI,
    /// an Indexed Job; `auto/8` if it does not tell the number). `plimsoll merge` joins the results
    #[arg(long, value_name = "I/N | auto | auto/N", value_parser = shard_at, conflicts_with = "with_and_without_refused", help_heading = "Load")]
    pub(super) shard: Option<ShardAt>,

    /// Longest wait for an instant in the file of --start-at, once all connections stand
    #[arg(long, value_name = "D", value_parser = parse_duration, requires = "start_at", default_value = "10m", help_heading = "Load")]
    pub(super) start_wait: Duration,

    /// Alias of `plimsoll interference`: alternate the full mix and the mix without its refused sizes
    #[arg(long, conflicts_with = "assertions", help_heading = "Result")]
    pub(super) with_and_without_refused: bool,

    /// Number of rounds; each runs both mixes
    #[arg(long, value_name = "N", value_parser = count, default_value = "3", requires = "with_and_without_refused", help_heading = "Result")]
    pub(super) rounds: u64,
}

#[derive(Debug, Args)]
#[command(after_help = INTERFERENCE_EXAMPLES)]
pub(crate) struct InterferenceArguments {
    #[command(flatten)]
    pub(super) load: LoadArguments,

    /// Number of rounds; each runs both mixes
    #[arg(long, value_name = "N", value_parser = count, default_value = "3", help_heading = "Result")]
    pub(super) rounds: u64,
}

const INTERFERENCE_EXAMPLES: &str = "\
Examples:
  plimsoll interference -s 1KiB@95,5MiB@5 -r 2k   # do refused 5 MiB calls slow the 1 KiB calls down?
  plimsoll interference localhost:8080 -s 1KiB@99,8MiB@1 -r 500 --rounds 5 -o result.json

Needs a rate (--rate or --stage) and a mix with refused and accepted sizes. Each round runs the full mix, and the same \
mix without the refused sizes at the same rate.";

const EXAMPLES: &str = "\
Examples:
  plimsoll run                               # the reference server, 50 calls in flight for 10 s
  plimsoll run localhost:8080 -c 200 -z 30s  # your server, 200 calls in flight
  plimsoll run -r 5k --arrivals poisson      # 5,000 calls per second at random times
  plimsoll run --stage 1k:10s --stage 1k..20k:60s
                                             # a step, then a ramp
  plimsoll run -s 1KiB@90,5MiB@10            # a mix; 5 MiB is over the default limit
  plimsoll run -r 2k --assert 'p99<5ms' --assert refused==0 -o result.json
  plimsoll run -r 2k --html page.html        # a page with charts: one file that opens anywhere
  plimsoll run -r 5k --start-at 2026-11-30T12:00:05Z
                                             # the measured window starts at this instant
  plimsoll run localhost:8080 -r 40k --shard 0/4 --start-at 2026-11-30T12:00:05Z -o 'run/{shard}.json'
                                             # one of four processes; plimsoll merge run/
  plimsoll run https://localhost:8443 --cacert ca.pem
                                             # over TLS; mTLS with --cert and --key
  plimsoll run unix:/run/app.sock            # at a Unix socket
  plimsoll run localhost:50051 --method helloworld.Greeter/SayHello -d '{\"name\":\"x\"}'
                                             # any unary method; its schema by reflection
  plimsoll run localhost:2379 --method etcdserverpb.KV/Range --proto rpc.proto -I protos -d @keys.ndjson
                                             # one message of the file for each call

Sizes: 4194304, 64KiB, 4MiB (binary), 64kB (decimal). Durations: 250us, 10ms, 1.5s, 2m. Rates and counts: 5000, 5k, \
1M, 1e6. A size is the length of the encoded protobuf message, without gRPC's 5-byte prefix; size limits count the same \
bytes.";

/// A stage in the syntax of the command line: `500:10s`, or `0..5k:1m`.
#[derive(Debug, Clone, Copy)]
struct WrittenStage(Stage);

impl FromStr for WrittenStage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || {
            format!(
                "`{text}` is not a stage; write RATE:DURATION or FROM..TO:DURATION, such as `500:10s` or `0..5k:1m`"
            )
        };
        let (rates, duration) = text.split_once(':').ok_or_else(form)?;
        let duration = parse_duration(duration).map_err(|error| error.to_string())?;
        let rate = |text: &str| match text.trim() {
            // A pause, or the start of a ramp.
            "0" => Ok(0.0),
            text => text.parse().map(Rate::per_second).map_err(|error| error.to_string()),
        };
        let (from, to) = rates.split_once("..").unwrap_or((rates, rates));
        Ok(Self(Stage { from_per_second: rate(from)?, to_per_second: rate(to)?, duration }))
    }
}

impl LoadArguments {
    /// Files that the flags name.
    pub(super) fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let text = self.text_file.as_deref().map(|path| ("the text to send", path));
        text.into_iter().chain(self.metadata.file()).chain(self.transport.files())
    }

    /// Returns settings from these flags. The default number of workers depends on whether the server needs
    /// cores of this machine too.
    pub(super) fn settings(&self, shares_machine: bool) -> Result<Settings> {
        Ok(Settings {
            load: self.load()?,
            calls: self.calls,
            duration: self.duration,
            warm_up: self.warm_up,
            drain: self.drain,
            texts: self.texts()?,
            ..self.client.settings(self.metadata.pairs()?, shares_machine)
        })
    }

    /// Puts another method and its messages into the settings.
    pub(super) fn with_method(&self, settings: Settings, driven: Option<Driven>) -> Result<Settings> {
        let Some(Driven { method, texts }) = driven else { return Ok(settings) };
        for (flag, given) in [
            ("--size", self.size.is_some()),
            ("--text", self.text.is_some()),
            ("--text-file", self.text_file.is_some()),
        ] {
            if given {
                bail!(
                    "{flag} makes texts for example.FormatData/DoFormat without --method; with it, requests come from --data or --data-binary as they are; leave out {flag}"
                );
            }
        }
        Ok(Settings { method, texts, ..settings })
    }

    fn load(&self) -> Result<Load> {
        let rates = match (self.rate, self.stages.as_slice()) {
            (None, []) => None,
            (Some(rate), []) => Some(Rates::One(rate.per_second())),
            (None, stages) => Some(Rates::Stages(stages.iter().map(|stage| stage.0).collect())),
            (Some(_), _) => bail!("--rate and --stage both set the calls per second; use one of the two"),
        };
        let Some(rates) = rates else {
            for (flag, given) in
                [("--arrivals", self.arrivals.is_some()), ("--max-in-flight", self.max_in_flight.is_some())]
            {
                if given {
                    bail!("{flag} needs an open loop; give --rate or --stage too");
                }
            }
            return Ok(Load::Closed { concurrency: self.concurrency.unwrap_or(DEFAULT_CONCURRENCY) });
        };
        if let Some(concurrency) = self.concurrency {
            bail!(
                "--concurrency {concurrency} makes a closed loop and a rate makes an open one; leave out one of the two, or bound the calls in flight of the open loop with --max-in-flight {concurrency}"
            );
        }
        Ok(Load::Open {
            rates,
            arrivals: self.arrivals.unwrap_or(Arrivals::Constant),
            max_in_flight: self.max_in_flight.unwrap_or(DEFAULT_MAX_IN_FLIGHT),
        })
    }

    fn texts(&self) -> Result<Texts> {
        let Some(path) = &self.text_file else {
            let kind = self.text.unwrap_or(TextKind::Ascii);
            let Texts::Made { mix, .. } = Settings::default().texts else {
                bail!("the default text is made")
            };
            return Ok(Texts::Made { mix: self.size.clone().unwrap_or(mix), kind });
        };
        for (flag, given) in [("--size", self.size.is_some()), ("--text", self.text.is_some())] {
            if given {
                bail!(
                    "{flag} describes a generated text, but --text-file gives a text; leave out one of the two"
                );
            }
        }
        Ok(Texts::Given { text: read_text(path)?, path: path.clone() })
    }
}
