//! Files for a verdict besides its own document: for CI, and for services that keep histories.

use std::{
    env,
    fs::{self, OpenOptions},
    io::{BufReader, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::output::{OutputArguments, is_stdout};
use crate::{
    experiment::gate::Verdict,
    report::{Format, Writable, destination::Destination, history, markdown},
    view::line,
};

/// Environment variable with the file from which GitHub's runner reads a summary.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

#[derive(Debug, Args)]
pub(super) struct VerdictFiles {
    /// Write the verdict as Markdown; also appended to `$GITHUB_STEP_SUMMARY` if that is set. `-` is stdout, here and in the flags below
    #[arg(long, value_name = "FILE", help_heading = "For CI")]
    markdown: Option<PathBuf>,

    /// Write JUnit XML: one test case for the limits, and one per scenario and metric
    #[arg(long, value_name = "FILE", help_heading = "For CI")]
    junit: Option<PathBuf>,

    /// Write Bencher's metric format, for `bencher run --adapter json --file FILE`
    #[arg(long, value_name = "FILE", help_heading = "For CI")]
    bencher: Option<PathBuf>,

    /// Write github-action-benchmark's `customSmallerIsBetter`: p50 and the server's CPU time, in ns
    #[arg(long, value_name = "FILE", help_heading = "For CI")]
    benchmark_smaller: Option<PathBuf>,

    /// Write github-action-benchmark's `customBiggerIsBetter`: calls/s
    #[arg(long, value_name = "FILE", help_heading = "For CI")]
    benchmark_bigger: Option<PathBuf>,

    /// Append a row with the ratios to this CSV file, or create it
    #[arg(long, value_name = "FILE", help_heading = "For CI")]
    history: Option<PathBuf>,

    /// Name of this build in that row [default: the commit in GitHub's or GitLab's environment]
    #[arg(long, value_name = "NAME", requires = "history", help_heading = "For CI")]
    commit: Option<String>,
}

/// Reserved files, checked to be writable.
pub(super) struct Reserved<'a> {
    files: &'a VerdictFiles,
    whole: Vec<(Destination, Format)>,
    history: Option<Destination>,
}

impl VerdictFiles {
    /// Returns the name of one of the given flags, if there is one.
    pub(super) fn given(&self) -> Option<&'static str> {
        self.all().into_iter().find_map(|(flag, file)| file.as_ref().map(|_| flag))
    }

    fn all(&self) -> [(&'static str, &Option<PathBuf>); 6] {
        let Self { markdown, junit, bencher, benchmark_smaller, benchmark_bigger, history, commit: _ } = self;
        [
            ("--markdown", markdown),
            ("--junit", junit),
            ("--bencher", bencher),
            ("--benchmark-smaller", benchmark_smaller),
            ("--benchmark-bigger", benchmark_bigger),
            ("--history", history),
        ]
    }

    /// Returns the flag whose file is stdout, if there is one.
    ///
    /// # Errors
    /// Two flags name stdout, or the history does.
    fn on_stdout(&self) -> Result<Option<&'static str>> {
        let flags: Vec<&str> = self
            .all()
            .into_iter()
            .filter(|(_, file)| is_stdout(file.as_deref()))
            .map(|(flag, _)| flag)
            .collect();
        match flags.as_slice() {
            [.., "--history"] => {
                bail!("--history adds a row to a file, and `-` is stdout; give it a file (`./-` is one)")
            }
            [] => Ok(None),
            [flag] => Ok(self.all().into_iter().find(|(name, _)| name == flag).map(|(name, _)| name)),
            flags => bail!("{} all write to stdout; give `-` to one of them", flags.join(" and ")),
        }
    }

    /// Returns the format on stdout; `None` if a report for CI goes there.
    ///
    /// # Errors
    /// More than one output would go to stdout.
    pub(super) fn printed_beside(&self, output: &OutputArguments) -> Result<Option<Format>> {
        match self.on_stdout()? {
            None => Ok(Some(output.format())),
            Some(flag) if output.format.is_some() || is_stdout(output.output.as_deref()) => bail!(
                "`{flag} -` writes to stdout, and so does -O, or `-o -`; leave out one of the two, or give {flag} a file"
            ),
            Some(_) => Ok(None),
        }
    }

    /// Reserves all files.
    pub(super) fn reserve(&self) -> Result<Reserved<'_>> {
        self.on_stdout()?;
        let formats = [
            (&self.markdown, Format::Markdown),
            (&self.junit, Format::Junit),
            (&self.bencher, Format::Bencher),
            (&self.benchmark_smaller, Format::BenchmarkSmaller),
            (&self.benchmark_bigger, Format::BenchmarkBigger),
        ];
        let mut whole = Vec::new();
        for (file, format) in formats {
            if let Some(file) = file {
                whole.push((Destination::reserve(file)?, format));
            }
        }
        let history = self.history.as_deref().map(Destination::reserve).transpose()?;
        Ok(Reserved { files: self, whole, history })
    }

    fn commit(&self) -> String {
        let named = ["GITHUB_SHA", "CI_COMMIT_SHA"].into_iter().find_map(|name| env::var(name).ok());
        self.commit.clone().or(named).unwrap_or_default()
    }
}

impl Reserved<'_> {
    /// Writes all files, and returns the failures; one failure does not prevent the other files. The summary
    /// of a CI job is not requested by a flag, so a failure to write it is reported, but does not count.
    pub(super) fn write(self, verdict: &Verdict) -> Vec<anyhow::Error> {
        let mut failures = Vec::new();
        for (destination, format) in self.whole {
            let written = destination.write_with(|out| verdict.write(format, out));
            failures.extend(written.err().map(anyhow::Error::from));
        }
        if let Some((path, destination)) = self.files.history.as_deref().zip(self.history) {
            failures.extend(add_row(verdict, &self.files.commit(), path, destination).err());
        }
        if let Some(path) = env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty())
            && let Err(error) = append_summary(verdict, Path::new(&path))
        {
            crate::report::error::write(error.chain());
        }
        failures
    }
}

/// Appends a row to the history. The whole file is replaced, so that no row is ever half written.
fn add_row(verdict: &Verdict, commit: &str, path: &Path, destination: Destination) -> Result<()> {
    let context = || format!("cannot add a row to `{}`", path.display());
    // A device or a pipe has no rows to read, and some have no end.
    let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let old = if is_file { fs::read(path).with_context(context)? } else { Vec::new() };
    let mut row = Vec::new();
    let none = history::append(verdict, history::Row { commit }, BufReader::new(old.as_slice()), &mut row)
        .with_context(context)?;
    if let Some(why) = none {
        line(&format!("no row is added to `{}`: {why}", path.display()));
        return Ok(());
    }
    let has_end = old.last().is_none_or(|last| *last == b'\n');
    Ok(destination.write_with(|out| {
        out.write_all(&old)?;
        if !has_end {
            out.write_all(b"\n")?;
        }
        out.write_all(&row)
    })?)
}

fn append_summary(verdict: &Verdict, path: &Path) -> Result<()> {
    let context = || format!("cannot append to `{}`, which ${STEP_SUMMARY} names", path.display());
    let mut file = OpenOptions::new().append(true).create(true).open(path).with_context(context)?;
    let mut text = Vec::new();
    markdown::write(verdict, &mut text).with_context(context)?;
    file.write_all(&text).with_context(context)
}
