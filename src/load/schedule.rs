//! Intended start times of an open loop. Pure: an iterator over durations since the start.
//!
//! Arrivals are the points of a process with rate 1, mapped through the inverse of the cumulative rate. The
//! points are whole numbers for constant spacing, and sums of exponential gaps for Poisson arrivals. Stages
//! and ramps therefore work for both. Arrival number `k` depends only on the plan and the seed, so that any
//! number of workers or shards share one schedule.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Sequence, as_f64, named};

/// Spacing of arrivals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Arrivals {
    /// Even spacing.
    Constant,
    /// Random spacing, as from many independent callers: gaps are exponentially distributed.
    Poisson,
}

named!(Arrivals, "spacing of arrivals", {
    Constant => "constant": "Evenly",
    Poisson => "poisson": "At random, as from many independent callers",
});

/// Section of load whose rate is constant or changes linearly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stage {
    /// Calls per second at the start of the stage, from 0.
    pub from_per_second: f64,
    /// Calls per second at the end of the stage, from 0.
    pub to_per_second: f64,
    /// Length of the stage.
    #[serde(rename = "duration_ns", with = "crate::units::nanoseconds")]
    #[schemars(with = "u64")]
    pub duration: Duration,
}

/// Schedule of call starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Stages in their order in time.
    pub stages: Vec<Stage>,
    /// Spacing of calls.
    pub arrivals: Arrivals,
    /// Seed of the Poisson gaps.
    pub seed: u64,
    /// Most calls in the schedule; the stages may end earlier.
    pub calls: Option<u64>,
}

/// One planned call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Number of the call in the whole schedule, from 0.
    pub k: u64,
    /// Intended start of the call, since the start of the schedule.
    pub at: Duration,
}

impl Stage {
    /// Makes a stage with one rate.
    #[must_use]
    pub fn constant(per_second: f64, duration: Duration) -> Self {
        Self { from_per_second: per_second, to_per_second: per_second, duration }
    }

    /// Number of calls in this stage, as a real number.
    fn calls(&self) -> f64 {
        f64::midpoint(self.from_per_second, self.to_per_second) * self.duration.as_secs_f64()
    }

    /// Time after which this stage has produced `calls` calls, in s.
    ///
    /// The result is the smaller root of `from t + (to - from) t^2 / (2 T) = calls`, in the form that stays
    /// exact when `to` is close to `from`.
    fn time_of(&self, calls: f64) -> f64 {
        if calls <= 0.0 {
            return 0.0;
        }
        let (from, to) = (self.from_per_second, self.to_per_second);
        let slope = (to - from) / self.duration.as_secs_f64();
        let discriminant = (from * from + 2.0 * slope * calls).max(0.0);
        2.0 * calls / (from + discriminant.sqrt())
    }
}

impl Schedule {
    /// Total length of the stages.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.stages.iter().map(|stage| stage.duration).fold(Duration::ZERO, Duration::saturating_add)
    }

    /// Time at which `calls` calls have started, by the rates alone: for even spacing, the start of call
    /// number `calls`. The end of the last stage if there are fewer calls.
    #[must_use]
    pub fn time_of(&self, calls: f64) -> Duration {
        let mut left = calls;
        let mut start = Duration::ZERO;
        for stage in &self.stages {
            if left <= stage.calls() {
                return start + nanoseconds(stage.time_of(left)).min(stage.duration);
            }
            left -= stage.calls();
            start += stage.duration;
        }
        start
    }

    /// Number of calls that start before `end`. For constant arrivals it is found by bisection, for Poisson arrivals by
    /// counting: 4 ns per call.
    #[must_use]
    pub fn calls_before(&self, end: Duration) -> u64 {
        if self.arrivals == Arrivals::Poisson {
            return self.share(0, 1).take_while(|arrival| arrival.at < end).count() as u64;
        }
        let starts_before = |k: u64| {
            let mut from = WorkerArrivals { next: k, ..self.share(0, 1) };
            from.next().is_some_and(|arrival| arrival.at < end)
        };
        // The first call that does not start before the end lies in [none, all].
        let (mut least, mut most) = (0, self.calls.unwrap_or(1 << 53));
        while least < most {
            let middle = least.midpoint(most);
            if starts_before(middle) {
                least = middle + 1;
            } else {
                most = middle;
            }
        }
        least
    }

    /// Returns the arrivals `k` with `k % of == index`, in order.
    ///
    /// # Panics
    /// Panics if `of` is 0.
    #[must_use]
    pub fn share(&self, index: u64, of: u64) -> WorkerArrivals {
        assert!(of > 0, "a schedule has at least one share");
        WorkerArrivals {
            stages: self.stages.clone(),
            gaps: match self.arrivals {
                Arrivals::Constant => None,
                Arrivals::Poisson => Some(Gaps { fractions: Sequence::new(self.seed) }),
            },
            calls: self.calls.unwrap_or(u64::MAX),
            index,
            of,
            next: 0,
            point: 0.0,
            stage: 0,
            stage_start: Duration::ZERO,
            calls_before: 0.0,
        }
    }
}

