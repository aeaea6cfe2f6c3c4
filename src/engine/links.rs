//! The links that carry a worker's calls, as the lean client's loop uses them.

use std::{io, ops::Range, time::Duration};

use tokio::time::Instant;

use crate::client::{Call, Completion, Connections, lean::reconnecting::Stalls};

/// Account of a worker's links until an instant.
#[derive(Debug, Clone, Default)]
pub(super) struct LinkAccount {
    pub(super) idle: Duration,
    /// Stalls of each link.
    pub(super) stalls: Vec<Stalls>,
    pub(super) connections: Connections,
    /// Lengths of the TLS handshakes.
    pub(super) handshakes: Vec<Duration>,
}

/// A set of links, and the wait for their events.
pub(super) trait Links {
    /// Number of links.
    fn count(&self) -> usize;

    /// Returns true if a call can be started over this link: the last attempt to connect has not failed.
    fn is_up(&self, link: usize) -> bool;

    /// Starts a call.
    fn start(&mut self, link: usize, call: Call);

    /// Performs due actions: deadlines, attempts to connect.
    fn turn(&mut self, now: Instant);

    /// Writes as much as possible.
    fn write(&mut self);

    /// Waits until data arrives, an action is due, or `until`. Does not wait if there are completions.
    /// Returns the time at the end of the wait.
    ///
    /// # Errors
    /// Fails if the system cannot wait.
    fn wait(&mut self, until: Option<Instant>) -> io::Result<Instant>;

    /// Handles event number `event` of the last wait. Returns the range of its links, which is empty for an
    /// order of the driver. Returns `None` if there is no such event.
    fn take_ready(&mut self, event: usize) -> Option<Range<usize>>;

    /// Returns true if the driver has given an order since the last call of this function.
    fn take_ring(&mut self) -> bool;

    /// Returns true if there are completed calls to take.
    fn has_completions(&self) -> bool;

    /// Takes the completed calls, each with its link.
    fn drain(&mut self, take: impl FnMut(usize, Completion));

    /// Account of the links until now.
    fn account(&self, now: Instant) -> LinkAccount;

    /// Serves the links while no call is in flight.
    ///
    /// # Errors
    /// Fails if the system cannot wait.
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
