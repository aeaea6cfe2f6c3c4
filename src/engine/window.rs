//! Warm-up, measured window and drain of a worker's run, as pure instants: no clock, no socket, no call.

use std::time::Duration;

use tokio::time::Instant;

use super::worker::{End, INTERRUPTED_DRAIN, Order};
use crate::load::COARSE_INTERVAL;

/// State of a run in time, and its next due action.
#[derive(Debug, Clone)]
pub(super) struct Window {
    start: Instant,
    /// Start of the warm-up.
    warm: Instant,
    /// End of the measured window, if it is known.
    end: Option<Instant>,
    drain: Duration,
    /// Length of an interval.
    part: Duration,
    /// End of the current interval of the window, or of the first one before the window.
    interval_ends: Instant,
    is_measuring: bool,
    ended: Option<End>,
    /// End of the drain, once the drain has begun.
    drained_at: Option<Instant>,
    is_interrupted: bool,
    is_over: bool,
}

/// Phases of a run that have begun or ended since the last update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Passed {
    /// The measured window has begun.
    pub(super) has_begun: bool,
    /// Reason why no further call is planned; set once.
    pub(super) ended: Option<End>,
}

impl Window {
    /// Makes a window that starts at `start` after a warm-up, and lasts for `duration` if that is known. Its intervals
    /// have the length `part`.
    pub(super) fn new(
        start: Instant,
        warm_up: Duration,
        duration: Option<Duration>,
        drain: Duration,
        part: Duration,
    ) -> Self {
        Self {
            start,
            warm: start.checked_sub(warm_up).unwrap_or(start),
            end: duration.and_then(|duration| start.checked_add(duration)),
            drain,
            part,
            interval_ends: start + part,
            is_measuring: false,
            ended: None,
            drained_at: None,
            is_interrupted: false,
            is_over: false,
        }
    }

    /// Makes a window that ends at its start, for a run that was interrupted before it.
    pub(super) fn empty(start: Instant) -> Self {
        Self::new(start, Duration::ZERO, Some(Duration::ZERO), Duration::ZERO, COARSE_INTERVAL)
    }

    pub(super) fn start(&self) -> Instant {
        self.start
    }

    pub(super) fn end(&self) -> Option<Instant> {
        self.end
    }

    /// Returns true if the warm-up has begun, so that calls may start.
    pub(super) fn is_warm(&self, now: Instant) -> bool {
        now >= self.warm
    }

    /// Start of the warm-up.
    pub(super) fn warm(&self) -> Instant {
        self.warm
    }

    /// Returns true if an instant is after the measured window.
    pub(super) fn is_behind(&self, instant: Instant) -> bool {
        self.end.is_some_and(|end| instant >= end)
    }

    /// Returns true if no further call is planned.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Returns true if at least one interval of the window has ended since the last call of this function.
    pub(super) fn take_interval(&mut self, now: Instant) -> bool {
        let is_over = now >= self.interval_ends;
        while now >= self.interval_ends {
            self.interval_ends += self.part;
        }
        is_over
    }

    /// Advances to `now`. `is_counted_out` is true if the last call of a counted plan was started.
    pub(super) fn advance(&mut self, now: Instant, order: Order, is_counted_out: bool) -> Passed {
        let mut passed = Passed::default();
        let is_ordered = matches!(order, Order::Drain | Order::Leave);
        if is_ordered && !self.is_interrupted {
            self.is_interrupted = true;
            self.drain = self.drain.min(INTERRUPTED_DRAIN);
            let soon = now + self.drain;
            self.drained_at = self.drained_at.map(|at| at.min(soon));
        }
        if self.ended.is_some() {
            return passed;
        }
        self.ended = if is_ordered {
            self.end = Some(now);
            Some(End::Order)
        } else if self.is_behind(now) {
            Some(End::Time)
        } else if is_counted_out {
            Some(End::Count)
        } else {
            None
        };
        if !self.is_measuring && now >= self.start && self.ended != Some(End::Order) {
            self.is_measuring = true;
            passed.has_begun = true;
        }
        if let Some(ended) = self.ended {
            passed.ended = Some(ended);
            let since = if ended == End::Time { self.end.unwrap_or(now) } else { now };
            self.drained_at = Some(since + self.drain);
        }
        passed
    }

    /// Returns true if all calls are done, the drain is over, or the driver has ordered the end. `is_idle` is
    /// true if no call is in flight or due.
    pub(super) fn is_drained(&self, now: Instant, order: Order, is_idle: bool) -> bool {
        self.ended.is_some()
            && (is_idle || order == Order::Leave || self.drained_at.is_some_and(|at| now >= at))
    }

