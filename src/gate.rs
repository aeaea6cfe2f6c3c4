//! The regression gate: base and candidate in interleaved slices, and a verdict whose error rates were
//! measured (`results/`).
//!
//! One generator drives both servers, so that only they differ. Each repetition has fresh processes; slices of
//! load follow each other on them in random order; the repetition is the unit of inference. Limits come first,
//! and need no statistics.

mod check;
mod conclude;
mod contender;
mod course;
mod error;
mod findings;
mod judge;
mod moved;
mod repetition;
mod scenario;
mod tried;
mod verdict;

pub use contender::{Contender, ContenderError, ContenderTextError};
pub use course::{DEFAULT_REPETITIONS, MOST_REPETITIONS, Progress, Settings, run};
pub use error::GateError;
pub use judge::{
    CONFIDENCE, Estimate, LEVEL, MetricVerdict, Noise, Sample, Word, fewest_repetitions, judge, scenario_word,
};
pub use moved::MovedLimit;
pub use repetition::{ARMS, Arm, Repetition, RepetitionError, Slices};
pub use scenario::{
    DEFAULT_THRESHOLD, Expected, Scenario, ScenarioError, ScenarioLoad, Thresholds, parse_share,
};
pub use verdict::{
    Confirmation, Finding, LimitsVerdict, Reported, SCHEMA, ScenarioVerdict, Verdict, VerdictReadError,
};

/// What is measured of each arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Calls that end as they should, a second.
    CallsPerSecond,
    /// The median of their time.
    P50,
    /// CPU time of the server a call.
    ServerCpu,
    /// 99 % of them take no longer. Too unsteady to be judged.
    P99,
}

impl Metric {
    /// Those that are judged.
    pub const JUDGED: [Self; 3] = [Self::CallsPerSecond, Self::P50, Self::ServerCpu];

    /// In documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CallsPerSecond => "calls_per_second",
            Self::P50 => "p50_ns",
            Self::ServerCpu => "server_cpu_ns_per_call",
            Self::P99 => "p99_ns",
        }
    }

    /// For people.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::CallsPerSecond => "calls/s",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::ServerCpu => "server's CPU a call",
        }
    }

    /// The metric of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::CallsPerSecond, Self::P50, Self::ServerCpu, Self::P99]
            .into_iter()
            .find(|metric| metric.name() == name)
    }

    /// The logarithm of a ratio, turned so that more is worse.
    fn cost(self, logarithm: f64) -> f64 {
        if self == Self::CallsPerSecond { -logarithm } else { logarithm }
    }

    /// The ratio that a cost stands for.
    fn ratio_of(self, cost: f64) -> f64 {
        self.cost(cost).exp()
    }
}

/// The verdict of a gate for which there is no base, for a reason that its caller knows: skipped.
#[must_use]
pub fn without_base(reason: &str, candidate: &Contender, label: Option<String>, seed: u64) -> Verdict {
    let head = conclude::head(conclude::Head {
        label,
        started_at: crate::environment::timestamp(crate::environment::wall_clock()),
        elapsed: std::time::Duration::ZERO,
        interrupted: false,
        base: "none".to_owned(),
        candidate: candidate.to_string(),
        environment: crate::environment::Environment::now(),
        seed,
        repetitions: 0,
    });
    Verdict { verdict: Word::Skipped, reason: reason.to_owned(), ..head }
}

/// How long one repetition of each of these scenarios takes, about.
#[must_use]
pub fn expected_length(scenarios: &[Scenario]) -> std::time::Duration {
    scenarios.iter().map(repetition::expected_length).sum()
}

/// How many repetitions so many scenarios need for a verdict.
#[must_use]
pub fn fewest_repetitions_of(scenarios: usize) -> usize {
    fewest_repetitions(scenarios * Metric::JUDGED.len())
}

#[cfg(test)]
mod tests;
