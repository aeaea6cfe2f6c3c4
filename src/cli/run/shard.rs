//! Shard of a run: its number, its file and its start.

use std::{env, path::PathBuf};

use anyhow::{Result, bail};

use super::{
    arguments::RunArguments,
    part::{ShardAt, StartAt},
};
use crate::{
    cli::output::{OutputArguments, is_stdout},
    engine::Start,
    load::{Launcher, Shard, detect},
    measure::wall_clock,
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
        if let Some(path) = &self.load.output.output
            && !is_stdout(Some(path))
            && !path.to_str().is_some_and(|path| path.contains(SHARD))
        {
            bail!(
                "with --shard, -o needs {SHARD} in the name, such as -o 'run/{SHARD}.json': all shards would write the same file"
            );
        }
        Ok((shard, launcher))
    }

    /// Returns the output flags with the number of the shard in the file's name.
    pub(super) fn output(&self, shard: Shard) -> OutputArguments {
        let width = (shard.of - 1).to_string().len();
        let number = format!("{:0width$}", shard.index);
        let path = self.load.output.output.as_ref();
        let output = path.map(|path| match path.to_str() {
            Some(text) => PathBuf::from(text.replace(SHARD, &number)),
            None => path.clone(),
        });
        OutputArguments { output, format: self.load.output.format, quiet: self.load.output.quiet }
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
