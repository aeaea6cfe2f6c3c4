//! A gate without a base, and the length of a gate.

use super::{
    contender::Contender,
    explain,
    judge::{Word, fewest_repetitions},
    metric::GateMetric,
    repetition,
    scenario::Scenario,
    verdict::Verdict,
};

/// The verdict of a gate for which there is no base, for a reason that its caller knows: skipped.
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

/// How long one repetition of each of these scenarios takes, about.
#[must_use]
pub fn expected_length(scenarios: &[Scenario]) -> std::time::Duration {
    scenarios.iter().map(repetition::expected_length).sum()
}

/// How many repetitions so many scenarios need for a verdict.
#[must_use]
pub fn fewest_repetitions_of(scenarios: usize) -> usize {
    fewest_repetitions(scenarios * GateMetric::JUDGED.len())
}
