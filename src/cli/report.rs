//! `plimsoll report`: a saved result, printed again.

use std::{fs::File, path::PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use super::{Format, OutputArguments, Status, to_stdout};
use crate::{
    report::{destination::Destination, json, text},
    summary::Summary,
};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReportArguments {
    /// A result that `plimsoll run -o FILE` wrote
    #[arg(value_name = "RESULT")]
    result: PathBuf,

    #[command(flatten)]
    output: OutputArguments,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll run -o result.json && plimsoll report result.json
  plimsoll report result.json -O json | jq .goodput";

pub(super) fn execute(arguments: &ReportArguments) -> Result<Status> {
    let path = &arguments.result;
    let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
    let summary = Summary::read(file).with_context(|| format!("cannot use `{}`", path.display()))?;
    if let Some(output) = &arguments.output.output {
        Destination::reserve(output)?.write(&summary)?;
    }
    to_stdout(|out| match arguments.output.format {
        Format::Text => text::write(&summary, out),
        Format::Json => json::write(&summary, out),
    })?;
    Ok(Status::Done)
}