/// Arrivals of one worker or shard.
#[derive(Debug, Clone)]
pub struct WorkerArrivals {
    stages: Vec<Stage>,
    gaps: Option<Gaps>,
    calls: u64,
    index: u64,
    of: u64,
    /// Number of the next arrival of the whole schedule.
    next: u64,
    /// Point of arrival number `next` in the process with rate 1.
    point: f64,
    stage: usize,
    stage_start: Duration,
    /// Calls in the stages before `stage`.
    calls_before: f64,
}

impl WorkerArrivals {
    /// Returns true if no arrival is left because the schedule's count was reached.
    #[must_use]
    pub fn is_counted_out(&self) -> bool {
        self.next_number().is_none_or(|k| k >= self.calls)
    }

    /// Number of this share's next arrival.
    fn next_number(&self) -> Option<u64> {
        self.next.checked_add((self.index + self.of - self.next % self.of) % self.of)
    }

    /// Moves `point` to arrival number `k`, and sets `next` to the number after `k`.
    fn advance_to(&mut self, k: u64) {
        match &mut self.gaps {
            None => self.point = as_f64(k),
            Some(gaps) => {
                // A gap also precedes the first arrival.
                for _ in self.next..=k {
                    self.point += gaps.next_gap();
                }
            }
        }
        self.next = k + 1;
    }
}

impl Iterator for WorkerArrivals {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let k = self.next_number().filter(|k| *k < self.calls)?;
        self.advance_to(k);
        loop {
            let stage = self.stages.get(self.stage)?;
            let calls = stage.calls();
            // A product of rate and duration may exceed the intended whole number by a rounding error.
            if self.point < self.calls_before + calls - 1e-9 * calls.max(1.0) {
                let seconds = stage.time_of(self.point - self.calls_before);
                return Some(Arrival { k, at: self.stage_start + nanoseconds(seconds).min(stage.duration) });
            }
            self.calls_before += calls;
            self.stage_start += stage.duration;
            self.stage += 1;
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "seconds are from 0; `as` saturates"
)]
fn nanoseconds(seconds: f64) -> Duration {
    Duration::from_nanos((seconds * 1e9).round() as u64)
}

/// Exponentially distributed gaps with mean 1.
#[derive(Debug, Clone)]
struct Gaps {
    fractions: Sequence,
}

