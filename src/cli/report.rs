//! `plimsoll report`: a saved result, printed again.

use std::{fs::File, path::PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use super::{OutputArguments, Status, print};
use crate::{report::destination::Destination, summary::Summary};

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
    print(&summary, arguments.output.format)?;
    Ok(Status::Done)
}
