//! Clock that ticks during a run and detects when this process does not run.
//!
//! A process that is stopped, suspended with its machine, or out of its CPU quota sends no call and reads no
//! reply. Its threads are then neither running nor ready, so no account of the kernel contains this time. A
//! closed loop would show the pause as a slow server.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread,
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    measure::{OwnAccount, Pauses, suspended_time, throttled_time},
    units::nanoseconds_of,
};

/// Interval of the clock. 100 ticks per second cost about 0.1 % of a core.
const TICK: Duration = Duration::from_millis(10);

/// Longest delay of a tick that is not a pause, without the time that the thread waited for a core.
const LATE: Duration = Duration::from_millis(15);

/// The clock; it stops when this value is dropped.
#[derive(Debug)]
pub(super) struct Pulse {
    seen: Arc<Observed>,
    /// Sender whose drop at the end stops the thread.
    _end: Sender<()>,
}

#[derive(Debug, Default)]
struct Observed {
    time_ns: AtomicU64,
    longest_ns: AtomicU64,
}

impl Observed {
    fn note(&self, pause: Duration) {
        let pause = nanoseconds_of(pause);
        self.time_ns.fetch_add(pause, Ordering::Relaxed);
        self.longest_ns.fetch_max(pause, Ordering::Relaxed);
    }
}

impl Pulse {
    /// Starts the clock.
    ///
    /// # Errors
    /// Fails if the system provides no thread.
    pub(super) fn start() -> io::Result<Self> {
        let seen = Arc::new(Observed::default());
        let (end, ended) = mpsc::channel();
        let noted = Arc::clone(&seen);
        thread::Builder::new().name("pulse".to_owned()).spawn(move || {
            let mut account = OwnAccount::open();
            let mut last = Tick::now(&mut account);
            let mut throttled = throttled_time();
            while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let tick = Tick::now(&mut account);
                if tick.at.saturating_duration_since(last.at) > TICK + LATE || tick.suspended > last.suspended
                {
                    let before = std::mem::replace(&mut throttled, throttled_time());
                    if let Some(pause) = tick.pause_since(last, throttled > before) {
                        noted.note(pause);
                    }
                }
                last = tick;
            }
        })?;
        Ok(Self { seen, _end: end })
    }

    /// Total time of the pauses so far, and the longest pause since the last call of this function.
    pub(super) fn take(&self) -> Pauses {
        Pauses {
            time: Duration::from_nanos(self.seen.time_ns.load(Ordering::Relaxed)),
            longest: Duration::from_nanos(self.seen.longest_ns.swap(0, Ordering::Relaxed)),
        }
    }
}

/// Readings of one tick of the clock.
#[derive(Debug, Clone, Copy)]
struct Tick {
    at: Instant,
    /// Total time for which the machine has been suspended; the clock does not advance during it.
    suspended: Duration,
    /// Total time for which this thread has been ready without a core.
    waited: Duration,
}

impl Tick {
    fn now(account: &mut OwnAccount) -> Self {
        Self {
            at: Instant::now(),
            suspended: suspended_time().unwrap_or_default(),
            waited: account.read().map_or(Duration::ZERO, |time| time.waiting),
        }
    }

    /// Returns the pause since an earlier tick: the delay of this tick, and the time for which the machine
    /// was suspended.
    ///
    /// Time in which other threads had the core is not a pause of this process, because the kernel's accounts
    /// contain it. A thread whose quota is used up (`was_throttled`) waits in the same account.
    fn pause_since(&self, last: Self, was_throttled: bool) -> Option<Duration> {
        let waited = self.waited.saturating_sub(last.waited);
        let late = self.at.saturating_duration_since(last.at).saturating_sub(TICK);
        let late = if was_throttled { late } else { late.saturating_sub(waited) };
        let pause = if late > LATE { late } else { Duration::ZERO };
        // The two clocks are read one after the other, so a small difference is no suspension.
        let suspended = self.suspended.saturating_sub(last.suspended);
        let pause = pause + suspended;
        (pause > LATE).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_tick_that_is_late_is_a_pause_and_so_is_a_suspended_machine() {
        let last = Tick { at: Instant::now(), suspended: Duration::ZERO, waited: Duration::ZERO };
        let after = |at: Duration, suspended: Duration, waited: Duration| Tick {
            at: last.at + at,
            suspended,
            waited,
        };
        let none = Duration::ZERO;
        for (name, tick, was_throttled, pause) in [
            ("on time", after(TICK, none, none), false, None),
            ("a little late", after(TICK + 10 * MS, MS, none), false, None),
            ("stopped", after(TICK + 50 * MS, none, none), false, Some(50 * MS)),
            ("without a core", after(TICK + 50 * MS, none, 48 * MS), false, None),
            ("stopped, then without a core", after(TICK + 50 * MS, none, 10 * MS), false, Some(40 * MS)),
            ("out of quota", after(TICK + 50 * MS, none, 48 * MS), true, Some(50 * MS)),
            ("suspended", after(TICK, 60_000 * MS, none), false, Some(60_000 * MS)),
        ] {
            assert_eq!(tick.pause_since(last, was_throttled), pause, "{name}");
        }
    }

    #[test]
    fn pauses_add_up_and_the_longest_is_of_the_time_since_the_last_look() {
        let pulse = Pulse { seen: Arc::default(), _end: mpsc::channel().0 };
        pulse.seen.note(900 * MS);
        assert_eq!(pulse.take(), Pauses { time: 900 * MS, longest: 900 * MS });
        pulse.seen.note(20 * MS);
        pulse.seen.note(30 * MS);
        assert_eq!(pulse.take(), Pauses { time: 950 * MS, longest: 30 * MS });
    }
}
