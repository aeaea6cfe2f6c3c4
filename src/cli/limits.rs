//! `plimsoll limits`: finds each size limit.

use anyhow::{Result, bail};
use clap::{Args, ValueHint};

use super::{
    metadata_flags::MetadataFlags,
    output::OutputArguments,
    own_server::OwnServer,
    report_files::ReportFiles,
    session::{self, Session},
    status::Status,
    transport_flags::TransportFlags,
    watch_flags::WatchFlags,
};
use crate::{
    cli::values::named,
    client::check_metadata,
    endpoint::Target,
    experiment::limits::{Limits, LimitsError, LimitsSettings, State, find},
    load::{ClientKind, DEFAULT_MAX_RECV, Options, recv_limit},
    result::DocumentKind,
    rpc::{Compression, LARGEST_MESSAGE},
    units::{ByteSize, Limit, grouped},
};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct LimitsArguments {
    /// Server to test, such as `localhost:8080` [default: a reference server, started for this search]
    #[arg(value_name = "TARGET", value_hint = ValueHint::Hostname)]
    target: Option<Target>,

    /// Largest message to send whole; a limit above it is found by gRPC's prefix only
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    up_to: ByteSize,

    #[command(flatten)]
    metadata: MetadataFlags,

    /// Also find out whether each limit counts compressed or uncompressed bytes
    #[arg(long, value_parser = named::<Compression>(), value_name = "ENCODING", help_heading = "Client")]
    compress: Option<Compression>,

    /// Client whose limits are searched: the built-in client, or an application built with tonic
    #[arg(long, value_parser = named::<ClientKind>(), value_name = "CLIENT", default_value = "lean", help_heading = "Client")]
    client: ClientKind,

    /// Client's limit for requests, in message bytes
    #[arg(long, value_name = "SIZE", default_value = "unlimited", help_heading = "Client")]
    max_send_message_size: Limit,

    /// Client's limit for replies, in message bytes [default: 4MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Client")]
    max_recv_message_size: Option<Limit>,

    #[command(flatten)]
    transport: TransportFlags,

    #[command(flatten)]
    server: OwnServer,

    #[command(flatten)]
    watch: WatchFlags,

    #[command(flatten, next_help_heading = "Result")]
    output: OutputArguments,

    #[command(flatten)]
    reports: ReportFiles,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll limits localhost:8080                  # all limits of a call to this server
  plimsoll limits --up-to 200MiB localhost:8080   # confirm with messages of up to 200 MiB
  plimsoll limits --client stub --max-send-message-size 1MiB
                                                  # a tonic client at its own limits
  plimsoll limits -O json | jq '.limits[] | {side, direction, limit_bytes, code}'

A server's limit for requests is found by gRPC's prefix, which announces a length: nothing is uploaded until both sides \
of the edge are known. Whole messages then confirm it, up to --up-to. A proxy that counts whole bodies accepts any prefix: \
its limit is reported first, and the server's limit behind it.

Exit status: 0 if each limit was found or searched as far as possible; 2 if a limit, or its effect on other calls, is \
unstable, or the server is gone; 130 if interrupted, with the limits found so far.";

pub(super) fn execute(arguments: &LimitsArguments) -> Result<Status> {
    if arguments.up_to.0 > LARGEST_MESSAGE {
        bail!(
            "--up-to is {} bytes; {} at most, because no protobuf message is longer",
            grouped(arguments.up_to.0),
            grouped(LARGEST_MESSAGE)
        );
    }
    let client = arguments.client;
    let settings = LimitsSettings {
        options: Options {
            max_send_message_size: arguments.max_send_message_size,
            max_recv_message_size: recv_limit(
                client,
                arguments.max_recv_message_size.unwrap_or(DEFAULT_MAX_RECV),
            )?,
            metadata: arguments.metadata.pairs()?,
            compression: arguments.compress,
            client,
            ..Options::default()
        },
        up_to: arguments.up_to.0,
    };
    check_metadata(&settings.options.metadata)?;
    let outputs = arguments.reports.outputs(&arguments.output, DocumentKind::Limits)?;
    let server = arguments.server.server(arguments.target.as_ref(), &arguments.transport)?;
    let session = Session::begin(outputs, &arguments.watch, arguments.output.quiet)?;
    let driven = server.start()?;
    let limits = match find(&driven.located, &settings, &session.stop, &session.events) {
        Err(LimitsError::Interrupted) => return Ok(session.interrupted()),
        limits => limits?,
    };
    session::first(session.finish(&limits))?;
    status(&limits)
}

fn status(limits: &Limits) -> Result<Status> {
    if limits.interrupted {
        return Ok(Status::Interrupted);
    }
    if let Some(why) = &limits.ended_early {
        bail!("the search ended early: {why}");
    }
    if let Some(record) = limits.limits.iter().find(|record| record.state == State::Unstable) {
        let detail = record.detail.as_deref().unwrap_or("answers contradict each other");
        bail!("the {}'s limit for {}s is unstable: {detail}", record.side, record.direction);
    }
    let unstable = limits.limits.iter().find_map(|record| Some((record, record.survival_unstable.as_ref()?)));
    if let Some((record, words)) = unstable {
        bail!(
            "what the {}'s limit for {}s does to other calls is unstable: {words}",
            record.side,
            record.direction
        );
    }
    Ok(Status::Done)
}
