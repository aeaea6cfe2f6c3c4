//! The regression gate: base and candidate in interleaved slices, and a verdict whose error rates were
//! measured (`results/`).
//!
//! One generator drives both servers, so that only they differ. Each repetition has fresh processes; slices of
//! load follow each other on them in random order; the repetition is the unit of inference. Limits come first,
//! and need no statistics.

mod contender;
pub mod metric;
mod scenario;
mod slice;
mod repetition;
mod judge;
mod scenario_run;
mod verdict;
mod error;
mod findings;
mod explain;
mod limits;
mod run;
mod check;
pub mod without_base;

pub use contender::{Contender, ContenderError, ContenderTextError};
pub use error::GateError;
pub use judge::{
    CONFIDENCE, Estimate, LEVEL, MetricVerdict, Noise, Sample, Word, fewest_repetitions, judge, scenario_word,
};
pub use metric::GateMetric;
pub use repetition::{ARMS, Arm, Repetition, RepetitionError, Slices};
pub use run::{DEFAULT_REPETITIONS, GateSettings, MOST_REPETITIONS, run};
pub use scenario::{
    DEFAULT_THRESHOLD, Expected, Scenario, ScenarioError, ScenarioLoad, Thresholds, parse_share,
};
pub use verdict::{Confirmation, LimitsVerdict, MovedLimit, Reported, ScenarioVerdict, Verdict};
pub use without_base::{expected_length, fewest_repetitions_of, without_base};

#[cfg(test)]
mod tests;
