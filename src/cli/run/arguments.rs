//! The flags of `plimsoll run`, as they are typed.

use std::{fs, path::PathBuf, str::FromStr, time::Duration};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use super::super::OutputArguments;
use crate::{
    environment::cores,
    objective::Objective,
    payload::{Mix, TextKind},
    plan::{
        ClientKind, DEFAULT_CONCURRENCY, DEFAULT_MAX_IN_FLIGHT, DEFAULT_MAX_RECV, Load, Pair, Rates,
        Settings, Texts, Workers,
    },
    schedule::{Arrivals, Stage},
    server,
    summary::ServerRecord,
    target::Target,
    units::{Count, Limit, Rate, parse_duration},
};

/// Worker threads of the server that a run starts: the default of `plimsoll serve`.
const SERVER_THREADS: usize = 4;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArguments {
    /// The server, such as `localhost:8080`; left out, the reference server is started for this run
    #[arg(value_name = "TARGET")]
    pub(super) target: Option<Target>,

    /// Closed loop: calls in flight, in total [default: 50]
    #[arg(short, long, value_name = "N", value_parser = count, help_heading = "Load")]
    concurrency: Option<u64>,

    /// Open loop: calls a second, in total, whatever the server does
    #[arg(short, long, alias = "rps", value_name = "RATE", help_heading = "Load")]
    rate: Option<Rate>,

    /// Open loop: how calls are spaced [default: constant]
    #[arg(long, value_name = "KIND", help_heading = "Load")]
    arrivals: Option<ArrivalsChoice>,

    /// Open loop that steps or ramps, in place of --rate and --duration; repeatable
    #[arg(long = "stage", value_name = "RATE:D | FROM..TO:D", help_heading = "Load")]
    stages: Vec<WrittenStage>,

    /// Open loop: over this many calls in flight, in total, a call is shed [default: 10k]
    #[arg(long, value_name = "N", value_parser = count, help_heading = "Load")]
    max_in_flight: Option<u64>,

    /// Stop after this many calls
    #[arg(short = 'n', long, value_name = "N", value_parser = count, help_heading = "Load")]
    calls: Option<u64>,

    /// Stop after this long [default: 10s, when --calls is not given either]
    #[arg(short = 'z', long, value_name = "D", value_parser = parse_duration, help_heading = "Load")]
    duration: Option<Duration>,

    /// Load before the measured window, thrown away
    #[arg(short, long, value_name = "D", value_parser = parse_duration, default_value = "1s", help_heading = "Load")]
    warm_up: Duration,

    /// How long calls in flight at the end are waited for
    #[arg(long, value_name = "D", value_parser = parse_duration, default_value = "5s", help_heading = "Load")]
    drain: Duration,

    /// Exact message bytes, one or a mix: `64`, `1KiB@90,5MiB@10` [default: 64]
    #[arg(short, long, value_name = "SIZE[@WEIGHT],...", help_heading = "Messages")]
    size: Option<Mix>,

    /// What the text is made of; `expanding` has a reply three times as long [default: ascii]
    #[arg(long, value_name = "KIND", help_heading = "Messages")]
    text: Option<TextChoice>,

    /// The text itself, in place of --size and --text
    #[arg(long, value_name = "FILE", help_heading = "Messages")]
    text_file: Option<PathBuf>,

    /// Metadata of each call; repeatable
    #[arg(short, long, value_name = "'NAME: VALUE'", value_parser = pair, help_heading = "Messages")]
    metadata: Vec<Pair>,

    /// Deadline of each call, also sent as `grpc-timeout` [default: none]
    #[arg(short, long, value_name = "D", value_parser = parse_duration, help_heading = "Client")]
    timeout: Option<Duration>,

    /// Connections, in total [default: one a worker]
    #[arg(long, value_name = "N", value_parser = count, help_heading = "Client")]
    connections: Option<u64>,

    /// Threads of the generator [default: cores, less one where the server is on this machine]
    #[arg(long, value_name = "N", value_parser = count, help_heading = "Client")]
    workers: Option<u64>,

    /// The client's own limit for requests, in message bytes [default: unlimited]
    #[arg(long, value_name = "SIZE", help_heading = "Client")]
    max_send_message_size: Option<Limit>,

    /// The client's own limit for replies, in message bytes; `unlimited` stands for 2 GiB-1, and for 256 MiB in
    /// the stub [default: 4MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Client")]
    max_recv_message_size: Option<Limit>,

    /// What makes the calls
    #[arg(long, value_name = "CLIENT", default_value = "lean", help_heading = "Client")]
    client: ClientChoice,

    /// How long the lean client looks for something to do before it blocks; it then uses a core, and a
    /// reply does not wait for one to wake up. Matters at low load
    #[arg(long, value_name = "D", value_parser = parse_duration, default_value = "0s", help_heading = "Client")]
    spin: Duration,

    /// Of arrivals and mixes: the same seed gives the same calls
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Client")]
    seed: u64,

    /// Threads of the server that this run starts [default: 4]
    #[arg(long, value_name = "N", value_parser = count, help_heading = "Own server (without TARGET)")]
    server_threads: Option<u64>,

    /// Its limit for requests, in message bytes [default: 4MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Own server (without TARGET)")]
    server_max_recv_message_size: Option<Limit>,

    /// Its limit for replies, in message bytes [default: unlimited]
    #[arg(long, value_name = "SIZE", help_heading = "Own server (without TARGET)")]
    server_max_send_message_size: Option<Limit>,

    /// Let request metadata ask it for delays, statuses and sizes, as `plimsoll serve --obey`
    #[arg(long, help_heading = "Own server (without TARGET)")]
    server_obey: bool,

    /// An objective, such as `p99<5ms`, `goodput>10k/s`, `refused==0`, `errors<0.1%`; repeatable.
    /// Exit status 1 when it is missed
    #[arg(long = "assert", value_name = "EXPR", help_heading = "Result")]
    pub(super) assertions: Vec<Objective>,

    /// Exit status 3 when the measurement is not sound
    #[arg(long, help_heading = "Result")]
    pub(super) strict: bool,

    /// A name for this run, kept in its result
    #[arg(long, value_name = "NAME", help_heading = "Result")]
    pub(super) label: Option<String>,

    #[command(flatten, next_help_heading = "Result")]
    pub(super) output: OutputArguments,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll run                               the reference server, 50 calls in flight for 10 s
  plimsoll run localhost:8080 -c 200 -z 30s  a server of yours, 200 calls in flight
  plimsoll run -r 5k --arrivals poisson      5,000 calls a second at random times
  plimsoll run --stage 1k:10s --stage 1k..20k:60s
                                             a step, then a ramp
  plimsoll run -s 1KiB@90,5MiB@10            a mix; 5 MiB is over the default limit
  plimsoll run -r 2k --assert 'p99<5ms' --assert refused==0 -o result.json

Sizes: 4194304, 64KiB, 4MiB (binary), 64kB (decimal). Durations: 250us, 10ms, 1.5s, 2m. Rates and
counts: 5000, 5k, 1M. A size is message bytes: the encoded protobuf message, without gRPC's 5-byte
prefix. That is what every size limit counts.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ArrivalsChoice {
    /// Evenly
    Constant,
    /// At random, as from many independent callers
    Poisson,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TextChoice {
    /// Letters, digits and spaces
    Ascii,
    /// A JSON command
    Json,
    /// Characters of one to four bytes
    Unicode,
    /// U+0390, which grows threefold when upper-cased
    Expanding,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(in super::super) enum ClientChoice {
    /// Our own HTTP/2 client, which costs as little as can be: measures the server
    Lean,
    /// Tonic's generated client: what an application built with tonic sees
    Stub,
}

impl From<ClientChoice> for ClientKind {
    fn from(choice: ClientChoice) -> Self {
        match choice {
            ClientChoice::Lean => Self::Lean,
            ClientChoice::Stub => Self::Stub,
        }
    }
}

/// A stage as it is written: `500:10s`, or `0..5k:1m`.
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
            // A pause, or the foot of a ramp.
            "0" => Ok(0.0),
            text => text.parse().map(Rate::per_second).map_err(|error| error.to_string()),
        };
        let (from, to) = rates.split_once("..").unwrap_or((rates, rates));
        Ok(Self(Stage { from_per_second: rate(from)?, to_per_second: rate(to)?, duration }))
    }
}

