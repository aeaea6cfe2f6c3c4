//! `plimsoll report`: prints a saved result again.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{
    output::{OutputArguments, print_with},
    saved,
    status::Status,
    verdict_files::VerdictFiles,
};
use crate::report::SavedDocument;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReportArguments {
    /// Document of `plimsoll run`, `sweep`, `limits`, `interference`, `compare` or `gate`; `-` is stdin
    #[arg(value_name = "RESULT")]
    result: PathBuf,

    #[command(flatten)]
    output: OutputArguments,

    #[command(flatten)]
    files: VerdictFiles,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll run -o result.json && plimsoll report result.json
  plimsoll report result.json -O json | jq .goodput
  plimsoll report sweep.json                     # table and heat maps, also of an unfinished sweep
  plimsoll report verdict.json --junit gate.xml  # a verdict for a CI service";

pub(super) fn execute(arguments: &ReportArguments) -> Result<Status> {
    let printed = arguments.files.printed_beside(&arguments.output)?;
    let path = &arguments.result;
    let file = saved::read(path)?;
    let saved = SavedDocument::read(&file).with_context(|| format!("cannot use `{}`", path.display()))?;
    let mut failures = Vec::new();
    if let Some(flag) = arguments.files.given() {
        let SavedDocument::Verdict(verdict) = &saved else {
            bail!("{flag} is for a verdict of `plimsoll gate`, and `{}` is another result", path.display());
        };
        failures.extend(arguments.files.reserve()?.write(verdict));
    }
    if let Some(destination) = arguments.output.reserve()? {
        destination.write(&saved)?;
    }
    if let Some(format) = printed {
        print_with(format, |out| saved.write(format, out))?;
    }
    Ok(Status::Done.despite(failures))
}
