//! `plimsoll report`: prints a saved result again.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{
    history_flags::HistoryFlags,
    output::{OutputArguments, print_with},
    report_files::{ReportFiles, check_name},
    saved,
    session::Outputs,
    status::Status,
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
    reports: ReportFiles,

    #[command(flatten)]
    history: HistoryFlags,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll run -o result.json && plimsoll report result.json
  plimsoll report result.json -O json | jq .goodput
  plimsoll report sweep.json                     # table and heat maps, also of an unfinished sweep
  plimsoll report result.json --html page.html   # a page with charts: one file that opens anywhere
  plimsoll report result.json -O hgrm            # HdrHistogram's percentile distribution
  plimsoll report verdict.json --junit gate.xml  # a verdict for a CI service";

pub(super) fn execute(arguments: &ReportArguments) -> Result<Status> {
    check_name(arguments.output.output.as_deref())?;
    let path = &arguments.result;
    let file = saved::read(path)?;
    let saved = SavedDocument::read(&file).with_context(|| format!("cannot use `{}`", path.display()))?;
    let kind = saved.kind();
    let mut outputs = arguments.reports.outputs(&arguments.output, kind)?;
    outputs.also_writes("the file of --history", arguments.history.file())?;
    outputs.also_reads([("the document to read", path.as_path())])?;
    let history = arguments.history.reserve()?;
    let Outputs { destination, printed, files, .. } = outputs;
    let mut failures = Vec::new();
    if arguments.history.is_given() {
        let SavedDocument::Verdict(verdict) = &saved else {
            bail!(
                "--history is for a verdict of `plimsoll gate`, and `{}` is another result",
                path.display()
            );
        };
        failures.extend(history.write(verdict));
    }
    if let Some(destination) = destination {
        failures.extend(destination.write(&saved).err().map(anyhow::Error::from));
    }
    for (destination, format) in files {
        let written = destination.write_with(|out| saved.write(format, out));
        failures.extend(written.err().map(anyhow::Error::from));
    }
    if let Some(format) = printed {
        failures.extend(print_with(format, |out| saved.write(format, out)).err());
    }
    Ok(Status::Done.despite(failures))
}
