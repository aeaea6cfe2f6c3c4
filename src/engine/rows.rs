//! Rows of a run's timeline, while its workers report their intervals.

use std::{collections::BTreeMap, time::Duration};

use super::{event::Event, worker::EndedInterval};
use crate::{
    measure::{CpuTime, Interval, Outcomes, Timeline},
    units::nanoseconds_of,
};

/// Most rows that wait for the reports of all workers; each takes 0.5 MiB.
const MOST_OPEN: usize = 8;

/// Most rows in which a worker that did not run has its calls in flight. The rows of a longer pause have none.
const MOST_SKIPPED: u64 = 1_000;

/// Time between two events of progress.
const SECOND: Duration = Duration::from_secs(1);

/// Rows of a run's timeline, and its progress by the second.
pub(super) struct Rows {
    timeline: Timeline,
    workers: usize,
    /// Rows that some workers have not reported yet: their sum, and number of reports. A row is packed once, when all
    /// workers have reported it.
    open: BTreeMap<u64, (Interval, usize)>,
    /// The current second: its number from 0, its calls so far, and the calls in flight at the end of its last row.
    second: Option<(u64, Interval, u64)>,
    /// First second that was not announced.
    next_second: u64,
    /// Outcomes of all reports.
    so_far: Outcomes,
}

impl Rows {
    /// Makes rows for this number of workers, which report intervals of this length.
    pub(super) fn new(workers: usize, part: Duration) -> Self {
        Self {
            timeline: Timeline::new(part),
            workers,
            open: BTreeMap::new(),
            second: None,
            next_second: 0,
            so_far: Outcomes::default(),
        }
    }

    /// Takes a worker's report. Returns the event of each second that it completes.
    pub(super) fn take(&mut self, ended: EndedInterval) -> Vec<Event> {
        let EndedInterval { index, skipped, interval } = ended;
        self.so_far.add(&interval.outcomes);
        let in_flight = interval.in_flight;
        let is_open = interval.response.is_some();
        let mut events = self.take_row(index, interval);
        for skipped in 1..=skipped.min(MOST_SKIPPED) {
            events.extend(self.take_row(index + skipped, Interval { in_flight, ..Interval::new(is_open) }));
        }
        events
    }

    fn take_row(&mut self, index: u64, interval: Interval) -> Vec<Event> {
        let (row, reporters) = match self.open.remove(&index) {
            None => (interval, 1),
            Some((mut sum, reporters)) => {
                sum.add(&interval);
                (sum, reporters + 1)
            }
        };
        let is_complete = reporters == self.workers;
        self.open.insert(index, (row, reporters));
        // A worker reports its rows in order, so rows before a complete one are complete too.
        let mut events = Vec::new();
        while let Some(first) = self.open.first_entry()
            && ((is_complete && *first.key() <= index) || self.open.len() > MOST_OPEN)
        {
            if let Some((index, (row, _))) = self.open.pop_first() {
                events.extend(self.close(index, row));
            }
        }
        events
    }

    /// Adds the CPU time of both sides between two readings, at these times since the start of the window.
    pub(super) fn add_cpu(&mut self, between: (Duration, Duration), used: CpuTime) {
        self.timeline.add_cpu(between, used);
    }

    /// Closes the rows that are left. Returns the event of the last second.
    pub(super) fn close_all(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some((index, (row, _))) = self.open.pop_first() {
            events.extend(self.close(index, row));
        }
        events.extend(self.announce());
        events
    }

    /// Returns the timeline of a run with a window of this length.
    pub(super) fn into_timeline(mut self, window: Duration) -> Timeline {
        self.timeline.end_at(window);
        self.timeline
    }

    fn close(&mut self, index: u64, row: Interval) -> Vec<Event> {
        self.timeline.add(index, &row);
        let per_second = (nanoseconds_of(SECOND) / nanoseconds_of(self.timeline.part()).max(1)).max(1);
        let number = index / per_second;
        let mut events = Vec::new();
        if self.second.as_ref().is_some_and(|(current, ..)| *current < number) {
            events.extend(self.announce());
        }
        // A late report of a second that was announced shows in `so_far` alone.
        if number < self.next_second {
            return events;
        }
        let in_flight = row.in_flight;
        match &mut self.second {
            Some((current, sum, last)) if *current == number => {
                sum.add(&row);
                *last = in_flight;
            }
            Some(_) => {}
            second => *second = Some((number, row, in_flight)),
        }
        if (index + 1).is_multiple_of(per_second) {
            events.extend(self.announce());
        }
        events
    }