impl Gaps {
    fn next_gap(&mut self) -> f64 {
        -self.fractions.next_above_zero().ln()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn schedule(stages: &[Stage], arrivals: Arrivals) -> Schedule {
        Schedule { stages: stages.to_vec(), arrivals, seed: 1, calls: None }
    }

    fn times(schedule: &Schedule) -> Vec<Duration> {
        schedule.share(0, 1).map(|arrival| arrival.at).collect()
    }

    #[test]
    fn a_constant_rate_spaces_evenly_from_zero() {
        let plan = schedule(&[Stage::constant(5_000.0, Duration::from_secs(5))], Arrivals::Constant);
        let times = times(&plan);
        assert_eq!(times.len(), 25_000);
        assert_eq!(times[0], Duration::ZERO);
        assert_eq!(times[1], Duration::from_micros(200));
        assert_eq!(times[24_999], Duration::from_micros(4_999_800));
    }

    #[test]
    fn a_rate_that_is_no_float_has_no_call_too_many() {
        for rate in [0.1, 0.3, 0.7, 3.3, 1_000.1] {
            let plan = schedule(&[Stage::constant(rate, Duration::from_secs(30))], Arrivals::Constant);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            let expected = (rate * 30.0 - 1e-6).ceil() as usize;
            assert_eq!(times(&plan).len(), expected, "{rate}");
        }
    }

    #[test]
    fn a_ramp_brings_the_area_below_it() {
        let ramp = Stage { from_per_second: 0.0, to_per_second: 1_000.0, duration: Duration::from_secs(10) };
        let times = times(&schedule(&[ramp], Arrivals::Constant));
        assert_eq!(times.len(), 5_000);
        // Half of the time contains a quarter of the calls.
        assert_eq!(times.iter().filter(|at| **at < Duration::from_secs(5)).count(), 1_250);
    }

    #[test]
    fn stages_follow_each_other_and_may_pause() {
        let plan = schedule(
            &[
                Stage::constant(100.0, Duration::from_secs(1)),
                Stage::constant(0.0, Duration::from_secs(1)),
                Stage { from_per_second: 200.0, to_per_second: 0.0, duration: Duration::from_secs(1) },
            ],
            Arrivals::Constant,
        );
        let times = times(&plan);
        assert_eq!(times.len(), 200);
        assert_eq!(times[100], Duration::from_secs(2));
        assert!(times[199] < Duration::from_secs(3));
        assert_eq!(plan.duration(), Duration::from_secs(3));
    }

    #[test]
    fn poisson_gaps_are_exponential() {
        let plan = schedule(&[Stage::constant(1_000.0, Duration::from_secs(100))], Arrivals::Poisson);
        let times = times(&plan);
        // Mean 100,000 with a standard deviation of 316.
        assert!((99_000..101_000).contains(&times.len()), "{}", times.len());
        let long = times
            .windows(2)
            .filter(|pair| pair[1].saturating_sub(pair[0]) > Duration::from_millis(1))
            .count();
        let share = as_f64(long as u64) / as_f64(times.len() as u64);
        assert!((share - (-1_f64).exp()).abs() < 0.01, "{share}");
    }

    #[test]
    fn a_count_ends_the_schedule() {
        let mut plan = schedule(&[Stage::constant(10.0, Duration::from_secs(100))], Arrivals::Constant);
        plan.calls = Some(7);
        assert_eq!(times(&plan).len(), 7);
        assert_eq!(plan.time_of(7.0), Duration::from_millis(700));
        assert_eq!(plan.time_of(7_000.0), Duration::from_secs(100));
    }

    proptest! {
        #[test]
        fn shares_make_the_whole_in_order(
            rates in prop::collection::vec((0.0_f64..300.0, 0.0_f64..300.0, 1_u64..3_000), 1..4),
            of in 1_u64..5,
            poisson: bool,
        ) {
            let stages: Vec<Stage> = rates
                .into_iter()
                .map(|(from, to, milliseconds)| Stage {
                    from_per_second: from,
                    to_per_second: to,
                    duration: Duration::from_millis(milliseconds),
                })
                .collect();
            let plan = schedule(&stages, if poisson { Arrivals::Poisson } else { Arrivals::Constant });
            let whole: Vec<Arrival> = plan.share(0, 1).collect();
            prop_assert!(whole.windows(2).all(|pair| pair[0].at <= pair[1].at && pair[0].k + 1 == pair[1].k));
            prop_assert!(whole.iter().all(|arrival| arrival.at <= plan.duration()));
            let end = plan.duration() / 3;
            let before = whole.iter().filter(|arrival| arrival.at < end).count() as u64;
            prop_assert_eq!(plan.calls_before(end), before);
            prop_assert_eq!(plan.calls_before(Duration::MAX), whole.len() as u64);
            let mut joined: Vec<Arrival> = (0..of).flat_map(|index| plan.share(index, of)).collect();
            joined.sort_by_key(|arrival| arrival.k);
            prop_assert_eq!(joined, whole);
        }
    }
}
