//! Events in a file, as NDJSON: one object per line.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use crate::engine::Event;

/// A file of events. After a failed write, nothing more is written.
#[derive(Debug)]
pub(super) struct EventFile(Option<File>);

impl EventFile {
    /// Creates or truncates the file.
    ///
    /// # Errors
    /// The operating system does not allow it.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        File::create(path).map(|file| Self(Some(file)))
    }

    /// Writes an event at once, for programs that follow the file.
    ///
    /// # Errors
    /// The line could not be written; further lines are left out.
    pub(super) fn show(&mut self, event: &Event) -> io::Result<()> {
        let Some(file) = &mut self.0 else { return Ok(()) };
        let written = serde_json::to_vec(event).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            file.write_all(&line)
        });
        if written.is_err() {
            self.0 = None;
        }
        written
    }
}