/// A count as it is written: `2000`, `10k`.
fn count(text: &str) -> Result<u64, String> {
    text.parse().map(|Count(count)| count).map_err(|error| error.to_string())
}

/// Metadata as it is written: `name: value`.
pub(in super::super) fn pair(text: &str) -> Result<Pair, String> {
    let (name, value) = text
        .split_once(':')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| format!("`{text}` is not metadata; write `name: value`, such as `ip: 127.0.0.1`"))?;
    let name = name.trim().to_ascii_lowercase();
    if name.starts_with("grpc-") || matches!(name.as_str(), "te" | "content-type" | "user-agent" | "host") {
        return Err(format!(
            "`{name}` belongs to gRPC itself; use another name, or --timeout for a deadline"
        ));
    }
    Ok(Pair { name, value: value.trim().to_owned() })
}

impl RunArguments {
    /// Whether the server will be on this machine for certain: it is this run's own.
    pub(super) fn server_is_local(&self) -> Result<bool> {
        let server_flags = [
            ("--server-threads", self.server_threads.is_some()),
            ("--server-max-recv-message-size", self.server_max_recv_message_size.is_some()),
            ("--server-max-send-message-size", self.server_max_send_message_size.is_some()),
            ("--server-obey", self.server_obey),
        ];
        match (&self.target, server_flags.iter().find(|(_, given)| *given)) {
            (Some(target), Some((flag, _))) => bail!(
                "{flag} is for the server that a run starts itself, and {target} is there already; leave out one of the two"
            ),
            _ => Ok(self.target.is_none()),
        }
    }

