//! `plimsoll merge`: shards of one run, joined without loss.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{
    output::{OutputArguments, is_stdout},
    report_files::ReportFiles,
    result_stream::{self, Part},
    saved,
    session::{Outputs, first},
    status::Status,
    values::verdict,
    watch_flags::WatchFlags,
};
use crate::{
    engine::{Event, Events},
    experiment::merge::Merging,
    result::{DocumentKind, Objective, Rating},
    view::line,
};

/// Most lines of standard input that are shown because they are no results.
const MOST_SHOWN: usize = 10;

/// Most characters of such a line that are shown.
const MOST_CHARACTERS: usize = 200;

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

    #[command(flatten)]
    reports: ReportFiles,

    #[command(flatten)]
    watch: WatchFlags,
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
    let mut outputs = arguments.reports.outputs(&arguments.output, DocumentKind::Summary)?;
    outputs.also_writes("the file of --events", arguments.watch.events.as_deref())?;
    let (events, view) = arguments.watch.watch(arguments.output.quiet)?;
    let mut input = Input { merging: Merging::default(), results: 0, of: None, events, others: Vec::new() };
    let read = input.read(&arguments.results, arguments.output.output.as_deref(), &mut outputs);
    let Input { merging, events, others, .. } = input;
    view.finish(events);
    for other in others.iter().take(MOST_SHOWN) {
        line(&format!("no result: {other}"));
    }
    if others.len() > MOST_SHOWN {
        line(&format!("{} further lines were no results", others.len() - MOST_SHOWN));
    }
    read?;
    let merged = merging.finish(arguments.partial, arguments.label.clone(), &arguments.assertions)?;
    first(outputs.write(&merged))?;
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

/// The results, as they are read one after the other.
struct Input {
    merging: Merging,
    /// Number of results so far.
    results: usize,
    /// Number of results to read; `None` with a stream.
    of: Option<usize>,
    events: Events,
    /// Parts of a stream that are no results. Only the first ones have a text.
    others: Vec<String>,
}

impl Input {
    /// Reads all results. An earlier merged result in a folder of shards is left out.
    fn read(&mut self, paths: &[PathBuf], output: Option<&Path>, outputs: &mut Outputs) -> Result<()> {
        let mut files = Vec::new();
        for path in paths {
            if path.is_dir() {
                files.extend(files_of(path, output)?);
            } else {
                files.push(path.clone());
            }
        }
        outputs.also_reads(files.iter().map(|file| ("a shard to read", file.as_path())))?;
        let has_stream = files.iter().any(|path| is_stdout(Some(path)));
        self.of = (!has_stream).then_some(files.len());
        for path in &files {
            if is_stdout(Some(path)) {
                self.stream().context("cannot merge the results of standard input")?;
            } else {
                self.merging.add(&path.display().to_string(), &saved::read(path)?)?;
                self.count();
            }
        }
        Ok(())
    }

    /// Adds the results of standard input. Lines between them, such as other output of a pod, are kept.
    fn stream(&mut self) -> Result<()> {
        result_stream::read(io::stdin().lock(), |part| {
            let other = match part {
                Part::Other(text) => text,
                Part::Object(document) => {
                    let name = format!("result {} of standard input", self.results + 1);
                    match self.merging.add(&name, &document) {
                        // Other programs write JSON to logs too.
                        Err(error) if error.is_foreign() => String::from_utf8_lossy(&document).into_owned(),
                        added => {
                            self.count();
                            return Ok::<_, anyhow::Error>(added?);
                        }
                    }
                }
            };
            let shown = if self.others.len() < MOST_SHOWN { MOST_CHARACTERS } else { 0 };
            self.others.push(other.chars().take(shown).collect());
            Ok(())
        })
    }

    fn count(&mut self) {
        self.results += 1;
        self.events.send(|| Event::Merged { results: self.results, of: self.of });
    }
}

/// Returns the results in a folder, in the order of their names.
fn files_of(folder: &Path, output: Option<&Path>) -> Result<Vec<PathBuf>> {
    let shown = folder.display();
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read the folder `{shown}`"))?;
    let paths: Result<Vec<PathBuf>, io::Error> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.with_context(|| format!("cannot read the folder `{shown}`"))?;
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "json") && path.is_file());
    let output = output.and_then(|path| path.canonicalize().ok());
    paths.retain(|path| output.is_none() || path.canonicalize().ok() != output);
    paths.sort();
    if paths.is_empty() {
        bail!(
            "the folder `{shown}` has no .json file; name the folder of `plimsoll run -o 'DIR/{{shard}}.json'`"
        );
    }
    Ok(paths)
}
