//! A verdict's figures for services that plot them over time: Bencher, and github-action-benchmark.
//!
//! Both services compare with earlier builds on other machines. The gate does not rely on such comparisons.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::json;
use crate::{
    experiment::gate::{Arm, GateMetric, Repetition, ScenarioVerdict, Verdict},
    statistics::median,
};

/// Writes Bencher's metric format: the candidate's figures, by scenario. Calls per second are Bencher's
/// `throughput`, p50 its `latency`; the ratios to the base have names of their own.
///
/// # Errors
/// Errors of the writer.
pub fn bencher(verdict: &Verdict, out: impl Write) -> io::Result<()> {
    let mut benchmarks = Map::new();
    for scenario in &verdict.scenarios {
        let mut measures = Map::new();
        for (metric, name) in [
            (GateMetric::P50, "latency"),
            (GateMetric::CallsPerSecond, "throughput"),
            (GateMetric::ServerCpu, "server-cpu"),
        ] {
            if let Some(Spread { low, middle, high }) = spread(scenario, metric) {
                measures.insert(
                    name.to_owned(),
                    json!({ "value": middle, "lower_value": low, "upper_value": high }),
                );
            }
        }
        for metric in &scenario.metrics {
            let mut measure = Map::from_iter([("value".to_owned(), Value::from(metric.ratio))]);
            if let Some((low, high)) = metric.interval {
                measure.insert("lower_value".to_owned(), Value::from(low));
                measure.insert("upper_value".to_owned(), Value::from(high));
            }
            measures.insert(format!("ratio-{}", metric.metric.replace('_', "-")), Value::Object(measure));
        }
        if !measures.is_empty() {
            benchmarks.insert(format!("gate/{}", scenario.name), Value::Object(measures));
        }
    }
    json::write(&Value::Object(benchmarks), out)
}

/// Input of github-action-benchmark: one file per direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BetterWhen {
    /// `customSmallerIsBetter`: p50 and the server's CPU time.
    SmallerIsBetter,
    /// `customBiggerIsBetter`: calls per second.
    BiggerIsBetter,
}

#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    unit: &'static str,
    value: f64,
    range: String,
    extra: String,
}

/// Writes an array for github-action-benchmark. An empty array, which that action rejects, is not an error
/// here: it means that nothing was measured.
///
/// # Errors
/// Errors of the writer.
pub fn action(verdict: &Verdict, direction: BetterWhen, out: impl Write) -> io::Result<()> {
    let metrics: &[(GateMetric, &str, &str)] = match direction {
        BetterWhen::SmallerIsBetter => {
            &[(GateMetric::P50, "p50", "ns"), (GateMetric::ServerCpu, "server's CPU per call", "ns")]
        }
        BetterWhen::BiggerIsBetter => &[(GateMetric::CallsPerSecond, "throughput", "calls/s")],
    };
    let mut entries = Vec::new();
    for scenario in &verdict.scenarios {
        for (metric, name, unit) in metrics {
            let Some(Spread { low, middle, high }) = spread(scenario, *metric) else { continue };
            let judged = scenario.metrics.iter().find(|judged| judged.metric == metric.name());
            let ratio = judged.map_or_else(String::new, |judged| {
                format!("candidate to base {}", crate::report::verdict_words::percent(judged.ratio))
            });
            entries.push(Entry {
                name: format!("{} {name}", scenario.name),
                unit,
                value: middle,
                range: format!("± {:.0}", (high - low) / 2.0),
                extra: ratio,
            });
        }
    }
    json::write(&entries, out)
}

struct Spread {
    low: f64,
    middle: f64,
    high: f64,
}

/// Returns the candidate's figures: the median over repetitions of their medians, with the lowest and the highest
/// one.
fn spread(scenario: &ScenarioVerdict, metric: GateMetric) -> Option<Spread> {
    let of = |repetition: &Repetition| {
        let told: Vec<f64> = repetition.arm(Arm::Candidate).of(metric).iter().flatten().copied().collect();
        median(&told)
    };
    let medians: Vec<f64> = scenario.repetitions.iter().filter_map(of).collect();
    Some(Spread {
        low: medians.iter().copied().reduce(f64::min)?,
        middle: median(&medians)?,
        high: medians.iter().copied().reduce(f64::max)?,
    })
}
