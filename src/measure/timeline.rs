//! Timeline of a run: one row per second, up to a bounded number of rows.

use std::time::Duration;

use super::{
    calls::Outcomes,
    interval::{Interval, PackedInterval},
};

/// Length of an interval from a worker.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// Most rows. A longer run has rows of 2 s, then 4 s, and so on.
const MOST_ROWS: usize = 1_024;

/// Most rows whose histograms a merge keeps unpacked: packing a row again for each part takes six times the CPU time.
/// They take 0.5 MiB per row.
const MOST_OPEN_ROWS: usize = 256;

/// Intervals of all workers, in their order in time.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// Seconds per row, a power of two.
    seconds: u32,
    rows: Vec<Row>,
}

/// A row of the timeline.
#[derive(Debug, Clone, Default)]
struct Row {
    packed: PackedInterval,
    /// The row while parts are merged; `packed` is empty then.
    open: Option<Box<Interval>>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self::new()
    }
}

impl Timeline {
    /// Makes a timeline without rows.
    #[must_use]
    pub fn new() -> Self {
        Self { seconds: 1, rows: Vec::new() }
    }

    /// Makes a timeline of these rows, each of this many seconds.
    ///
    /// # Errors
    /// Fails if a row has an invalid length, or there are too many rows.
    pub fn of_rows(seconds: u32, rows: Vec<PackedInterval>) -> Result<Self, &'static str> {
        if !seconds.is_power_of_two() {
            return Err("the seconds of an interval are no power of two");
        }
        if rows.len() > MOST_ROWS {
            return Err("there are more intervals than a timeline has");
        }
        Ok(Self { seconds, rows: rows.into_iter().map(|packed| Row { packed, open: None }).collect() })
    }

    /// Seconds per row.
    #[must_use]
    pub fn seconds(&self) -> u32 {
        self.seconds
    }

    /// Adds one worker's interval number `index`, from 0, of [`INTERVAL`] length.
    pub fn add(&mut self, index: u64, interval: &Interval) {
        let mut row = index / u64::from(self.seconds);
        while row >= MOST_ROWS as u64 {
            self.coarsen();
            row = index / u64::from(self.seconds);
        }
        self.row(usize::try_from(row).unwrap_or(MOST_ROWS)).add(interval);
    }

    /// Merges the timeline of another part of the run, whose window began at the same instant.
    pub fn merge(&mut self, mut other: Self) {
        while self.seconds < other.seconds {
            self.coarsen();
        }
        while other.seconds < self.seconds {
            other.coarsen();
        }
        let is_short = other.rows.len().max(self.rows.len()) <= MOST_OPEN_ROWS;
        for (index, row) in other.rows.iter().enumerate() {
            let sum = self.row(index);
            if is_short && row.open.is_none() {
                sum.open().add_packed(&row.packed);
            } else {
                sum.add(&row.unpack());
            }
        }
    }

    /// Puts empty rows before the others, for this time, rounded to whole rows. A timeline whose rows would be too many
    /// gets longer rows.
    pub fn delay(&mut self, later: Duration) {
        let rows = |seconds: u32| {
            let row = INTERVAL * seconds;
            usize::try_from((later + row / 2).as_nanos() / row.as_nanos().max(1)).unwrap_or(usize::MAX)
        };
        while self.rows.len().saturating_add(rows(self.seconds)) > MOST_ROWS {
            self.coarsen();
        }
        let rows = rows(self.seconds);
        self.rows.splice(0..0, std::iter::repeat_with(Row::default).take(rows));
    }

    fn row(&mut self, index: usize) -> &mut Row {
        if self.rows.len() <= index {
            self.rows.resize_with(index + 1, Row::default);
        }
        &mut self.rows[index]
    }

    /// Start, length and contents of each row, in order. The last row ends at `end`, the end of the run.
    pub fn intervals(&self, end: Duration) -> impl Iterator<Item = (Duration, Duration, Interval)> {
        let length = INTERVAL * self.seconds;
        let starts = (0..).map(move |row| length * row);
        starts.zip(&self.rows).map(move |(start, row)| {
            let left = end.saturating_sub(start);
            (start, if left.is_zero() { length } else { length.min(left) }, row.unpack())
        })
    }

    /// Sum of the calls of all rows.
    #[must_use]
    pub fn total(&self) -> Outcomes {
        let mut total = Outcomes::default();
        for row in &self.rows {
            total.add(row.open.as_ref().map_or(&row.packed.outcomes, |open| &open.outcomes));
        }
        total
    }

    /// Merges pairs of rows.
    fn coarsen(&mut self) {
        self.seconds = self.seconds.saturating_mul(2);
        self.rows = self
            .rows
            .chunks(2)
            .map(|pair| {
                let mut row = Row::default();
                for half in pair {
                    row.add(&half.unpack());
                }
                row
            })
            .collect();
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.unpack() == other.unpack()
    }
}

