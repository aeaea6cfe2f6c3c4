//! Strict mirror of the document `plimsoll.verdict/1`: an unknown field fails.

#![expect(clippy::struct_field_names, reason = "the document's names")]

use serde::Deserialize;
use serde_json::Value;

use crate::document::Calls;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Verdict {
    pub(crate) schema: String,
    #[serde(rename = "plimsoll")]
    _plimsoll: Value,
    pub(crate) verdict: String,
    pub(crate) reason: String,
    pub(crate) label: Option<String>,
    #[serde(rename = "started_at")]
    _started_at: String,
    pub(crate) elapsed_ns: u64,
    #[serde(default)]
    pub(crate) interrupted: bool,
    pub(crate) base: String,
    pub(crate) candidate: String,
    #[serde(rename = "environment")]
    _environment: Value,
    pub(crate) seed: u64,
    pub(crate) planned_repetitions: usize,
    pub(crate) limits: Option<Limits>,
    pub(crate) scenarios: Vec<Scenario>,
    pub(crate) findings: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) moved: Vec<Moved>,
    #[serde(default)]
    pub(crate) not_compared: Vec<String>,
    pub(crate) base: Value,
    #[serde(rename = "candidate")]
    _candidate: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Moved {
    pub(crate) direction: String,
    pub(crate) base: String,
    pub(crate) candidate: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) message_bytes: u64,
    pub(crate) concurrency: Option<u64>,
    #[serde(rename = "calls_per_second")]
    _calls_per_second: Option<f64>,
    pub(crate) verdict: String,
    pub(crate) reason: Option<String>,
    pub(crate) processes_differ: Option<bool>,
    pub(crate) metrics: Vec<Metric>,
    #[serde(default, rename = "reported")]
    _reported: Vec<Value>,
    pub(crate) confirmation: Option<Confirmation>,
    pub(crate) repetitions: Vec<Repetition>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirmation {
    pub(crate) metrics: Vec<Metric>,
    pub(crate) repetitions: Vec<Repetition>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metric {
    pub(crate) metric: String,
    pub(crate) ratio: f64,
    pub(crate) interval: Option<(f64, f64)>,
    pub(crate) p: f64,
    pub(crate) p_adjusted: f64,
    pub(crate) p_better: f64,
    pub(crate) p_better_adjusted: f64,
    pub(crate) threshold: f64,
    pub(crate) smallest_effect_seen: Option<f64>,
    #[serde(rename = "noise")]
    _noise: Option<Value>,
    pub(crate) verdict: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repetition {
    pub(crate) slice_ns: u64,
    pub(crate) base: Slices,
    pub(crate) base_again: Slices,
    pub(crate) candidate: Slices,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Slices {
    pub(crate) calls: Calls,
    pub(crate) expected: u64,
    #[serde(default)]
    pub(crate) generator_saturated: usize,
    pub(crate) unexpected: Option<String>,
    pub(crate) calls_per_second: Vec<Option<f64>>,
    pub(crate) p50_ns: Vec<Option<f64>>,
    pub(crate) p99_ns: Vec<Option<f64>>,
    pub(crate) server_cpu_ns_per_call: Vec<Option<f64>>,
    pub(crate) client_cpu_ns_per_call: Vec<Option<f64>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Finding {
    pub(crate) name: String,
    #[serde(rename = "weight")]
    _weight: String,
    pub(crate) detail: String,
    #[serde(rename = "advice")]
    _advice: String,
}

impl Verdict {
    /// Checks the invariants of every verdict: sums, and figures within their bounds.
    pub(crate) fn check(&self) {
        assert_eq!(self.schema, "plimsoll.verdict/1");
        assert!(self.elapsed_ns > 0 && !self.reason.is_empty());
        assert!(self.limits.iter().all(|limits| limits.not_compared.is_empty()), "{self:?}");
        for scenario in &self.scenarios {
            let again = scenario.confirmation.iter();
            for repetition in
                scenario.repetitions.iter().chain(again.clone().flat_map(|again| &again.repetitions))
            {
                repetition.check();
            }
            for metric in scenario.metrics.iter().chain(again.flat_map(|again| &again.metrics)) {
                metric.check();
            }
        }
    }
}

impl Repetition {
    fn check(&self) {
        assert!(self.slice_ns > 0);
        for slices in [&self.base, &self.base_again, &self.candidate] {
            assert_eq!(slices.calls.planned, slices.calls.ended(), "{:?}", slices.calls);
            assert!(slices.expected <= slices.calls.planned);
            assert_eq!(slices.unexpected.is_some(), slices.expected < slices.calls.planned, "{slices:?}");
            let rounds = slices.calls_per_second.len();
            assert!(rounds > 0 && slices.generator_saturated <= rounds);
            for figures in [
                &slices.p50_ns,
                &slices.p99_ns,
                &slices.server_cpu_ns_per_call,
                &slices.client_cpu_ns_per_call,
            ] {
                assert_eq!(figures.len(), rounds);
            }
        }
    }
}

impl Metric {
    fn check(&self) {
        let known = ["calls_per_second", "p50_ns", "server_cpu_ns_per_call"];
        assert!(known.contains(&self.metric.as_str()), "{self:?}");
        assert!(self.p <= self.p_adjusted && self.p_better <= self.p_better_adjusted, "{self:?}");
        assert!(self.interval.is_none_or(|(low, high)| low <= self.ratio && self.ratio <= high), "{self:?}");
        // The bound is half the threshold as a ratio. Repetitions that are all alike have no effect below it.
        let bound = (1.0 + self.threshold).sqrt() - 1.0;
        assert!(self.smallest_effect_seen.is_none_or(|effect| effect >= bound - 1e-9), "{self:?}");
    }
}
