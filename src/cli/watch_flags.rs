//! Flags for progress: on stderr, and as events in a file.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::output::is_stdout;
use crate::{
    engine::Events,
    view::{self, View},
};

#[derive(Debug, clap::Args)]
pub(super) struct WatchFlags {
    /// Write progress events to this file while the command works: NDJSON, one object per line
    #[arg(long, value_name = "FILE", help_heading = "Result")]
    pub(super) events: Option<PathBuf>,
}

impl WatchFlags {
    /// Starts to display progress: on stderr unless `quiet`, and in the file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn watch(&self, quiet: bool) -> Result<(Events, View)> {
        let file = self.events.as_deref();
        if is_stdout(file) {
            bail!(
                "`--events -` would mix events with the result on stdout; give a file, such as /dev/stderr"
            );
        }
        let shown = file.map_or_else(|| "stderr".into(), |path| path.display().to_string());
        view::watch(quiet, file).with_context(|| format!("cannot write events to `{shown}`"))
    }
}
