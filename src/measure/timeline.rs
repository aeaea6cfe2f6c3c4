//! Timeline of a run: rows of equal length, up to a bounded number of rows.

use std::time::Duration;

use super::{
    calls::Outcomes,
    cpu_time::{CpuSoFar, CpuTime},
    interval::{Interval, PackedInterval},
};
use crate::{load::FINE_INTERVAL, units::nanoseconds_of};

/// Most rows. A longer run has longer rows.
const MOST_ROWS: usize = 1_024;

/// Most rows whose histograms a merge keeps unpacked: packing a row again for each part takes six times the CPU time.
/// They take 0.5 MiB per row.
const MOST_OPEN_ROWS: usize = 256;

const SECOND: Duration = Duration::from_secs(1);

/// Intervals of all workers, in their order in time.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// Length of the intervals that workers report. The calls in flight are counted at their ends.
    part: Duration,
    /// Length of a row: one part or several.
    length: Duration,
    rows: Vec<Row>,
}

/// A row of the timeline.
#[derive(Debug, Clone, Default)]
struct Row {
    packed: PackedInterval,
    /// The row while parts are merged; `packed` is empty then.
    open: Option<Box<Interval>>,
    cpu: CpuSoFar,
}

/// A row of a timeline, with its place in time.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineRow {
    /// Start, since the start of the window.
    pub start: Duration,
    /// Length; the last row ends with the run.
    pub length: Duration,
    /// Calls that ended in it.
    pub interval: Interval,
    /// CPU time of both sides.
    pub cpu: CpuTime,
}

/// Length of the rows after these: 100 ms, 200 ms, 1 s, 2 s, 4 s and so on. Each is a multiple of the one before.
fn longer(length: Duration) -> Duration {
    if length == 2 * FINE_INTERVAL { SECOND } else { length.saturating_mul(2) }
}

/// Returns true for a length that rows can have.
fn is_length(length: Duration) -> bool {
    let seconds = u32::try_from(length.as_secs()).ok().filter(|_| length.subsec_nanos() == 0);
    [FINE_INTERVAL, 2 * FINE_INTERVAL].contains(&length) || seconds.is_some_and(u32::is_power_of_two)
}

impl Timeline {
    /// Makes a timeline without rows, for workers that report intervals of this length: 100 ms or a power of two in
    /// seconds.
    #[must_use]
    pub fn new(part: Duration) -> Self {
        Self { part, length: part, rows: Vec::new() }
    }

