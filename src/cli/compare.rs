//! `plimsoll compare`: compares two results, or several results per side.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{
    output::{OutputArguments, is_stdout},
    report_files::ReportFiles,
    saved,
    status::Status,
};
use crate::{
    experiment::compare::Comparison,
    result::{DocumentKind, summary::Summary},
};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CompareArguments {
    /// Base: a result of `plimsoll run -o FILE`, or a folder with several results
    #[arg(value_name = "BASE")]
    base: PathBuf,

    /// Candidate: a result or a folder, to compare with the base
    #[arg(value_name = "CANDIDATE")]
    candidate: PathBuf,

    /// Compare results of different plans anyway
    #[arg(long)]
    allow_different_plans: bool,

    #[command(flatten)]
    output: OutputArguments,

    #[command(flatten)]
    reports: ReportFiles,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll compare before.json after.json        # one run per side
  plimsoll compare before/ after/                # several runs per side

  # To make such folders, interleave the runs:
  mkdir -p before after
  for i in 1 2 3 4 5; do
    plimsoll run localhost:8080 -q -o before/$i.json
    plimsoll run localhost:8081 -q -o after/$i.json
  done

A ratio is candidate / base. With one run per side, the interval reflects variation within those runs only (block \
bootstrap over seconds); run-to-run variation is often larger. With four or more runs per side, the interval comes from \
the exact rank-sum test over runs, and p-values are adjusted for the number of figures (Holm).

Exit status: 0 if the results could be compared, even if they differ; 2 otherwise. To fail on a difference, use \
`plimsoll gate`, or `plimsoll run --assert`.";

pub(super) fn execute(arguments: &CompareArguments) -> Result<Status> {
    let mut outputs = arguments.reports.outputs(&arguments.output, DocumentKind::Comparison)?;
    let sides = [("the base", arguments.base.as_path()), ("the candidate", arguments.candidate.as_path())];
    outputs.also_reads(sides)?;
    let (base, candidate) = (read(&arguments.base)?, read(&arguments.candidate)?);
    let comparison = Comparison::new(&base, &candidate, arguments.allow_different_plans)?;
    Ok(Status::Done.despite(outputs.write(&comparison)))
}

/// Reads the result in a file, or the results in a folder, sorted by name.
fn read(path: &Path) -> Result<Vec<Summary>> {
    let one = |path: &Path| -> Result<Summary> {
        let file = saved::read(path)?;
        Summary::read(file.as_slice()).with_context(|| format!("cannot use `{}`", path.display()))
    };
    if is_stdout(Some(path)) || !path.is_dir() {
        return Ok(vec![one(path)?]);
    }
    let entries = fs::read_dir(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    if files.is_empty() {
        bail!(
            "`{}` has no file that ends with .json; results are written with `plimsoll run -o FILE`",
            path.display()
        );
    }
    files.iter().map(|file| one(file)).collect()
}
