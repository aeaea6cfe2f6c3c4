//! Shard of a run: its number, its file and its start.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use super::{
    arguments::RunArguments,
    part::{ShardAt, StartAt},
};
use crate::{
    cli::{
        output::{OutputArguments, is_stdout},
        report_files::ReportFiles,
        watch_flags::WatchFlags,
    },
    engine::Start,
    load::{Launcher, Shard, detect},
    measure::wall_clock,
    report::destination::is_of_the_system,
};

/// Place of the shard's number in the name of a file.
const SHARD: &str = "{shard}";

impl RunArguments {
    /// Returns the part of the run that this process makes, and the launcher that told it.
    ///
    /// # Errors
    /// The launcher is unknown, or other flags are about the whole run.
    pub(super) fn shard(&self) -> Result<(Shard, Option<Launcher>)> {
        let (shard, launcher) = match self.shard {
            None => return Ok((Shard::WHOLE, None)),
            Some(ShardAt::Exactly(shard)) => (shard, None),
            Some(ShardAt::Auto(of)) => {
                let (shard, launcher) = detect(|name| env::var(name).ok(), of)?;
                (shard, Some(launcher))
            }
        };
        if shard.is_whole() {
            return Ok((shard, launcher));
        }
        if self.load.target.is_none() {
            bail!("a shard needs a TARGET: without one, each shard would start a server of its own");
        }
        if !self.assertions.is_empty() {
            bail!("--assert is about the whole run; give it to `plimsoll merge`");
        }
        if self.load.strict.is_some() {
            bail!("--strict is about the whole run; give it to `plimsoll merge`");
        }
        let own = [("-o", &self.load.output.output), ("--events", &self.load.watch.events)];
        let own = own.into_iter().filter_map(|(flag, path)| Some((flag.to_owned(), path.as_deref()?)));
        for (flag, path) in own.chain(self.load.reports.given()) {
            if !is_shared(path) && !path.to_str().is_some_and(|path| path.contains(SHARD)) {
                bail!(
                    "with --shard, {flag} needs {SHARD} in the name, such as {flag} 'run/{SHARD}.json': all shards would write the same file"
                );
            }
        }
        Ok((shard, launcher))
    }

    /// Returns the output flags with the number of the shard in the file's name.
    pub(super) fn output(&self, shard: Shard) -> OutputArguments {
        let OutputArguments { output, format, quiet } = &self.load.output;
        OutputArguments { output: of_shard(output.as_deref(), shard), format: *format, quiet: *quiet }
    }

    /// Returns the flags of reports with the number of the shard in the files' names.
    pub(super) fn reports(&self, shard: Shard) -> ReportFiles {
        self.load.reports.with_files(|path| of_shard(Some(path), shard).unwrap_or_default())
    }

    /// Returns the flags of progress with the number of the shard in the file's name.
    pub(super) fn watch(&self, shard: Shard) -> WatchFlags {
        WatchFlags { events: of_shard(self.load.watch.events.as_deref(), shard) }
    }

    /// Returns the start of the measured window.
    pub(super) fn start(&self) -> Start {
        match &self.start_at {
            None => Start::Soon,
            Some(StartAt::At(at)) => Start::At(*at),
            Some(StartAt::In(length)) => Start::At(wall_clock() + *length),
            Some(StartAt::File(path)) => Start::File { path: path.clone(), patience: self.start_wait },
        }
    }
}

/// Returns true for places that processes share without overwriting each other: stdout, and devices.
fn is_shared(path: &Path) -> bool {
    is_stdout(Some(path)) || is_of_the_system(path)
}

/// Returns the path with the number of the shard, in as many digits as the largest number has.
fn of_shard(path: Option<&Path>, shard: Shard) -> Option<PathBuf> {
    let width = (shard.of - 1).to_string().len();
    let number = format!("{:0width$}", shard.index);
    path.map(|path| match path.to_str() {
        Some(text) => PathBuf::from(text.replace(SHARD, &number)),
        None => path.to_owned(),
    })
}
