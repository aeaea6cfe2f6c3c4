//! Stopping: one handle for runs, experiments and probes.

use std::sync::Arc;

use tokio::sync::watch;

/// A handle that stops the work to which its clones were given. A stop cannot be undone.
///
/// The library installs no signal handler: the host decides when a run stops, and calls
/// [`drain`](Stop::drain) or [`abort`](Stop::abort) from any thread.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<Level>>);

/// Urgency of a stop request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// No stop is requested.
    Go,
    /// No further calls start; calls in flight are waited for.
    Drain,
    /// Nothing is waited for.
    Abort,
}

impl Stop {
    /// Makes a handle without a stop request.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Level::Go)))
    }

    /// Requests a graceful stop: no further call starts, and calls in flight are waited for, for 1 s at most.
    pub fn drain(&self) {
        self.raise_to(Level::Drain);
    }

    /// Requests an immediate stop: calls in flight are unfinished.
    pub fn abort(&self) {
        self.raise_to(Level::Abort);
    }

    /// Raises the level by one step: a first signal drains, a second one aborts.
    pub fn more(&self) {
        self.raise_to(if self.is_wanted() { Level::Abort } else { Level::Drain });
    }

    /// Returns true if a stop is requested.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.level() > Level::Go
    }

    pub(crate) fn level(&self) -> Level {
        *self.0.borrow()
    }

    /// Waits until the level is above this one.
    pub(crate) async fn above(&self, level: Level) {
        // The sender lives as long as this handle, so waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|now| *now > level).await;
    }

    fn raise_to(&self, level: Level) {
        self.0.send_if_modified(|now| {
            let is_higher = level > *now;
            *now = level.max(*now);
            is_higher
        });
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_only_becomes_more_urgent() {
        let stop = Stop::new();
        let other = stop.clone();
        assert!(!stop.is_wanted());
        other.more();
        assert_eq!(stop.level(), Level::Drain);
        other.more();
        stop.drain();
        assert_eq!(other.level(), Level::Abort);
    }

    #[tokio::test]
    async fn who_waits_is_told() {
        let stop = Stop::new();
        let waits = tokio::spawn({
            let stop = stop.clone();
            async move { stop.above(Level::Drain).await }
        });
        stop.drain();
        assert!(!waits.is_finished());
        stop.abort();
        waits.await.expect("told");
    }
}
