//! `plimsoll call`: one call.

use std::{
    io::{self, IsTerminal, Read},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueHint};

use super::{
    output::{OutputArguments, to_stdout},
    status::Status,
    values::{MetadataParser, read_text},
};
use crate::{
    cli::values::named,
    client::{self, Reply},
    endpoint::Target,
    load::{ClientKind, DEFAULT_MAX_RECV, Options, recv_limit},
    report::{Writable, formats::Format, reply},
    rpc::{Compression, metadata::Pair},
    units::{Limit, parse_duration},
};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CallArguments {
    /// Server to call
    #[arg(value_name = "TARGET", value_hint = ValueHint::Hostname, default_value = "localhost:8080")]
    target: Target,

    /// Text to send [default: read from standard input]
    #[arg(value_name = "TEXT", conflicts_with = "text_file")]
    text: Option<String>,

    /// File with the text to send
    #[arg(long, value_name = "FILE")]
    text_file: Option<PathBuf>,

    /// Also print initial metadata, trailers, status and time, on stderr
    #[arg(short, long)]
    verbose: bool,

    /// Metadata to send; `@FILE` reads the value from a file. Outputs hide credentials. Repeatable
    #[arg(short, long, value_name = "'NAME: VALUE | NAME: @FILE'", value_parser = MetadataParser)]
    metadata: Vec<Pair>,

    /// Deadline of the call; sent to the server as `grpc-timeout` [default: none]
    #[arg(short, long, value_name = "D", value_parser = parse_duration)]
    timeout: Option<Duration>,

    /// Client's limit for the request, in message bytes
    #[arg(long, value_name = "SIZE", default_value = "unlimited")]
    max_send_message_size: Limit,

    /// Client's limit for the reply, in message bytes; `unlimited` means 2 GiB-1, and 256 MiB with the stub client
    /// [default: 4MiB]
    #[arg(long, value_name = "SIZE")]
    max_recv_message_size: Option<Limit>,

    /// Compress the request, and accept a compressed reply [default: no compression]
    #[arg(long, value_parser = named::<Compression>(), value_name = "ENCODING")]
    compress: Option<Compression>,

    /// HTTP/2 client that makes the call
    #[arg(long, value_parser = named::<ClientKind>(), value_name = "CLIENT", default_value = "lean")]
    client: ClientKind,

    #[command(flatten)]
    output: OutputArguments,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll call localhost:8080 'hello,world!'                  # prints HELLO,WORLD!
  plimsoll call -v -m 'ip: 127.0.0.1' localhost:8080 hello     # shows the returned metadata
  plimsoll call localhost:8080 < command.json                  # the text from standard input
  plimsoll call -t 100ms localhost:8080 hello                  # with a deadline

Exit status: 0 if the status is OK, 2 otherwise.";

pub(super) fn execute(arguments: &CallArguments) -> Result<Status> {
    let text = text(arguments)?;
    let destination = arguments.output.reserve()?;
    let located = arguments.target.locate()?;
    let client = arguments.client;
    let options = Options {
        max_send_message_size: arguments.max_send_message_size,
        max_recv_message_size: recv_limit(
            client,
            arguments.max_recv_message_size.unwrap_or(DEFAULT_MAX_RECV),
        )?,
        timeout: arguments.timeout,
        metadata: arguments.metadata.clone(),
        compression: arguments.compress,
        client,
        ..Options::default()
    };
    let reply: Reply = client::call(&located, &options, text)?;
    if let Some(destination) = destination {
        destination.write(&reply)?;
    }
    let format = arguments.output.format();
    if format == Format::Text && arguments.verbose {
        reply::details(&reply, anstream::stderr().lock())?;
    }
    // Without a terminal, the text is printed unchanged, byte by byte.
    to_stdout(|out| match format {
        Format::Text if io::stdout().is_terminal() => reply::write_to_terminal(&reply, out),
        _ => reply.write(format, out),
    })?;
    if reply.is_ok() {
        return Ok(Status::Done);
    }
    bail!("the call ended with {}", reply.status);
}

fn text(arguments: &CallArguments) -> Result<String> {
    if let Some(text) = &arguments.text {
        return Ok(text.clone());
    }
    if let Some(path) = &arguments.text_file {
        return read_text(path);
    }
    if io::stdin().is_terminal() {
        bail!(
            "no text was given; write it after the target, such as `plimsoll call {} 'hello,world!'`, or pipe it in",
            arguments.target
        );
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).context("cannot read the text from standard input")?;
    Ok(text)
}
