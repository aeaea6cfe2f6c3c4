//! The two sides as figures, and their ratios.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Arm, Round};
use crate::{
    latency::Latency,
    record::Calls,
    soundness::samples_needed,
    summary::{ConnectionsRecord, LatencyRecord, Summary},
};

/// How much longer calls take beside refused ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Damage {
    /// By quantile of the response time.
    pub response: Vec<Ratio>,
    /// The generator's part in it: the same of its lateness.
    pub lateness: Vec<Ratio>,
}

/// A quantile on both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// `p50`, ..., `max`.
    pub name: String,
    /// Of the calls alone, all rounds together.
    pub without_ns: u64,
    /// Beside refused ones, all rounds together.
    pub with_ns: u64,
    /// The median of the rounds' ratios, with to without.
    pub ratio: f64,
    /// The smallest of the rounds' ratios.
    pub lowest: f64,
    /// The largest of the rounds' ratios.
    pub highest: f64,
}

/// Quantiles that are compared. The last is the maximum.
const COMPARED: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

type Time = fn(&Summary) -> Option<&LatencyRecord>;

impl Damage {
    pub(super) fn of(without: &Arm, with: &Arm, rounds: &[Round]) -> Self {
        let response: Time = |summary| summary.latency.response.as_ref();
        let lateness: Time = |summary| summary.latency.lateness.as_ref();
        Self {
            response: ratios(&without.response, &with.response, rounds, response),
            lateness: ratios(&without.lateness, &with.lateness, rounds, lateness),
        }
    }

    /// The ratio of a quantile of the response time.
    #[must_use]
    pub fn response(&self, name: &str) -> Option<&Ratio> {
        self.response.iter().find(|ratio| ratio.name == name)
    }
}

/// Quantiles that each round has enough replies for, on both sides.
fn ratios(without: &LatencyRecord, with: &LatencyRecord, rounds: &[Round], time: Time) -> Vec<Ratio> {
    let decoded = |summary: &Summary| time(summary).and_then(|record| record.decode().ok());
    let pairs: Vec<(Latency, Latency)> =
        rounds.iter().filter_map(|round| decoded(&round.without).zip(decoded(&round.with))).collect();
    let (Ok(without), Ok(with)) = (without.decode(), with.decode()) else { return Vec::new() };
    let of = |latency: &Latency, quantile: f64| latency.quantile_ns(quantile);
    let has_enough = |quantile: f64| {
        let fewest = pairs.iter().map(|(without, with)| without.count().min(with.count())).min();
        let needed = if quantile < 1.0 { samples_needed(quantile) } else { 1 };
        fewest.is_some_and(|fewest| fewest >= needed)
    };
    let compared = COMPARED.iter().filter(|(_, quantile)| has_enough(*quantile));
    compared
        .filter_map(|(name, quantile)| {
            let each = pairs.iter().map(|(without, with)| ratio(of(with, *quantile), of(without, *quantile)));
            let mut each: Vec<f64> = each.collect();
            each.sort_by(f64::total_cmp);
            Some(Ratio {
                name: (*name).to_owned(),
                without_ns: of(&without, *quantile),
                with_ns: of(&with, *quantile),
                ratio: each.get((each.len() - 1) / 2)?.midpoint(*each.get(each.len() / 2)?),
                lowest: *each.first()?,
                highest: *each.last()?,
            })
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of at most an hour")]
fn ratio(with: u64, without: u64) -> f64 {
    with as f64 / without.max(1) as f64
}

/// One side of all rounds; `None` where there are none.
pub(super) fn arm(summaries: &[&Summary], is_refused: &dyn Fn(u64) -> bool) -> Option<Arm> {
    if summaries.is_empty() {
        return None;
    }
    let mut calls = Calls::default();
    for summary in summaries {
        // A run of a single size has no list of sizes.
        if summary.sizes.is_empty() {
            calls.add(&summary.calls);
        }
        for size in summary.sizes.iter().filter(|size| !is_refused(size.message_bytes)) {
            calls.add(&size.calls);
        }
    }
    let pooled = |time: &dyn Fn(&Summary) -> Option<LatencyRecord>| {
        let mut sum = Latency::new();
        for latency in summaries.iter().filter_map(|summary| time(summary)?.decode().ok()) {
            sum.add(&latency);
        }
        LatencyRecord::from(&sum)
    };
    let seconds: f64 =
        summaries.iter().map(|summary| Duration::from_nanos(summary.window_ns).as_secs_f64()).sum();
    let all = seconds.max(f64::MIN_POSITIVE);
    #[expect(clippy::cast_precision_loss, reason = "sums of bytes and ns")]
    let per_second = |number: u64| number as f64 / all;
    let connections: Option<Vec<_>> = summaries.iter().map(|summary| summary.connections).collect();
    let connections = connections.as_ref();
    // A share of the time is ns a second.
    let share = |nanoseconds: u64| per_second(nanoseconds) / 1e9;
    let total =
        |of: &dyn Fn(&ConnectionsRecord) -> Option<u64>| -> Option<u64> { connections?.iter().map(of).sum() };
    let cpu: Option<u64> = summaries.iter().map(|summary| summary.cost.server_cpu_ns).sum();
    Some(Arm {
        calls,
        replies_per_second: per_second(summaries.iter().map(|summary| summary.goodput.replies).sum()),
        response: pooled(&|summary| summary.latency.response.clone()),
        service: pooled(&|summary| Some(summary.latency.service.clone())),
        lateness: pooled(&|summary| summary.latency.lateness.clone()),
        lost_connections: connections.map(|all| all.iter().map(|seen| seen.lost).sum()),
        out_of_window: total(&|seen| seen.out_of_window_ns).map(share),
        held_up: total(&|seen| seen.held_up_ns).map(share),
        uploaded_in_vain_bytes_per_second: total(&|seen| seen.uploaded_in_vain_bytes).map(per_second),
        server_cores: cpu.map(share),
        server_peak_rss_bytes: summaries
            .iter()
            .filter_map(|summary| summary.cost.server_peak_rss_bytes)
            .max(),
    })
}
