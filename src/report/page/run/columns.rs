//! Columns of the charts over time: the intervals of a run, joined where there are too many.

use crate::{
    measure::{Latency, Outcomes},
    report::plot::Scale,
    result::{
        samples_needed,
        summary::{IntervalRecord, LatencyFigures, Summary},
    },
    units::as_f64,
};

/// Most columns with intervals shorter than a second. Longer intervals are a column each.
const MOST_COLUMNS: usize = 200;

/// Numbers of intervals that are joined.
const JOINED: [usize; 5] = [1, 2, 3, 5, 10];

const SECOND_NS: u64 = 1_000_000_000;

/// Rows of the heat map per tenfold of latency.
const ROWS_PER_DECADE: f64 = 10.0;

/// Smallest part of a column's length that has a rate: the rate of a shorter rest would mislead.
const SHORTEST: u64 = 10;

/// A column: the calls that ended within a part of the run.
pub(super) struct Column {
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    /// Left and right edge, from 0 to 1.
    pub(super) place: (f64, f64),
    pub(super) calls: Outcomes,
    /// Times of the verified replies.
    pub(super) figures: Option<LatencyFigures>,
    /// Calls in flight at its end.
    pub(super) in_flight: Option<u64>,
    pub(super) largest_lateness_ns: Option<u64>,
    /// CPU time of both sides, per time.
    pub(super) client_cores: Option<f64>,
    pub(super) server_cores: Option<f64>,
    /// Numbers of replies by latency, from the bottom of the heat map.
    pub(super) cells: Vec<u64>,
    /// False for a rest that is too short for a rate.
    pub(super) has_rate: bool,
}

/// Columns of a run.
pub(super) struct Columns {
    pub(super) all: Vec<Column>,
    /// Columns of a second for a quantile that most columns have too few replies for; empty where they have enough.
    pub(super) seconds: Vec<Column>,
    /// Scale of the times; `None` if no call was answered.
    pub(super) times: Option<Scale>,
    /// Length of a whole column.
    pub(super) length_ns: u64,
    /// End of the axis.
    pub(super) end_ns: u64,
}

impl Columns {
    /// Columns of a run with intervals; `None` without them.
    pub(super) fn of(summary: &Summary) -> Option<Self> {
        let intervals = &summary.intervals;
        let length = intervals.iter().map(|interval| interval.length_ns).max()?;
        let together = if length < SECOND_NS {
            JOINED.into_iter().find(|joined| intervals.len() <= joined * MOST_COLUMNS).unwrap_or(10)
        } else {
            1
        };
        let length_ns = length.saturating_mul(together as u64);
        let end_ns = intervals.iter().map(end_of).max()?.max(summary.window_ns).max(1);
        let figures = || intervals.iter().filter_map(|interval| interval.latency.figures.as_ref());
        let times = figures().next().map(|_| {
            Scale::logarithmic(figures().flat_map(|figures| [as_f64(figures.min_ns), as_f64(figures.max_ns)]))
        });
        let bounds = times.as_ref().map(bounds).unwrap_or_default();
        let joined = |together: usize, bounds: &[u64]| -> Vec<Column> {
            let length_ns = length.saturating_mul(together as u64);
            let columns = intervals.chunks(together);
            columns.filter_map(|part| column(part, length_ns, end_ns, bounds)).collect()
        };
        let all = joined(together, &bounds);
        let known = all.iter().filter(|column| column.calls.answered >= samples_needed(0.99)).count();
        let per_second = usize::try_from(SECOND_NS / length.max(1)).unwrap_or(1);
        let is_fine = length_ns < SECOND_NS && known < all.len() / 2;
        let seconds = if is_fine { joined(per_second, &[]) } else { Vec::new() };
        Some(Self { all, seconds, times, length_ns, end_ns })
    }

    /// Returns true if the drain is long enough to be seen.
    pub(super) fn shows_drain(&self, window_ns: u64) -> bool {
        window_ns < self.end_ns - self.end_ns / 1_000
    }

    /// Whole columns within the window: the last one may be short, and the drain has the ends of few calls.
    pub(super) fn whole(&self, window_ns: u64) -> impl Iterator<Item = &Column> {
        self.all.iter().filter(move |column| {
            column.end_ns - column.start_ns == self.length_ns && column.end_ns <= window_ns
        })
    }
}

impl Column {
    /// Answered calls per second.
    pub(super) fn per_second(&self) -> f64 {
        as_f64(self.calls.answered) / self.seconds()
    }

    /// Calls per second that ended without a verified reply.
    pub(super) fn lost_per_second(&self) -> f64 {
        as_f64(self.lost()) / self.seconds()
    }

    /// Number of calls that ended without a verified reply.
    pub(super) fn lost(&self) -> u64 {
        self.calls.total().saturating_sub(self.calls.answered)
    }

    fn seconds(&self) -> f64 {
        as_f64((self.end_ns - self.start_ns).max(1)) / 1e9
    }
}

fn end_of(interval: &IntervalRecord) -> u64 {
    interval.start_ns.saturating_add(interval.length_ns)
}

/// Upper bounds of the heat map's rows, in ns.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most 13 decades of nanoseconds"
)]
fn bounds(times: &Scale) -> Vec<u64> {
    let (low, high) = times.ends();
    let rows = (((high / low).log10() * ROWS_PER_DECADE).ceil() as usize).clamp(1, 140);
    (1..=rows).map(|row| times.value(as_f64(row as u64) / as_f64(rows as u64)).round() as u64).collect()
}

fn column(part: &[IntervalRecord], length_ns: u64, end_ns: u64, bounds: &[u64]) -> Option<Column> {
    let (first, last) = (part.first()?, part.last()?);
    let mut calls = Outcomes::default();
    // A histogram takes more time than all the rest, so there is none where the figures are known.
    let mut sum = (part.len() > 1).then(Latency::new);
    let mut heat = vec![0_u64; bounds.len()];
    for interval in part {
        calls.add(&interval.calls);
        if interval.latency.count == 0 {
            continue;
        }
        let packed = interval.latency.packed().ok()?;
        if let Some(sum) = &mut sum {
            sum.add_packed(&packed);
        }
        if let Some(last) = bounds.len().checked_sub(1) {
            for (time, count) in packed.recorded() {
                let cell = &mut heat[bounds.partition_point(|bound| *bound < time).min(last)];
                *cell = cell.saturating_add(count);
            }
        }
    }
    let (start, end) = (first.start_ns, end_of(last).max(first.start_ns + 1));
    let cores = |cpu: fn(&IntervalRecord) -> Option<u64>| {
        let used: Option<u64> =
            part.iter().map(cpu).try_fold(0, |sum: u64, cpu| Some(sum.saturating_add(cpu?)));
        used.map(|used| as_f64(used) / as_f64(end - start))
    };
    Some(Column {
        start_ns: start,
        end_ns: end,
        place: (as_f64(start) / as_f64(end_ns), as_f64(end) / as_f64(end_ns)),
        figures: sum.map_or(first.latency.figures, |sum| LatencyFigures::of(&sum)),
        in_flight: last.in_flight,
        largest_lateness_ns: part.iter().filter_map(|interval| interval.largest_lateness_ns).max(),
        client_cores: cores(|interval| interval.client_cpu_ns),
        server_cores: cores(|interval| interval.server_cpu_ns),
        cells: heat,
        has_rate: end - start >= length_ns / SHORTEST,
        calls,
    })
}
