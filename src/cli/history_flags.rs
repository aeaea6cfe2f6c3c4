//! The history of gates, and the summary of a CI job: files that get a verdict added.

use std::{
    env,
    fs::{self, OpenOptions},
    io::{BufReader, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::output::is_stdout;
use crate::{
    experiment::gate::Verdict,
    report::{destination::Destination, history, markdown},
    view::line,
};

/// Environment variable with the file from which GitHub's runner reads a summary.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

#[derive(Debug, Args)]
pub(super) struct HistoryFlags {
    /// Append a row with the ratios to this CSV file, or create it. If `$GITHUB_STEP_SUMMARY` is set, the verdict is also
    /// appended there as Markdown
    #[arg(long, value_name = "FILE", help_heading = "For CI")]
    history: Option<PathBuf>,

    /// Name of this build in that row [default: the commit in GitHub's or GitLab's environment]
    #[arg(long, value_name = "NAME", requires = "history", help_heading = "For CI")]
    commit: Option<String>,
}

/// The history, checked to be writable.
pub(super) struct History<'a> {
    flags: &'a HistoryFlags,
    file: Option<Destination>,
}

impl HistoryFlags {
    /// Returns true if a row is wanted.
    pub(super) fn is_given(&self) -> bool {
        self.history.is_some()
    }

    /// The file.
    pub(super) fn file(&self) -> Option<&Path> {
        self.history.as_deref()
    }

    /// Reserves the file.
    pub(super) fn reserve(&self) -> Result<History<'_>> {
        if is_stdout(self.history.as_deref()) {
            bail!("--history adds a row to a file, and `-` is stdout; give it a file (`./-` is one)");
        }
        let file = self.history.as_deref().map(Destination::reserve).transpose()?;
        Ok(History { flags: self, file })
    }

    fn commit(&self) -> String {
        let named = ["GITHUB_SHA", "CI_COMMIT_SHA"].into_iter().find_map(|name| env::var(name).ok());
        self.commit.clone().or(named).unwrap_or_default()
    }
}

impl History<'_> {
    /// Adds the row, and returns the failures. The summary of a CI job is not requested by a flag, so a failure to
    /// write it is reported, but does not count.
    pub(super) fn write(self, verdict: &Verdict) -> Vec<anyhow::Error> {
        let mut failures = Vec::new();
        if let Some((path, destination)) = self.flags.history.as_deref().zip(self.file) {
            failures.extend(add_row(verdict, &self.flags.commit(), path, destination).err());
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
