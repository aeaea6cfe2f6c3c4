//! The thread that displays events.

use std::{
    io::{self, IsTerminal, stderr},
    path::Path,
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use super::{
    bar::Bar,
    file::EventFile,
    lines::{Lines, line},
};
use crate::engine::{Event, Events};

/// Longest wait at the end of a command for a terminal that takes no output.
const PATIENCE: Duration = Duration::from_secs(1);

/// The display on stderr.
#[derive(Debug)]
enum Display {
    Quiet,
    Lines(Lines),
    Bar(Bar),
}

/// A thread that displays events until the last one.
#[derive(Debug)]
pub struct View {
    /// Channel that the thread closes at its end.
    shown: Receiver<()>,
}

/// Displays events on stderr unless `quiet`, on one line of a terminal or as several lines elsewhere, and
/// writes them to a file.
///
/// # Errors
/// The file cannot be written, or the operating system creates no thread.
pub fn watch(quiet: bool, file: Option<&Path>) -> io::Result<(Events, View)> {
    let mut file = file.map(EventFile::create).transpose()?;
    let mut display = match (quiet, stderr().is_terminal()) {
        (true, _) => Display::Quiet,
        (false, true) => Display::Bar(Bar::new()),
        (false, false) => Display::Lines(Lines::default()),
    };
    let (end, shown) = mpsc::channel::<()>();
    if quiet && file.is_none() {
        return Ok((Events::none(), View { shown }));
    }
    let (events, received) = Events::channel();
    thread::Builder::new().name("view".to_owned()).spawn(move || {
        for event in received {
            if let Some(Err(error)) = file.as_mut().map(|file| file.show(&event)) {
                line(&format!("the file of events is not written any more: {error}"));
            }
            display.show(&event);
        }
        if let Display::Bar(bar) = display {
            bar.finish();
        }
        drop(end);
    })?;
    Ok((events, View { shown }))
}

impl Display {
    fn show(&mut self, event: &Event) {
        match self {
            Self::Quiet => {}
            Self::Lines(lines) => lines.show(event),
            Self::Bar(bar) => bar.show(event),
        }
    }
}

impl View {
    /// Waits until all events are displayed. That is after the last clone of these events is dropped, and after 1
    /// s at the latest, because a stopped terminal may never take them.
    pub fn finish(self, events: Events) {
        drop(events);
        let _ = self.shown.recv_timeout(PATIENCE);
    }
}