    /// Returns true once, when the measured window is over. A window of counted calls lasts until the last of
    /// them is done.
    pub(super) fn take_over(&mut self, is_drained: bool) -> bool {
        let is_over = match self.ended {
            None => false,
            Some(End::Count) => is_drained,
            Some(End::Time | End::Order) => true,
        };
        is_over && !std::mem::replace(&mut self.is_over, true)
    }

    /// Time of the next due action.
    pub(super) fn next_event(&self, now: Instant) -> Instant {
        let end = if self.ended.is_none() { self.end } else { self.drained_at };
        let beginnings = [self.warm, self.start].into_iter().filter(|beginning| *beginning > now);
        end.into_iter().chain(beginnings).fold(self.interval_ends, Instant::min)
    }

    /// Reason of the window's end; an order if there is no other.
    pub(super) fn ended(&self) -> End {
        self.ended.unwrap_or(End::Order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Makes a window after a warm-up of 1 s, with a drain of 5 s. Also returns its start.
    fn window(duration: Option<Duration>) -> (Window, Instant) {
        let start = Instant::now() + SECOND;
        (Window::new(start, SECOND, duration, SECOND * 5, SECOND), start)
    }

    #[test]
    fn a_timed_window_begins_ends_and_drains_at_its_instants() {
        let (mut window, start) = window(Some(SECOND * 3));
        let run = Order::Run(start);
        let before = start - SECOND * 2;
        assert!(!window.is_warm(before) && window.is_warm(start - SECOND));
        assert_eq!(window.next_event(before), start - SECOND);
        assert_eq!(window.advance(start - SECOND, run, false), Passed::default());
        assert_eq!(window.next_event(start - SECOND), start);
        assert!(window.advance(start, run, false).has_begun && !window.advance(start, run, false).has_begun);
        assert_eq!(window.next_event(start), start + SECOND);
        assert!(window.take_interval(start + SECOND * 2) && !window.take_interval(start + SECOND * 2));
        // This update is late, but the drain still counts from the window's end.
        let late = start + SECOND * 4;
        assert_eq!(window.advance(late, run, false).ended, Some(End::Time));
        assert!(window.take_over(false) && !window.take_over(false));
        assert!(window.take_interval(late));
        assert_eq!(window.next_event(late), start + SECOND * 5);
        assert!(!window.is_drained(late, run, false) && window.is_drained(late, run, true));
        assert!(window.is_drained(start + SECOND * 8, run, false));
    }

    #[test]
    fn a_counted_window_is_over_when_its_last_call_is_done() {
        let (mut window, start) = window(None);
        let run = Order::Run(start);
        assert!(window.advance(start, run, false).has_begun);
        let last = start + SECOND * 7;
        assert_eq!(window.advance(last, run, true), Passed { has_begun: false, ended: Some(End::Count) });
        assert!(!window.take_over(window.is_drained(last, run, false)));
        assert!(window.take_over(window.is_drained(last, run, true)));
        assert!(window.is_drained(last + SECOND * 5, run, false), "the drain counts from the last start");
    }

    #[test]
    fn an_order_ends_the_window_there_and_shortens_the_drain() {
        let (mut window, start) = window(Some(SECOND * 3));
        window.advance(start, Order::Run(start), false);
        let now = start + SECOND;
        assert_eq!(window.advance(now, Order::Drain, false).ended, Some(End::Order));
        assert_eq!(window.end(), Some(now));
        assert!(!window.is_drained(now, Order::Drain, false) && window.is_drained(now, Order::Leave, false));
        assert!(window.is_drained(now + INTERRUPTED_DRAIN, Order::Drain, false));
    }

    #[test]
    fn an_order_within_the_drain_shortens_what_is_left_of_it() {
        let (mut window, start) = window(Some(SECOND * 3));
        window.advance(start + SECOND * 3, Order::Run(start), false);
        let now = start + SECOND * 4;
        window.advance(now, Order::Drain, false);
        assert_eq!((window.end(), window.ended()), (Some(start + SECOND * 3), End::Time));
        assert!(window.is_drained(now + INTERRUPTED_DRAIN, Order::Drain, false));
    }

    #[test]
    fn a_window_that_never_starts_measures_nothing() {
        let start = Instant::now();
        let mut window = Window::empty(start);
        let passed = window.advance(start, Order::Drain, false);
        assert_eq!(passed, Passed { has_begun: false, ended: Some(End::Order) });
        assert!(window.is_behind(start) && window.take_over(false));
    }
}
