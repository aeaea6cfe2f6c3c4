//! `plimsoll report`: a saved result, printed again.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::{
    output::{Format, OutputArguments, to_coloured_stdout, to_stdout},
    saved,
    status::Status,
    verdict_files::VerdictFiles,
};
use crate::{
    experiment::{
        compare::{self as comparison, Comparison},
        gate::{self, Verdict},
        interference::{self as neighbours, Interference},
        limits::{self as limits_found, Limits},
        sweep::{self as grid, Sweep},
    },
    report::{compare, interference, json, limits, sweep, text, verdict},
    result::summary::Summary,
};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReportArguments {
    /// A result that `plimsoll run`, `sweep`, `limits`, `compare` or `gate` wrote with `-o FILE`; `-` is stdin
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
  plimsoll report sweep.json                     # its table and heat maps, finished or not
  plimsoll report verdict.json --junit gate.xml  # a verdict for a CI service";

/// A result, by its schema.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Saved {
    Run(Box<Summary>),
    Sweep(Box<Sweep>),
    Limits(Box<Limits>),
    Interference(Box<Interference>),
    Comparison(Box<Comparison>),
    Verdict(Box<Verdict>),
}

/// What every result begins with.
#[derive(Debug, Deserialize)]
struct Schema {
    schema: String,
}

pub(super) fn execute(arguments: &ReportArguments) -> Result<Status> {
    let printed = arguments.files.printed_beside(&arguments.output)?;
    let path = &arguments.result;
    let file = saved::read(path)?;
    let saved = read(&file).with_context(|| format!("cannot use `{}`", path.display()))?;
    let mut failures = Vec::new();
    if let Some(flag) = arguments.files.given() {
        let Saved::Verdict(verdict) = &saved else {
            bail!("{flag} is for a verdict of `plimsoll gate`, and `{}` is another result", path.display());
        };
        failures.extend(arguments.files.reserve()?.write(verdict));
    }
    if let Some(destination) = arguments.output.reserve()? {
        destination.write(&saved)?;
    }
    match printed {
        None => {}
        Some(Format::Json) => to_stdout(|out| json::write(&saved, out))?,
        Some(Format::Text) => to_coloured_stdout(|out| match &saved {
            Saved::Run(summary) => text::write_coloured(summary, out),
            Saved::Sweep(sweep) => sweep::write_coloured(sweep, out),
            Saved::Limits(limits) => limits::write_coloured(limits, out),
            Saved::Interference(neighbours) => interference::write_coloured(neighbours, out),
            Saved::Comparison(comparison) => compare::write_coloured(comparison, out),
            Saved::Verdict(verdict) => verdict::write_coloured(verdict, out),
        })?,
    }
    Ok(Status::Done.despite(failures))
}

/// What is neither is read as a run: then the error says what it is, and what was expected.
fn read(file: &[u8]) -> Result<Saved> {
    let schema = serde_json::from_slice(file).map_or_else(|_| String::new(), |Schema { schema }| schema);
    Ok(match schema.as_str() {
        grid::SCHEMA => Saved::Sweep(Box::new(Sweep::read(file)?)),
        limits_found::SCHEMA => Saved::Limits(Box::new(Limits::read(file)?)),
        gate::SCHEMA => Saved::Verdict(Box::new(Verdict::read(file)?)),
        comparison::SCHEMA => Saved::Comparison(Box::new(Comparison::read(file)?)),
        neighbours::SCHEMA => Saved::Interference(Box::new(Interference::read(file)?)),
        _ => Saved::Run(Box::new(Summary::read(file)?)),
    })
}