    /// Announces the current second, if there is one.
    fn announce(&mut self) -> Option<Event> {
        let second = self.second.take()?;
        self.next_second = second.0 + 1;
        Some(self.event(second))
    }

    fn event(&self, (number, second, in_flight): (u64, Interval, u64)) -> Event {
        let elapsed = SECOND * u32::try_from(number + 1).unwrap_or(u32::MAX);
        Event::Second { elapsed, second: Box::new(second), in_flight, so_far: self.so_far }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: Duration = Duration::from_millis(100);

    fn ended(index: u64, answered: u64) -> EndedInterval {
        let outcomes = Outcomes { answered, ..Outcomes::default() };
        EndedInterval {
            index,
            skipped: 0,
            interval: Interval { outcomes, in_flight: 1, ..Interval::default() },
        }
    }

    /// Elapsed seconds of the events, with the calls of the second, those so far, and those in flight.
    fn seconds(events: Vec<Event>) -> Vec<(u64, u64, u64, u64)> {
        let figures = |event| match event {
            Event::Second { elapsed, second, in_flight, so_far } => {
                (elapsed.as_secs(), second.outcomes.answered, so_far.answered, in_flight)
            }
            other => panic!("{other:?}"),
        };
        events.into_iter().map(figures).collect()
    }

    fn answered(timeline: &Timeline) -> Vec<u64> {
        timeline.outcomes(Duration::MAX).map(|(_, _, outcomes)| outcomes.answered).collect()
    }

    #[test]
    fn a_second_is_announced_when_all_workers_have_reported_its_last_row() {
        let mut rows = Rows::new(2, PART);
        for index in 0..9 {
            assert!(rows.take(ended(index, 1)).is_empty() && rows.take(ended(index, 2)).is_empty());
        }
        assert!(rows.take(ended(9, 1)).is_empty());
        assert_eq!(seconds(rows.take(ended(9, 2))), [(1, 30, 30, 2)]);
        assert!(rows.take(ended(10, 5)).is_empty());
        assert_eq!(seconds(rows.close_all()), [(2, 5, 35, 1)]);
        assert_eq!(answered(&rows.into_timeline(PART * 11)), [3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 5]);
    }

    #[test]
    fn a_worker_that_skips_rows_loses_no_call_and_holds_up_no_second() {
        let mut rows = Rows::new(2, PART);
        for index in 0..12 {
            assert!(rows.take(ended(index, 1)).is_empty(), "{index}");
        }
        // This worker was blocked from the first row on for 1.1 s, with its call in flight.
        assert_eq!(seconds(rows.take(EndedInterval { skipped: 10, ..ended(0, 3) })), [(1, 13, 15, 2)]);
        assert_eq!(seconds(rows.take(ended(11, 3))), []);
        assert_eq!(seconds(rows.close_all()), [(2, 5, 18, 2)]);
        let timeline = rows.into_timeline(PART * 12);
        assert_eq!(answered(&timeline), [4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4]);
        assert!(timeline.intervals(PART * 12).all(|row| row.interval.in_flight == 2), "a call of each");
    }

    #[test]
    fn rows_that_wait_for_a_worker_take_bounded_memory() {
        let mut rows = Rows::new(2, PART);
        let mut announced = Vec::new();
        for index in 0..200 {
            announced.extend(seconds(rows.take(ended(index, 1))));
            assert!(rows.open.len() <= MOST_OPEN);
        }
        announced.extend(seconds(rows.take(ended(0, 7))));
        announced.extend(seconds(rows.close_all()));
        let elapsed: Vec<u64> = announced.iter().map(|(elapsed, ..)| *elapsed).collect();
        assert_eq!(elapsed, (1..=20).collect::<Vec<_>>(), "each second once");
        let timeline = rows.into_timeline(PART * 200);
        assert_eq!((timeline.total().answered, answered(&timeline)[0]), (207, 8));
    }

    #[test]
    fn a_reading_after_the_window_makes_no_row() {
        let mut rows = Rows::new(1, PART);
        rows.take(ended(0, 1));
        let (client, server) = (Some(PART / 2), None);
        rows.add_cpu((Duration::from_micros(50), PART + PART / 100), CpuTime { client, server });
        let timeline = rows.into_timeline(PART);
        let rows: Vec<_> = timeline.intervals(PART).collect();
        assert_eq!(rows.len(), 1);
        assert!(rows[0].cpu.client.is_some_and(|cpu| cpu > PART / 3 && cpu < PART / 2), "{:?}", rows[0].cpu);
    }
}
