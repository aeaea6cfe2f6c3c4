//! The links that a worker's calls go over, as the lean client's loop sees them.

use std::{io, ops::Range, time::Duration};

use tokio::time::Instant;

use crate::client::{Call, Completion, Connections, lean::reconnecting::Stalls};

/// Account of a worker's links until an instant.
#[derive(Debug, Clone, Default)]
pub(super) struct LinkAccount {
    pub(super) idle: Duration,
    /// Of each link.
    pub(super) stalls: Vec<Stalls>,
    pub(super) connections: Connections,
}

/// Links, and the wait for what comes over them.
pub(super) trait Links {
    /// How many there are.
    fn count(&self) -> usize;

    /// Whether a call can be started over this one: no attempt to connect has just failed.
    fn is_up(&self, link: usize) -> bool;

    /// Starts a call.
    fn start(&mut self, link: usize, call: Call);

    /// Does what is due by itself: deadlines, attempts to connect.
    fn turn(&mut self, now: Instant);

    /// Writes what can be written.
    fn write(&mut self);

    /// Waits until something has come, something is due by itself, or until that time; not at all while there are
    /// completions. Returns the time then.
    ///
    /// # Errors
    /// When the system does not let it wait.
    fn wait(&mut self, until: Option<Instant>) -> io::Result<Instant>;

    /// Takes what the last wait brought, number `event` of it. Returns the links that it was for; none where
    /// it was the driver; `None` where there is no such event.
    fn take_ready(&mut self, event: usize) -> Option<Range<usize>>;

    /// Whether the driver has given an order since this was last asked.
    fn take_ring(&mut self) -> bool;

    /// Whether calls have ended that were not taken out.
    fn has_completions(&self) -> bool;

    /// Takes out the calls that have ended, each with its link.
    fn drain(&mut self, take: impl FnMut(usize, Completion));

    /// Their account until now.
    fn account(&self, now: Instant) -> LinkAccount;

    /// Serves the links where no call is under way.
    ///
    /// # Errors
    /// When the system does not let it wait.
    fn serve(&mut self, now: Instant) -> io::Result<Instant> {
        self.turn(now);
        self.write();
        let now = self.wait(None)?;
        let mut event = 0;
        while self.take_ready(event).is_some() {
            event += 1;
        }
        Ok(now)
    }
}
