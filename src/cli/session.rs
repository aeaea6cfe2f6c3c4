//! The course that commands share: outputs are reserved before anything runs, signals stop it in order, and
//! everything is written and printed before the exit status.

use anyhow::Result;

use super::{
    output::{OutputArguments, print},
    signals::stop_on_signals,
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
    destination: Option<Destination>,
    format: Format,
}

impl Session {
    /// Reserves the outputs, and begins to listen to signals and to show progress.
    ///
    /// # Errors
    /// When an output cannot be written, or the system refuses a means.
    pub(super) fn begin(output: &OutputArguments, watch: &WatchFlags) -> Result<Self> {
        let destination = output.reserve()?;
        let stop = stop_on_signals()?;
        let (events, view) = watch.watch(output.quiet)?;
        Ok(Self { stop, events, view, destination, format: output.format() })
    }

    /// Ends the progress, writes the document and prints it. What could not be done is returned: a full disk takes
    /// no printed figures away.
    pub(super) fn finish(self, document: &impl Writable) -> Vec<anyhow::Error> {
        self.view.finish(self.events);
        let written = self.destination.map_or(Ok(()), |destination| destination.write(document));
        let printed = print(document, self.format);
        written.err().map(anyhow::Error::from).into_iter().chain(printed.err()).collect()
    }
}

/// The first of some failures, if there is one.
pub(super) fn first(failures: Vec<anyhow::Error>) -> Result<()> {
    failures.into_iter().next().map_or(Ok(()), Err)
}
