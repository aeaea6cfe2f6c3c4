//! Verdict of a gate without a base, and the expected duration of a gate.

use super::{
    contender::Contender,
    explain,
    judge::{Word, fewest_repetitions},
    metric::GateMetric,
    repetition,
    scenario::Scenario,
    verdict::Verdict,
};

/// Returns the verdict `skipped` of a gate without a base. The caller gives the reason.
#[must_use]
pub fn without_base(reason: &str, candidate: &Contender, label: Option<String>, seed: u64) -> Verdict {
    let head = explain::head(explain::Head {
        label,
        started_at: crate::measure::timestamp(crate::measure::wall_clock()),
        elapsed: std::time::Duration::ZERO,
        interrupted: false,
        base: "none".to_owned(),
        candidate: candidate.to_string(),
        environment: crate::measure::Environment::now(),
        seed,
        repetitions: 0,
    });
    Verdict { verdict: Word::Skipped, reason: reason.to_owned(), ..head }
}

/// Returns the approximate duration of one repetition of each of these scenarios.
#[must_use]
pub fn expected_length(scenarios: &[Scenario]) -> std::time::Duration {
    scenarios.iter().map(repetition::expected_length).sum()
}

/// Returns the number of repetitions needed for a verdict on this many scenarios.
#[must_use]
pub fn fewest_repetitions_of(scenarios: usize) -> usize {
    fewest_repetitions(scenarios * GateMetric::JUDGED.len())
}
