//! `plimsoll methods`: what can be called on a server, and with which request.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use clap::{Args, ValueHint};
use serde_json::json;

use super::{
    metadata_flags::MetadataFlags, method_flags::SchemaFlags, output::to_stdout, status::Status,
    values::one_of,
};
use crate::{
    endpoint::Target,
    report::{Format, outside::in_lines},
    rpc::{
        MethodName,
        schema::{MethodEntry, Schema},
    },
};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct MethodsArguments {
    /// Server to ask by reflection; not needed with --proto or --protoset
    #[arg(value_name = "TARGET", value_hint = ValueHint::Hostname)]
    target: Option<String>,

    /// Method to describe: its request as JSON to start from, and the fields that can grow; or service to list
    #[arg(value_name = "PKG.SERVICE/METHOD")]
    method: Option<String>,

    #[command(flatten)]
    schema: SchemaFlags,

    #[command(flatten)]
    metadata: MetadataFlags,

    /// Format on stdout [default: text]
    #[arg(short = 'O', long, value_name = "FORMAT", value_parser = one_of(&[Format::Text, Format::Json]))]
    format: Option<Format>,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll methods localhost:50051                              # what can be called
  plimsoll methods localhost:50051 helloworld.Greeter/SayHello  # its request, as JSON to start from
  plimsoll methods --proto rpc.proto -I protos                  # without a server
  plimsoll methods --protoset all.binpb shop.v1.Cart/Get";

pub(super) fn execute(arguments: &MethodsArguments) -> Result<Status> {
    let (target, method) = match (&arguments.target, &arguments.method) {
        // With a schema from files, the only word may be the method.
        (Some(only), None) if arguments.schema.has_files() && only.parse::<MethodName>().is_ok() => {
            (None, Some(only))
        }
        (target, method) => (target.as_ref(), method.as_ref()),
    };
    if target.is_none() && !arguments.schema.has_files() {
        bail!(
            "name the server to ask, such as `plimsoll methods localhost:50051`, or give --proto or --protoset"
        );
    }
    // A service alone lists its methods.
    let of_service = method.filter(|name| !name.contains('/'));
    let method = method.filter(|name| name.contains('/') || name.parse::<MethodName>().is_err());
    let method = method.map(|method| method.parse::<MethodName>()).transpose()?;
    let located = match target {
        Some(target) if !arguments.schema.has_files() => Some(target.parse::<Target>()?.locate()?),
        _ => None,
    };
    let service = method.as_ref().map(|method| method.service.as_str());
    let schema = arguments.schema.schema(located.as_ref(), service, &arguments.metadata.pairs()?)?;
    let (method, listed) = of(&schema, method, of_service.map(String::as_str));
    let is_json = arguments.format == Some(Format::Json);
    let text = match &method {
        None if is_json => json_list(&listed),
        None => list(&listed),
        Some(name) => {
            let types = schema.types_of(name)?;
            if is_json {
                types.request_skeleton() + "\n"
            } else {
                let mut text = format!(
                    "{name}\n  request    {}\n  reply      {}\n",
                    types.request_name(),
                    types.reply_name()
                );
                let growable = types.growable_fields();
                if !growable.is_empty() {
                    let _ = writeln!(text, "  can grow   {}", growable.join(", "));
                }
                let _ = writeln!(text, "\n{}", types.request_skeleton());
                text
            }
        }
    };
    // Names of a server's services may be anything.
    let text = if is_json { text } else { in_lines(&text) };
    to_stdout(|out| out.write_all(text.as_bytes()))?;
    Ok(Status::Done)
}

/// Returns the method to describe, or the methods to list: of one service if it is a service that was named.
fn of(
    schema: &Schema,
    method: Option<MethodName>,
    named: Option<&str>,
) -> (Option<MethodName>, Vec<MethodEntry>) {
    let mut all = schema.methods();
    if let Some(named) = named {
        let of_service: Vec<MethodEntry> =
            all.iter().filter(|entry| entry.service == named).cloned().collect();
        if of_service.is_empty() {
            return (named.parse().ok(), all);
        }
        all = of_service;
    }
    (method, all)
}

fn list(methods: &[MethodEntry]) -> String {
    let mut text = String::new();
    let mut service = "";
    for method in methods {
        if method.service != service {
            let gap = if service.is_empty() { "" } else { "\n" };
            service = &method.service;
            let _ = writeln!(text, "{gap}{service}");
        }
        let stream = |streams: bool| if streams { "stream " } else { "" };
        let _ = writeln!(
            text,
            "  {}({}{}) returns ({}{})",
            method.method,
            stream(method.streams_requests),
            method.request,
            stream(method.streams_replies),
            method.reply
        );
    }
    if text.is_empty() { "no methods\n".to_owned() } else { text }
}

fn json_list(methods: &[MethodEntry]) -> String {
    let entry = |method: &MethodEntry| {
        json!({
            "service": method.service, "method": method.method, "request": method.request, "reply": method.reply,
            "streams_requests": method.streams_requests, "streams_replies": method.streams_replies,
        })
    };
    let list: Vec<_> = methods.iter().map(entry).collect();
    serde_json::to_string_pretty(&list).unwrap_or_default() + "\n"
}
