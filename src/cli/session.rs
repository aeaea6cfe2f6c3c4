//! The common part of commands: outputs are reserved before any run, signals stop the command in order, and
//! all outputs are written and printed before the exit status.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::{
    output::{flag, print},
    signals::stop_on_signals,
    status::Status,
    watch_flags::WatchFlags,
};
use crate::{
    engine::Events,
    report::{
        Format, Writable,
        destination::{Destination, file_at},
    },
    stop::Stop,
    view::View,
};

/// A running command.
pub(super) struct Session {
    /// Stop that signals raise.
    pub(super) stop: Stop,
    /// Events that are displayed as progress.
    pub(super) events: Events,
    view: View,
    outputs: Outputs,
}

/// Outputs of a command's document.
#[derive(Debug)]
pub(super) struct Outputs {
    /// The file, which is written before stdout.
    pub(super) destination: Option<Destination>,
    /// Format on stdout; `None` if another report goes there.
    pub(super) printed: Option<Format>,
    /// Reports, reserved.
    pub(super) files: Vec<(Destination, Format)>,
}

impl Outputs {
    /// Checks that each output has a file of its own, which is no other file of the command: a flag or a word for it, and its
    /// path.
    ///
    /// # Errors
    /// Two of them are one file, of which only the last content would be left.
    pub(super) fn check_apart<'a>(
        &self,
        others: impl IntoIterator<Item = (&'a str, &'a Path)>,
    ) -> Result<()> {
        let document = self.destination.as_ref().map(|destination| ("-o".to_owned(), destination.file()));
        let reports = self.files.iter().map(|(destination, format)| (flag(*format), destination.file()));
        let own = document.into_iter().chain(reports).filter_map(|(flag, file)| Some((flag, file?)));
        let others = others.into_iter().filter_map(|(what, path)| Some((what.to_owned(), file_at(path)?)));
        let own: Vec<(String, PathBuf)> = own.collect();
        let mut seen: Vec<(String, PathBuf)> = others.collect();
        for (flag, file) in own {
            if let Some((other, _)) = seen.iter().find(|(_, seen)| *seen == file) {
                bail!(
                    "{flag} would write over `{}`, which is {other}; give each a file of its own",
                    file.display()
                );
            }
            seen.push((format!("the file of {flag}"), file));
        }
        Ok(())
    }

    /// Writes and prints a document. Returns the failures; none of them takes another output away.
    pub(super) fn write(self, document: &impl Writable) -> Vec<anyhow::Error> {
        let Self { destination, printed, files } = self;
        let written = destination.map_or(Ok(()), |destination| destination.write(document));
        let mut failures: Vec<anyhow::Error> = written.err().map(anyhow::Error::from).into_iter().collect();
        for (destination, format) in files {
            let written = destination.write_with(|out| document.write(format, out));
            failures.extend(written.err().map(anyhow::Error::from));
        }
        failures.extend(printed.and_then(|format| print(document, format).err()));
        failures
    }
}

impl Session {
    /// Starts to handle signals and to display progress, for a command that has reserved its outputs.
    ///
    /// # Errors
    /// Events cannot be written, or the operating system refuses a resource.
    pub(super) fn begin(outputs: Outputs, watch: &WatchFlags, quiet: bool) -> Result<Self> {
        outputs.check_apart(watch.events.as_deref().map(|file| ("the file of --events", file)))?;
        let stop = stop_on_signals()?;
        let (events, view) = watch.watch(quiet)?;
        Ok(Self { stop, events, view, outputs })
    }

    /// Ends the progress of a command that was interrupted before it had a document.
    pub(super) fn interrupted(self) -> Status {
        self.view.finish(self.events);
        Status::Interrupted
    }

    /// Ends the progress, writes the document and prints it. Returns the failures: if the disk is full, the
    /// figures are printed all the same.
    pub(super) fn finish(self, document: &impl Writable) -> Vec<anyhow::Error> {
        self.view.finish(self.events);
        self.outputs.write(document)
    }
}

/// Returns the first failure as an error, if there is one.
pub(super) fn first(failures: Vec<anyhow::Error>) -> Result<()> {
    failures.into_iter().next().map_or(Ok(()), Err)
}
