//! Figures of one slice of load.

use std::time::Duration;

use super::scenario::Expected;
use crate::{
    measure::{Calls, Latency, Measurement},
    rpc::status_words,
    units::{as_f64, nanoseconds_of},
};

/// Figures of a slice.
pub(super) struct Slice {
    pub(super) calls: Calls,
    pub(super) expected: u64,
    pub(super) generator_saturated: bool,
    pub(super) unexpected: Option<String>,
    /// Calls per second with any outcome.
    pub(super) ended_per_second: f64,
    pub(super) calls_per_second: Option<f64>,
    pub(super) p50_ns: Option<f64>,
    pub(super) p99_ns: Option<f64>,
    pub(super) server_cpu_ns_per_call: Option<f64>,
    pub(super) client_cpu_ns_per_call: Option<f64>,
}

pub(super) fn slice_of(run: &Measurement, expected: Expected, generator_saturated: bool) -> Slice {
    let recording = &run.recording;
    let calls = recording.calls;
    let mut refused: Option<Latency> = None;
    for (_, latency) in &recording.refusals {
        match &mut refused {
            None => refused = Some(latency.clone()),
            Some(sum) => sum.add(latency),
        }
    }
    let (count, latency) = match expected {
        Expected::Answered => {
            (calls.outcomes.answered, Some(recording.response.as_ref().unwrap_or(&recording.service)))
        }
        Expected::Refused => (calls.outcomes.refused, refused.as_ref()),
    };
    let unexpected = (count < calls.planned).then(|| unexpected(run, expected)).flatten();
    let latency = latency.filter(|latency| latency.count() > 0);
    let quantile = |quantile: f64| latency.map(|latency| as_f64(latency.quantile_ns(quantile)));
    let window = run.window.as_secs_f64();
    // Warm-up calls that end in the window balance calls of the window that end after it.
    let ended = recording.ended_in_window;
    let share = as_f64(count) / as_f64(calls.planned.max(1));
    let ended_per_second = if window > 0.0 { as_f64(ended) / window } else { 0.0 };
    let per_call = |cpu: Option<Duration>| {
        cpu.filter(|_| ended > 0).map(|cpu| as_f64(nanoseconds_of(cpu)) / as_f64(ended))
    };
    Slice {
        calls,
        expected: count,
        generator_saturated,
        unexpected,
        ended_per_second,
        calls_per_second: (window > 0.0).then_some(ended_per_second * share),
        p50_ns: quantile(0.5),
        p99_ns: quantile(0.99),
        server_cpu_ns_per_call: per_call(run.usage.server_cpu),
        client_cpu_ns_per_call: per_call(run.usage.client_cpu),
    }
}

/// Returns words for the first call that did not end as expected.
fn unexpected(run: &Measurement, expected: Expected) -> Option<String> {
    let recording = &run.recording;
    let outcomes = recording.calls.outcomes;
    let failure =
        || recording.failures.first().map(|count| status_words(count.failure.code, &count.failure.message));
    let refusal = || {
        let (refusal, _) = recording.refusals.first().filter(|_| expected == Expected::Answered)?;
        Some(format!("refused, {}", status_words(refusal.code, &refusal.message)))
    };
    let counted = [
        ("a reply with another text", outcomes.wrong_reply),
        (
            "answered, where a refusal was expected",
            match expected {
                Expected::Answered => 0,
                Expected::Refused => outcomes.answered,
            },
        ),
        ("never sent: too many in flight", outcomes.shed),
        ("no end within the drain", outcomes.unfinished),
    ];
    let counted = || counted.iter().find(|(_, count)| *count > 0).map(|(words, _)| (*words).to_owned());
    failure().or_else(refusal).or_else(counted)
}
