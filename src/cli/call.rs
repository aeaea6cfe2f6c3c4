//! `plimsoll call`: one call.

use std::{
    io::{self, IsTerminal, Read},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueHint};
use serde_json::value::RawValue;

use super::{
    metadata_flags::MetadataFlags,
    method_flags::{Driven, MethodFlags},
    output::{OutputArguments, to_stdout},
    rehearsal::refuse_mistaken,
    status::Status,
    transport_flags::TransportFlags,
    values::read_text,
};
use crate::{
    cli::values::named,
    client::{self, Reply},
    endpoint::{Located, Target},
    load::{ClientKind, DEFAULT_MAX_RECV, Options, recv_limit},
    report::{Writable, formats::Format, reply},
    rpc::{Code, Compression, Difference, Expectation, Message, reply::difference},
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

    #[command(flatten)]
    method: MethodFlags,

    /// Print fields that hold their default too
    #[arg(long, requires = "method", help_heading = "Method")]
    emit_defaults: bool,

    #[command(flatten)]
    metadata: MetadataFlags,

    #[command(flatten)]
    transport: TransportFlags,

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
  plimsoll call localhost:50051 --method helloworld.Greeter/SayHello -d '{\"name\":\"x\"}'
                                                               # another method; prints the reply as JSON

Exit status: 0 if the status is OK, 2 otherwise.";

pub(super) fn execute(arguments: &CallArguments) -> Result<Status> {
    let text = match (arguments.method.is_given(), &arguments.text, &arguments.text_file) {
        (false, ..) => text(arguments)?,
        (true, None, None) => String::new(),
        (true, ..) => {
            bail!("a text is for example.FormatData/DoFormat; the request of another method is --data JSON")
        }
    };
    let destination = arguments.output.reserve()?;
    let located =
        arguments.target.locate_with(&arguments.transport.settings(&[&arguments.target], false)?)?;
    let client = arguments.client;
    let options = Options {
        max_send_message_size: arguments.max_send_message_size,
        max_recv_message_size: recv_limit(
            client,
            arguments.max_recv_message_size.unwrap_or(DEFAULT_MAX_RECV),
        )?,
        timeout: arguments.timeout,
        metadata: arguments.metadata.pairs()?,
        compression: arguments.compress,
        client,
        ..Options::default()
    };
    let (reply, wrong) = match arguments.method.driven(Some(&located), &arguments.metadata)? {
        None => (client::call(&located, &options, text)?, None),
        Some(driven) => other_method(&located, &options, &driven, arguments.emit_defaults)?,
    };
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
    if let Some(Difference { expected, got, .. }) = wrong.filter(|_| reply.is_ok()) {
        bail!("the reply is wrong: expected {expected}, got {got}");
    }
    if reply.is_ok() {
        return Ok(Status::Done);
    }
    refuse_mistaken(&located, &reply)?;
    bail!("the call ended with {}", reply.status);
}

/// Calls another method with the first message of the data.
fn other_method(
    target: &Located,
    options: &Options,
    driven: &Driven,
    emits_defaults: bool,
) -> Result<(Reply, Option<Difference>)> {
    let message = driven.only_message()?;
    let any = Message { expectation: Expectation::Any, ..message.clone() };
    let mut reply = client::call_method(target, options, &driven.method, &any)?;
    // A reply that does not decode as its type is told apart below.
    let wrong = reply.bytes.as_ref().and_then(|bytes| difference(&message, bytes));
    if let (Some(types), Some(bytes)) = (driven.method.types(), &reply.bytes) {
        match types
            .json_of_reply(bytes, emits_defaults)
            .and_then(|json| RawValue::from_string(json).map_err(|error| error.to_string()))
        {
            Ok(json) => reply.message = Some(json),
            Err(error) => reply.fail(Code::INTERNAL, error),
        }
    }
    Ok((reply, wrong))
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