    pub(super) fn max_recv_message_size(&self) -> Limit {
        self.max_recv_message_size.unwrap_or(DEFAULT_MAX_RECV)
    }

    /// What was asked for. The default number of workers depends on whether the server needs cores
    /// of this machine too.
    pub(super) fn settings(&self, shares_machine: bool) -> Result<Settings> {
        let cores = cores();
        let free_cores = if shares_machine { cores.saturating_sub(1).max(1) } else { cores };
        let to_usize = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(Settings {
            load: self.load()?,
            calls: self.calls,
            duration: self.duration,
            warm_up: self.warm_up,
            drain: self.drain,
            texts: self.texts()?,
            timeout: self.timeout,
            metadata: self.metadata.clone(),
            connections: self.connections.map(to_usize),
            workers: self
                .workers
                .map_or(Workers::AtMost(free_cores), |workers| Workers::Exactly(to_usize(workers))),
            max_send_message_size: self.max_send_message_size.unwrap_or(Limit::Unlimited),
            max_recv_message_size: self.max_recv_message_size(),
            client: self.client.into(),
            spin: self.spin,
            seed: self.seed,
        })
    }

    fn load(&self) -> Result<Load> {
        let rates = match (self.rate, self.stages.as_slice()) {
            (None, []) => None,
            (Some(rate), []) => Some(Rates::One(rate.per_second())),
            (None, stages) => Some(Rates::Stages(stages.iter().map(|stage| stage.0).collect())),
            (Some(_), _) => bail!("--rate and --stage both say how many calls a second; give one of the two"),
        };
        let Some(rates) = rates else {
            for (flag, given) in
                [("--arrivals", self.arrivals.is_some()), ("--max-in-flight", self.max_in_flight.is_some())]
            {
                if given {
                    bail!("{flag} is about an open loop, and there is no rate; give --rate or --stage too");
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
            arrivals: match self.arrivals {
                None | Some(ArrivalsChoice::Constant) => Arrivals::Constant,
                Some(ArrivalsChoice::Poisson) => Arrivals::Poisson,
            },
            max_in_flight: self.max_in_flight.unwrap_or(DEFAULT_MAX_IN_FLIGHT),
        })
    }

    fn texts(&self) -> Result<Texts> {
        let Some(path) = &self.text_file else {
            let kind = match self.text {
                None | Some(TextChoice::Ascii) => TextKind::Ascii,
                Some(TextChoice::Json) => TextKind::Json,
                Some(TextChoice::Unicode) => TextKind::Unicode,
                Some(TextChoice::Expanding) => TextKind::Expanding,
            };
            let Texts::Made { mix, .. } = Settings::default().texts else {
                bail!("the default text is made")
            };
            return Ok(Texts::Made { mix: self.size.clone().unwrap_or(mix), kind });
        };
        for (flag, given) in [("--size", self.size.is_some()), ("--text", self.text.is_some())] {
            if given {
                bail!(
                    "{flag} describes a text to be made, and --text-file brings one; leave out one of the two"
                );
            }
        }
        Ok(Texts::Given { text: read_text(path)?, path: path.clone() })
    }

    /// How this run's own server is to be started.
    pub(super) fn server(&self) -> ServerRecord {
        let defaults = server::Config::default();
        ServerRecord {
            threads: self
                .server_threads
                .map_or(SERVER_THREADS, |threads| usize::try_from(threads).unwrap_or(usize::MAX)),
            max_recv_message_bytes: self
                .server_max_recv_message_size
                .unwrap_or(defaults.max_recv_message_size),
            max_send_message_bytes: self
                .server_max_send_message_size
                .unwrap_or(defaults.max_send_message_size),
            obey: self.server_obey,
        }
    }

    /// The same for the result; none when the server was there already.
    pub(super) fn server_record(&self) -> Option<ServerRecord> {
        self.target.is_none().then(|| self.server())
    }
}

/// A text from a file.
pub(in super::super) fn read_text(path: &PathBuf) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read the text of `{}`", path.display()))?;
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        anyhow::anyhow!(
            "`{}` is not UTF-8: its first wrong byte is number {offset}, counted from 0; a protobuf string must be UTF-8",
            path.display()
        )
    })
}
