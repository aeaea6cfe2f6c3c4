//! Waits of requests on one connection slot, by cause.

use std::time::Duration;

use tokio::time::Instant;

use super::socket::{Socket, Stalls};

/// Waits so far, and the waits that still continue.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// Ended waits.
    pub(super) ended: Stalls,
    /// Time since which calls have waited for a connection.
    unconnected_since: Option<Instant>,
    /// Time since which the next attempt to connect has been pending, after a failed one.
    paused_since: Option<Instant>,
    /// Time since which the queue of a Unix socket has been full.
    queue_full_since: Option<Instant>,
}

impl Waits {
    /// Notes that a call has waited for a connection since this instant.
    pub(super) fn for_connection(&mut self, since: Instant) {
        self.unconnected_since.get_or_insert(since);
    }

    /// Ends the wait of calls: they have a connection, or have failed without one.
    pub(super) fn end(&mut self, now: Instant) {
        self.ended.unconnected += until(now, self.unconnected_since.take());
    }

    /// Begins the pause after a failed attempt to connect.
    pub(super) fn pause(&mut self, now: Instant) {
        self.paused_since = Some(now);
    }

    /// Ends the pause.
    pub(super) fn resume(&mut self, now: Instant) {
        self.ended.paused += until(now, self.paused_since.take());
    }

    /// Length of the wait for room in the queue of a Unix socket, which begins with the first call of this function.
    pub(super) fn for_queue(&mut self, now: Instant) -> Duration {
        now.saturating_duration_since(*self.queue_full_since.get_or_insert(now))
    }

    /// Ends the wait for room in the queue.
    pub(super) fn end_of_queue(&mut self) {
        self.queue_full_since = None;
    }

    /// Total waits until now, with those of the current socket.
    pub(super) fn total(&self, socket: Option<&Socket>, now: Instant) -> Stalls {
        let mut stalls = socket.map_or(self.ended, |socket| socket.stalls(self.ended, now));
        stalls.unconnected += until(now, self.unconnected_since);
        stalls.paused += until(now, self.paused_since);
        stalls
    }
}

fn until(now: Instant, since: Option<Instant>) -> Duration {
    since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
}
