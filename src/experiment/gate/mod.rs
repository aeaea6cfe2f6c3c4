//! The regression gate: base and candidate in interleaved slices, and a verdict with measured error rates
//! (`results/`).
//!
//! One generator drives both servers, so that only the servers differ. Each repetition has fresh processes and
//! runs short slices of load on them, in random order. The repetition is the unit of inference. Limits are
//! compared first, without statistics.

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
