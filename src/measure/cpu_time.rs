//! CPU time of both sides within a part of a run.

use std::time::Duration;

/// CPU time of both sides. A side is `None` if it is not known: the system does not report it, the server is on
/// another machine, or one of its threads has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CpuTime {
    /// CPU time of this process.
    pub client: Option<Duration>,
    /// CPU time of the server's processes.
    pub server: Option<Duration>,
}

impl CpuTime {
    /// CPU time of the two sides in both parts. A sum without one part would be too small, so it is known only if both
    /// parts are known.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |left: Option<Duration>, right: Option<Duration>| Some(left?.saturating_add(right?));
        Self { client: sum(self.client, other.client), server: sum(self.server, other.server) }
    }
}

/// CPU time within an interval, as readings of the accounts add it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct CpuSoFar {
    used: CpuTime,
    /// Time that lies between readings.
    over: Duration,
}

impl CpuSoFar {
    /// CPU time of an interval that was read at both of its ends.
    pub(super) fn of(used: CpuTime, length: Duration) -> Self {
        Self { used, over: length }
    }

    /// Adds a part of the CPU time that was used between two readings, `from` and `to`: that of `start` to `end`. Of
    /// parts that follow each other, the sum is the whole, to the nanosecond.
    pub(super) fn add_part(
        &mut self,
        (from, to): (Duration, Duration),
        (start, end): (Duration, Duration),
        used: CpuTime,
    ) {
        let (start, end) = (start.max(from), end.min(to));
        let Some(over) = end.checked_sub(start).filter(|over| !over.is_zero()) else { return };
        let whole = to.saturating_sub(from).as_nanos().max(1);
        let until = |used: Duration, at: Duration| {
            let nanoseconds = used.as_nanos() * at.saturating_sub(from).as_nanos() / whole;
            Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
        };
        let part = |used: Duration| until(used, end).saturating_sub(until(used, start));
        self.join(Self {
            used: CpuTime { client: used.client.map(part), server: used.server.map(part) },
            over,
        });
    }

    /// Adds the CPU time of the interval that follows.
    pub(super) fn join(&mut self, next: Self) {
        if next.over.is_zero() {
            return;
        }
        self.used = if self.over.is_zero() { next.used } else { self.used.plus(next.used) };
        self.over = self.over.saturating_add(next.over);
    }

    /// Removes the CPU time of the server.
    pub(super) fn forget_server(&mut self) {
        self.used.server = None;
    }

    /// Adds the CPU time of the same interval in another process. It is not known if one of the two was not read.
    pub(super) fn add_parallel(&mut self, other: Self) {
        *self = Self { used: self.used.plus(other.used), over: self.over.min(other.over) };
    }

    /// CPU time of the interval, of this length. It is not known if a tenth of the interval or more lies outside the
    /// readings. Of readings over a longer time, such as after the end of the run, it is the part of this length.
    pub(super) fn within(self, length: Duration) -> CpuTime {
        let (over, length) = (self.over.as_nanos(), length.as_nanos());
        if over == 0 || over * 10 <= length * 9 {
            return CpuTime::default();
        }
        let part = |used: Duration| {
            let nanoseconds = used.as_nanos() * length.min(over) / over;
            Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
        };
        CpuTime { client: self.used.client.map(part), server: self.used.server.map(part) }
    }
}
