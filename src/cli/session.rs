//! The common part of commands: outputs are reserved before any run, signals stop the command in order, and
//! all outputs are written and printed before the exit status.

use anyhow::Result;

use super::{
    output::{OutputArguments, print},
    signals::stop_on_signals,
    status::Status,
    watch_flags::WatchFlags,
};
use crate::{
    engine::Events,
    report::{Format, Writable, destination::Destination},
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
}

impl Session {
    /// Reserves the outputs, and starts to handle signals and to display progress.
    ///
    /// # Errors
    /// An output cannot be written, or the operating system refuses a resource.
    pub(super) fn begin(output: &OutputArguments, watch: &WatchFlags) -> Result<Self> {
        let outputs = Outputs { destination: output.reserve()?, printed: Some(output.format()) };
        Self::with(outputs, watch, output.quiet)
    }

    /// Starts the session of a command that has reserved its outputs itself.
    ///
    /// # Errors
    /// Events cannot be written, or the operating system refuses a resource.
    pub(super) fn with(outputs: Outputs, watch: &WatchFlags, quiet: bool) -> Result<Self> {
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
        let Outputs { destination, printed } = self.outputs;
        let written = destination.map_or(Ok(()), |destination| destination.write(document));
        let printed = printed.map_or(Ok(()), |format| print(document, format));
        written.err().map(anyhow::Error::from).into_iter().chain(printed.err()).collect()
    }
}

/// Returns the first failure as an error, if there is one.
pub(super) fn first(failures: Vec<anyhow::Error>) -> Result<()> {
    failures.into_iter().next().map_or(Ok(()), Err)
}
