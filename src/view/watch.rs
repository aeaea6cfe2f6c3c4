//! The thread that watches events.

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

/// How long the end of a command waits for a terminal that takes no output.
const PATIENCE: Duration = Duration::from_secs(1);

/// The display on stderr.
#[derive(Debug)]
enum Display {
    Quiet,
    Lines(Lines),
    Bar(Bar),
}

/// A thread that shows events until the last of them has come.
#[derive(Debug)]
pub struct View {
    /// Closed by the thread at its end.
    shown: Receiver<()>,
}

/// Shows events: on stderr unless `quiet`, as one line on a terminal and as several elsewhere; and in a file.
///
/// # Errors
/// When the file cannot be written, or the system gives no thread.
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
    /// Waits until all events are shown, which ends when the last clone of these events is dropped; no longer than
    /// 1 s, because a stopped terminal may never take them.
    pub fn finish(self, events: Events) {
        drop(events);
        let _ = self.shown.recv_timeout(PATIENCE);
    }
}
