//! `plimsoll methods`: what can be called on a server, and with which request.

use anyhow::{Result, bail};
use clap::{Args, ValueHint};

use super::{
    metadata_flags::MetadataFlags,
    method_flags::SchemaFlags,
    output::{OutputArguments, print},
    session::first,
    status::Status,
    transport_flags::TransportFlags,
};
use crate::{
    endpoint::Target,
    report::Methods,
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

    #[command(flatten)]
    transport: TransportFlags,

    #[command(flatten)]
    output: OutputArguments,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll methods localhost:50051                              # what can be called
  plimsoll methods localhost:50051 helloworld.Greeter/SayHello  # its request, as JSON to start from
  plimsoll methods --proto rpc.proto -I protos                  # without a server
  plimsoll methods --protoset all.binpb shop.v1.Cart/Get
  plimsoll methods localhost:50051 shop.v1.Cart/Get -O json | jq .example > request.json";

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
    let destination = arguments.output.reserve()?;
    // A service alone lists its methods.
    let of_service = method.filter(|name| !name.contains('/'));
    let method = method.filter(|name| name.contains('/') || name.parse::<MethodName>().is_err());
    let method = method.map(|method| method.parse::<MethodName>()).transpose()?;
    let located = match target {
        Some(target) if !arguments.schema.has_files() => {
            let target = target.parse::<Target>()?;
            Some(target.locate_with(&arguments.transport.settings(&[&target], false)?)?)
        }
        _ => None,
    };
    let service = method.as_ref().map(|method| method.service.as_str());
    let schema = arguments.schema.schema(located.as_ref(), service, &arguments.metadata)?;
    let (method, listed) = of(&schema, method, of_service.map(String::as_str));
    let document = match method {
        Some(name) => Methods::of_one(&schema, &name)?,
        None => Methods::listed(listed),
    };
    let written = destination.map_or(Ok(()), |destination| destination.write(&document));
    let printed = print(&document, arguments.output.format());
    first(written.err().map(anyhow::Error::from).into_iter().chain(printed.err()).collect())?;
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
