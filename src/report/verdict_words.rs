//! A gate's metrics and verdicts in words.

use crate::experiment::gate::{GateMetric, Word};

/// A verdict in a word.
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

/// A metric as people call it.
pub(crate) fn metric_name(name: &str) -> &str {
    name.parse::<GateMetric>().map_or(name, |metric| metric.in_words())
}

/// A ratio as a change: `+5.2 %`.
pub(crate) fn percent(ratio: f64) -> String {
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}
