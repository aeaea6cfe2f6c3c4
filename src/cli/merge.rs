//! `plimsoll merge`: shards of one run, joined without loss.

use std::{
    fs,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{
    output::{OutputArguments, print},
    saved,
    session::first,
    status::Status,
    values::verdict,
};
use crate::{
    experiment::merge::Merging,
    result::{Objective, Rating, summary::Summary},
    view::line,
};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct MergeArguments {
    /// Results of `plimsoll run --shard`: files, folders with `.json` files, or `-` (a stream of results on standard
    /// input)
    #[arg(value_name = "FILE | DIR | -", required = true)]
    results: Vec<PathBuf>,

    /// Merge the shards that are there, if some are missing; the result has a warning
    #[arg(long)]
    partial: bool,

    /// Objective of the whole run, as with `plimsoll run`. Exit status 1 if it is missed. Repeatable
    #[arg(long = "assert", value_name = "EXPR", help_heading = "Result")]
    assertions: Vec<Objective>,

    /// Exit status 3 if the merged measurement is unsound; with `=disturbed`, also if other load disturbed it
    #[arg(
        long,
        value_name = "VERDICT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "unsound",
        value_parser = verdict(),
        help_heading = "Result"
    )]
    strict: Option<Rating>,

    /// Name of the merged result [default: the shards' name]
    #[arg(long, value_name = "NAME", help_heading = "Result")]
    label: Option<String>,

    #[command(flatten, next_help_heading = "Result")]
    output: OutputArguments,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll merge run/                                    # all .json files of a folder
  plimsoll merge run/*.json -o merged.json --assert 'p99<5ms'
  kubectl logs -l job-name=plimsoll --tail=-1 | plimsoll merge -
  plimsoll merge --partial run/                          # although shards are missing

Counts and histograms are added, and every figure is computed from the sums: a mean of percentiles is no percentile. Shards \
of another plan, seed, version or start are refused, and so is a shard that is there twice.

Exit status: as `plimsoll run`; 2 if shards are missing, without --partial.";

pub(super) fn execute(arguments: &MergeArguments) -> Result<Status> {
    let destination = arguments.output.reserve()?;
    let mut merging = Merging::default();
    for path in &arguments.results {
        if path == Path::new("-") {
            add_stream(&mut merging)?;
        } else if path.is_dir() {
            for file in files_of(path)? {
                add_file(&mut merging, &file)?;
            }
        } else {
            add_file(&mut merging, path)?;
        }
    }
    let merged = merging.finish(arguments.partial, arguments.label.clone(), &arguments.assertions)?;
    let written = destination.map_or(Ok(()), |destination| destination.write(&merged));
    let printed = print(&merged, arguments.output.format());
    first(written.err().map(anyhow::Error::from).into_iter().chain(printed.err()).collect())?;
    Ok(if merged.calls.outcomes.answered == 0 {
        bail!("no call of any shard was answered");
    } else if !merged.meets_objectives() {
        Status::Missed
    } else if arguments.strict.is_some_and(|worst| merged.soundness.verdict >= worst) {
        Status::Unsound
    } else {
        Status::Done
    })
}

/// Returns the results in a folder, in the order of their names.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let shown = folder.display();
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read the folder `{shown}`"))?;
    let paths: Result<Vec<PathBuf>, io::Error> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.with_context(|| format!("cannot read the folder `{shown}`"))?;
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "json") && path.is_file());
    paths.sort();
    if paths.is_empty() {
        bail!(
            "the folder `{shown}` has no .json file; name the folder of `plimsoll run -o 'DIR/{{shard}}.json'`"
        );
    }
    Ok(paths)
}

fn add_file(merging: &mut Merging, path: &Path) -> Result<()> {
    let name = path.display().to_string();
    let document = saved::read(path)?;
    let summary = Summary::read(&document[..]).with_context(|| format!("cannot use `{name}`"))?;
    Ok(merging.add(&name, &summary)?)
}

/// Adds the results of standard input. Lines between them, such as other output of a pod, are shown and counted.
fn add_stream(merging: &mut Merging) -> Result<()> {
    let mut text = Vec::new();
    BufReader::new(io::stdin().lock())
        .read_to_end(&mut text)
        .context("cannot read results from standard input")?;
    let (mut rest, mut number, mut skipped) = (&text[..], 0, 0);
    while !rest.trim_ascii_start().is_empty() {
        rest = rest.trim_ascii_start();
        let mut values =
            serde_json::Deserializer::from_slice(rest).into_iter::<&serde_json::value::RawValue>();
        match values.next() {
            Some(Ok(value)) if value.get().starts_with('{') => {
                number += 1;
                let name = format!("result {number} of standard input");
                let summary = Summary::read(value.get().as_bytes());
                merging.add(&name, &summary.with_context(|| format!("cannot use {name}"))?)?;
                rest = &rest[values.byte_offset()..];
            }
            _ => {
                let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
                if skipped < 10 {
                    line(&format!("no result: {}", String::from_utf8_lossy(&rest[..end]).trim_end()));
                }
                skipped += 1;
                rest = &rest[end..];
            }
        }
    }
    if skipped > 10 {
        line(&format!("{} further lines were no results", skipped - 10));
    }
    Ok(())
}
