//! `plimsoll limits`: where each size limit bites.

use anyhow::{Result, bail};
use clap::Args;

use super::{
    output::OutputArguments,
    own_server::OwnServer,
    session::{self, Session},
    status::Status,
    values::MetadataParser,
    watch_flags::WatchFlags,
};
use crate::{
    cli::values::named,
    client::check_metadata,
    endpoint::Target,
    experiment::limits::{DEFAULT_UP_TO, Limits, LimitsError, LimitsSettings, State, find},
    load::{ClientKind, DEFAULT_MAX_RECV, Options, recv_limit},
    rpc::{Compression, format_data::LARGEST_MESSAGE, metadata::Pair},
    units::{ByteSize, Limit, grouped},
};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct LimitsArguments {
    /// The server, such as `localhost:8080`; left out, the reference server is started
    #[arg(value_name = "TARGET")]
    target: Option<Target>,

    /// The largest message that is really sent; a limit beyond it is found by prefix alone
    #[arg(long, value_name = "SIZE", default_value_t = ByteSize(DEFAULT_UP_TO))]
    up_to: ByteSize,

    /// Metadata of each call; `@FILE` reads the value from a file. Credentials are hidden in every result.
    /// Repeatable
    #[arg(short, long, value_name = "'NAME: VALUE | NAME: @FILE'", value_parser = MetadataParser)]
    metadata: Vec<Pair>,

    /// Also look which limits count compressed bytes, and which those that they stand for
    #[arg(long, value_parser = named::<Compression>(), value_name = "ENCODING", help_heading = "Client")]
    compress: Option<Compression>,

    /// Whose own limits are looked for: this program's, or those of an application built with tonic
    #[arg(long, value_parser = named::<ClientKind>(), value_name = "CLIENT", default_value = "lean", help_heading = "Client")]
    client: ClientKind,

    /// The client's own limit for requests, in message bytes
    #[arg(long, value_name = "SIZE", default_value = "unlimited", help_heading = "Client")]
    max_send_message_size: Limit,

    /// The client's own limit for replies, in message bytes [default: 4MiB]
    #[arg(long, value_name = "SIZE", help_heading = "Client")]
    max_recv_message_size: Option<Limit>,

    #[command(flatten)]
    server: OwnServer,

    #[command(flatten)]
    watch: WatchFlags,

    #[command(flatten, next_help_heading = "Result")]
    output: OutputArguments,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll limits localhost:8080                  # all limits that a call meets there
  plimsoll limits --up-to 200MiB localhost:8080   # send messages of up to 200 MiB to make sure
  plimsoll limits --client stub --max-send-message-size 1MiB
                                                  # what a tonic client does at its own limits
  plimsoll limits -O json | jq '.limits[] | {side, direction, limit_bytes, code}'

A server's limit for requests is found by gRPC's prefix, which claims a length: nothing is uploaded
until both sides of the edge are known. Then whole messages confirm it, up to --up-to. A proxy that
counts whole bodies lets any prefix through: its limit comes first, and the server's is shown behind it.

Exit status: 0 when each limit was found, or looked for as far as it could be; 2 when one is
unstable, or what it does to other calls is, or the server is gone; 130 when it was interrupted,
with what was found so far.";

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
            metadata: arguments.metadata.clone(),
            compression: arguments.compress,
            client,
            ..Options::default()
        },
        up_to: arguments.up_to.0,
    };
    check_metadata(&settings.options.metadata)?;
    let server = arguments.server.server(arguments.target.as_ref())?;
    let session = Session::begin(&arguments.output, &arguments.watch)?;
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
