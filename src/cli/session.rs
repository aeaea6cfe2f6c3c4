//! The course that commands share: outputs are reserved before anything runs, signals stop it in order, and
//! everything is written and printed before the exit status.

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

/// A command that is under way.
pub(super) struct Session {
    /// Raised by signals.
    pub(super) stop: Stop,
    /// Shown as progress.
    pub(super) events: Events,
    view: View,
    outputs: Outputs,
}

/// Outputs of a command's document.
#[derive(Debug)]
pub(super) struct Outputs {
    /// The file, which is written first.
    pub(super) destination: Option<Destination>,
    /// Format on stdout; `None` if another report goes there.
    pub(super) printed: Option<Format>,
}

impl Session {
    /// Reserves the outputs, and begins to listen to signals and to show progress.
    ///
    /// # Errors
    /// When an output cannot be written, or the system refuses a means.
    pub(super) fn begin(output: &OutputArguments, watch: &WatchFlags) -> Result<Self> {
        let outputs = Outputs { destination: output.reserve()?, printed: Some(output.format()) };
        Self::with(outputs, watch, output.quiet)
    }

    /// Begins the course of a command that has reserved its outputs itself.
    ///
    /// # Errors
    /// When events cannot be written, or the system refuses a means.
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

    /// Ends the progress, writes the document and prints it. What could not be done is returned: a full disk takes
    /// no printed figures away.
    pub(super) fn finish(self, document: &impl Writable) -> Vec<anyhow::Error> {
        self.view.finish(self.events);
        let Outputs { destination, printed } = self.outputs;
        let written = destination.map_or(Ok(()), |destination| destination.write(document));
        let printed = printed.map_or(Ok(()), |format| print(document, format));
        written.err().map(anyhow::Error::from).into_iter().chain(printed.err()).collect()
    }
}

/// The first of some failures, if there is one.
pub(super) fn first(failures: Vec<anyhow::Error>) -> Result<()> {
    failures.into_iter().next().map_or(Ok(()), Err)
}