    /// Makes a timeline of these rows, each with its own length, as the last one may be shorter. Workers reported
    /// intervals of length `part`.
    ///
    /// # Errors
    /// Fails if a row has an invalid length, or there are too many rows.
    pub fn of_rows(
        part: Duration,
        length: Duration,
        rows: Vec<(PackedInterval, Duration, CpuTime)>,
    ) -> Result<Self, &'static str> {
        if !is_length(part) || !is_length(length) || part > length {
            return Err("the length of an interval is not 100 ms, 200 ms, 1 s, 2 s, 4 s and so on");
        }
        if rows.len() > MOST_ROWS {
            return Err("there are more intervals than a timeline has");
        }
        let row = |(packed, row_length, cpu)| Row { packed, open: None, cpu: CpuSoFar::of(cpu, row_length) };
        Ok(Self { part, length, rows: rows.into_iter().map(row).collect() })
    }

    /// Length of the intervals that workers report.
    #[must_use]
    pub fn part(&self) -> Duration {
        self.part
    }

    /// Length of a row.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.length
    }

    /// Number of parts of a row of this length: one, or more in a long run. A part that has begun counts.
    #[must_use]
    pub fn parts_of(&self, length: Duration) -> u64 {
        nanoseconds_of(length.min(self.length)).div_ceil(nanoseconds_of(self.part).max(1)).max(1)
    }

    /// Adds one worker's interval number `index`, from 0, each of the length of a part.
    pub fn add(&mut self, index: u64, interval: &Interval) {
        let row = self.row_of(index);
        self.row(row).add(interval);
    }

    /// Adds the CPU time that both sides used between two readings, at these times since the start of the window.
    pub fn add_cpu(&mut self, (from, to): (Duration, Duration), used: CpuTime) {
        if to <= from {
            return;
        }
        let part = nanoseconds_of(self.part).max(1);
        let last = self.row_of((nanoseconds_of(to) - 1) / part);
        let length = self.length;
        let first = usize::try_from(from.as_nanos() / length.as_nanos().max(1)).unwrap_or(last);
        for index in first..=last {
            let start = length * u32::try_from(index).unwrap_or(u32::MAX);
            self.row(index).cpu.add_part((from, to), (start, start + length), used);
        }
    }

    /// Removes the CPU time of the server: several processes beside one server would each count it.
    pub fn without_server_cpu(&mut self) {
        self.rows.iter_mut().for_each(|row| row.cpu.forget_server());
    }

    /// Removes the last rows without calls that start at or after this time. A reading after the end of the window may
    /// have made one.
    pub fn end_at(&mut self, end: Duration) {
        let is_behind = |index: usize| self.length * u32::try_from(index).unwrap_or(u32::MAX) >= end;
        let is_empty = |row: &Row| row.outcomes() == Outcomes::default();
        let left = self.rows.iter().enumerate().rposition(|(index, row)| !is_behind(index) || !is_empty(row));
        self.rows.truncate(left.map_or(0, |last| last + 1));
    }

    /// Number of the row of a part. If there are too many rows, they become longer.
    fn row_of(&mut self, part: u64) -> usize {
        loop {
            let row = part / self.parts_of(self.length);
            if row < MOST_ROWS as u64 {
                return usize::try_from(row).unwrap_or(MOST_ROWS);
            }
            self.coarsen();
        }
    }

    /// Merges the timeline of another part of the run, whose window began at the same instant.
    pub fn merge(&mut self, mut other: Self) {
        while self.length < other.length {
            self.coarsen();
        }
        while other.length < self.length {
            other.coarsen();
        }
        let both = other.rows.len().min(self.rows.len());
        let is_short = other.rows.len().max(self.rows.len()) <= MOST_OPEN_ROWS;
        for (index, row) in other.rows.iter().enumerate() {
            let sum = self.row(index);
            if is_short && row.open.is_none() {
                sum.open().add_packed(&row.packed);
            } else {
                sum.add(&row.unpack());
            }
            if index < both {
                sum.cpu.add_parallel(row.cpu);
            } else {
                sum.cpu = row.cpu;
            }
        }
    }

    /// Puts empty rows before the others, for this time, rounded to whole rows. A timeline whose rows would be too many
    /// gets longer rows.
    pub fn delay(&mut self, later: Duration) {
        let rows = |row: Duration| {
            usize::try_from((later + row / 2).as_nanos() / row.as_nanos().max(1)).unwrap_or(usize::MAX)
        };
        while self.rows.len().saturating_add(rows(self.length)) > MOST_ROWS {
            self.coarsen();
        }
        let rows = rows(self.length);
        self.rows.splice(0..0, std::iter::repeat_with(Row::default).take(rows));
    }

    fn row(&mut self, index: usize) -> &mut Row {
        if self.rows.len() <= index {
            self.rows.resize_with(index + 1, Row::default);
        }
        &mut self.rows[index]
    }

    /// Start and length of each row, in order. The last row ends at `end`, the end of the run.
    fn placed(&self, end: Duration) -> impl Iterator<Item = (Duration, Duration, &Row)> {
        let (length, rows) = (self.length, self.rows.len());
        self.rows.iter().enumerate().map(move |(index, row)| {
            let start = length * u32::try_from(index).unwrap_or(u32::MAX);
            let left = end.saturating_sub(start);
            let is_cut = index + 1 == rows && !left.is_zero();
            (start, if is_cut { length.min(left) } else { length }, row)
        })
    }

    /// Rows in order. The last one ends at `end`, the end of the run.
    pub fn intervals(&self, end: Duration) -> impl Iterator<Item = TimelineRow> {
        self.placed(end).map(|(start, length, row)| TimelineRow {
            start,
            length,
            interval: row.unpack(),
            cpu: row.cpu.within(length),
        })
    }

    /// Start, length and outcomes of each row, in order, without the times of its calls.
    pub fn outcomes(&self, end: Duration) -> impl Iterator<Item = (Duration, Duration, Outcomes)> {
        self.placed(end).map(|(start, length, row)| (start, length, row.outcomes()))
    }

    /// Sum of the calls of all rows.
    #[must_use]
    pub fn total(&self) -> Outcomes {
        let mut total = Outcomes::default();
        for row in &self.rows {
            total.add(&row.outcomes());
        }
        total
    }

    /// Merges neighbouring rows into longer ones.
    fn coarsen(&mut self) {
        let longer = longer(self.length);
        let together = usize::try_from(longer.as_nanos() / self.length.as_nanos().max(1)).unwrap_or(2);
        self.length = longer;
        self.rows = self
            .rows
            .chunks(together.max(2))
            .map(|rows| {
                let mut sum = Row::default();
                for row in rows {
                    sum.add(&row.unpack());
                    sum.cpu.join(row.cpu);
                }
                sum
            })
            .collect();
    }
}

impl PartialEq for Timeline {
    fn eq(&self, other: &Self) -> bool {
        (self.part, self.length) == (other.part, other.length)
            && self.intervals(Duration::MAX).eq(other.intervals(Duration::MAX))
    }
}

impl Row {
    fn outcomes(&self) -> Outcomes {
        self.open.as_ref().map_or(self.packed.outcomes, |open| open.outcomes)
    }

    fn unpack(&self) -> Interval {
        self.open.as_ref().map_or_else(|| self.packed.unpack(), |open| (**open).clone())
    }

    /// Unpacks the row, and leaves it so.
    fn open(&mut self) -> &mut Interval {
        let Self { packed, open, cpu: _ } = self;
        open.get_or_insert_with(|| Box::new(std::mem::take(packed).unpack()))
    }

    fn add(&mut self, interval: &Interval) {
        if let Some(open) = &mut self.open {
            open.add(interval);
        } else if self.packed.is_empty() {
            self.packed = interval.pack();
        } else {
            let mut sum = self.packed.unpack();
            sum.add(interval);
            self.packed = sum.pack();
        }
    }
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
