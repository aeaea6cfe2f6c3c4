//! Words for a gate's metrics and verdicts.

use crate::experiment::gate::{GateMetric, Word};

/// Returns a verdict in one word.
#[must_use]
pub fn word(word: Word) -> &'static str {
    match word {
        Word::Regressed => "regressed",
        Word::Improved => "improved",
        Word::Unchanged => "unchanged",
        Word::Inconclusive => "inconclusive",
        Word::Skipped => "skipped",
        Word::Abstained => "abstained",
    }
}

/// Returns the name of a metric for texts.
pub(crate) fn metric_name(name: &str) -> &str {
    name.parse::<GateMetric>().map_or(name, |metric| metric.in_words())
}

/// Returns a ratio as a change: `+5.2 %`.
pub(crate) fn percent(ratio: f64) -> String {
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}