impl Row {
    fn unpack(&self) -> Interval {
        self.open.as_ref().map_or_else(|| self.packed.unpack(), |open| (**open).clone())
    }

    /// Unpacks the row, and leaves it so.
    fn open(&mut self) -> &mut Interval {
        let Self { packed, open } = self;
        open.get_or_insert_with(|| Box::new(std::mem::take(packed).unpack()))
    }

    fn add(&mut self, interval: &Interval) {
        if let Some(open) = &mut self.open {
            open.add(interval);
        } else {
            let mut sum = self.packed.unpack();
            sum.add(interval);
            self.packed = sum.pack();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(answered: u64) -> Interval {
        let mut interval =
            Interval { outcomes: Outcomes { answered, ..Outcomes::default() }, ..Interval::default() };
        for _ in 0..answered {
            interval.service.record(Duration::from_micros(100));
        }
        interval
    }

    #[test]
    fn workers_add_up_in_their_seconds() {
        let mut timeline = Timeline::new();
        timeline.add(0, &interval(1));
        timeline.add(2, &interval(3));
        timeline.add(2, &interval(4));
        let rows: Vec<_> = timeline.intervals(Duration::from_secs(1_000_000)).collect();
        let answered: Vec<u64> = rows.iter().map(|(_, _, interval)| interval.outcomes.answered).collect();
        assert_eq!(answered, [1, 0, 7]);
        assert_eq!(rows[2].0, Duration::from_secs(2));
        assert_eq!(rows[2].2.latency().count(), 7);
        let lengths: Vec<Duration> =
            timeline.intervals(Duration::from_millis(2_500)).map(|(_, length, _)| length).collect();
        assert_eq!(lengths, [1_000, 1_000, 500].map(Duration::from_millis));
    }

    #[test]
    fn parts_with_rows_of_different_lengths_meet_at_their_times() {
        // Rows of 4 s, and rows of 1 s that begin 8 s later.
        let mut long = Timeline::of_rows(4, vec![interval(1).pack(), interval(2).pack()]).expect("two rows");
        let mut late = Timeline::of_rows(1, vec![interval(3).pack(); 4]).expect("four rows");
        late.delay(Duration::from_secs(8));
        let mut other = late.clone();
        other.merge(long.clone());
        long.merge(late);
        for timeline in [long, other] {
            let rows = timeline.intervals(Duration::from_secs(1_000));
            let answered: Vec<u64> = rows.map(|(_, _, interval)| interval.outcomes.answered).collect();
            assert_eq!(answered, [1, 2, 12]);
        }
    }

    #[test]
    fn a_long_run_has_longer_rows_and_loses_nothing() {
        let mut timeline = Timeline::new();
        for second in (0..100_000).step_by(500) {
            timeline.add(second, &interval(1));
        }
        let rows: Vec<_> = timeline.intervals(Duration::from_secs(1_000_000)).collect();
        assert!(rows.len() <= MOST_ROWS);
        assert_eq!(rows[0].1, Duration::from_secs(128));
        assert_eq!(timeline.total().answered, 200);
        assert_eq!(rows.iter().map(|(_, _, interval)| interval.latency().count()).sum::<u64>(), 200);
    }
}
