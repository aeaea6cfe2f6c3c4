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
    /// Files that the command writes or reads.
    used: Vec<UsedFile>,
}

/// A file of a command.
#[derive(Debug)]
struct UsedFile {
    words: String,
    file: PathBuf,
    is_written: bool,
}

impl Outputs {
    /// Makes outputs, each with a file of its own.
    ///
    /// # Errors
    /// Two of them are one file, of which only the last content would be left.
    pub(super) fn new(
        destination: Option<Destination>,
        printed: Option<Format>,
        files: Vec<(Destination, Format)>,
    ) -> Result<Self> {
        let mut outputs = Self { destination: None, printed, files: Vec::new(), used: Vec::new() };
        if let Some(destination) = &destination {
            outputs.claim("the file of -o", destination.file(), true)?;
        }
        for (destination, format) in &files {
            outputs.claim(&format!("the file of {}", flag(*format)), destination.file(), true)?;
        }
        Ok(Self { destination, files, ..outputs })
    }

    /// Adds a file that the command writes besides these: words for it, and its path.
    ///
    /// # Errors
    /// Another output is the same file, or the command reads it.
    pub(super) fn also_writes(&mut self, words: &str, path: Option<&Path>) -> Result<()> {
        self.claim(words, path.and_then(file_at), true)
    }

    /// Adds files that the command reads: words for each, and its path.
    ///
    /// # Errors
    /// An output is the same file.
    pub(super) fn also_reads<'a>(
        &mut self,
        files: impl IntoIterator<Item = (&'static str, &'a Path)>,
    ) -> Result<()> {
        files.into_iter().try_for_each(|(words, path)| self.claim(words, file_at(path), false))
    }

    fn claim(&mut self, words: &str, file: Option<PathBuf>, is_written: bool) -> Result<()> {
        let Some(file) = file else { return Ok(()) };
        if let Some(other) =
            self.used.iter().find(|other| other.file == file && (other.is_written || is_written))
        {
            bail!(
                "`{}` is {}, and also {words}: only one content would be left; give each a file of its own",
                file.display(),
                other.words
            );
        }
        self.used.push(UsedFile { words: words.to_owned(), file, is_written });
        Ok(())
    }

    /// Writes and prints a document. Returns the failures; none of them takes another output away.
    pub(super) fn write(self, document: &impl Writable) -> Vec<anyhow::Error> {
        let Self { destination, printed, files, used: _ } = self;
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
    pub(super) fn begin(mut outputs: Outputs, watch: &WatchFlags, quiet: bool) -> Result<Self> {
        outputs.also_writes("the file of --events", watch.events.as_deref())?;
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
