//! Figures of the two sides, and their ratios.

use std::time::Duration;

use super::document::{Impact, PooledSide, Pooling, Ratio, Round};
use crate::{
    measure::{Calls, Latency, Measurement},
    result::{
        samples_needed,
        summary::{ConnectionsRecord, LatencyRecord, Summary},
    },
    units::{as_f64, nanoseconds_of},
};

/// Compared quantiles; the last one is the maximum.
const COMPARED: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];

type Time = fn(&Summary) -> Option<&LatencyRecord>;

impl Impact {
    pub(super) fn of(rounds: &[Round]) -> Self {
        let response: Time = |summary| summary.latency.response.as_ref();
        let lateness: Time = |summary| summary.latency.lateness.as_ref();
        Self {
            response: ratios(rounds, response),
            lateness: ratios(rounds, lateness),
            pooled: Pooling::default(),
        }
    }

    /// Returns the ratio of a quantile of the response time.
    #[must_use]
    pub fn response(&self, name: &str) -> Option<&Ratio> {
        self.response.iter().find(|ratio| ratio.name == name)
    }
}

/// Returns ratios of the quantiles for which each round has enough replies on both sides.
fn ratios(rounds: &[Round], time: Time) -> Vec<Ratio> {
    let decoded = |summary: &Summary| time(summary).and_then(|record| record.decode().ok());
    let pairs: Vec<(Latency, Latency)> =
        rounds.iter().filter_map(|round| decoded(&round.without).zip(decoded(&round.with))).collect();
    let has_enough = |quantile: f64| {
        let fewest = pairs.iter().map(|(without, with)| without.count().min(with.count())).min();
        let needed = if quantile < 1.0 { samples_needed(quantile) } else { 1 };
        fewest.is_some_and(|fewest| fewest >= needed)
    };
    let compared = COMPARED.iter().filter(|(_, quantile)| has_enough(*quantile));
    compared
        .filter_map(|(name, quantile)| {
            let of = |latency: &Latency| latency.quantile_ns(*quantile);
            let times: Vec<(u64, u64)> =
                pairs.iter().map(|(without, with)| (of(without), of(with))).collect();
            ratio(name, &times)
        })
        .collect()
}

/// Returns the ratio of a quantile over all rounds, from times without and with refused calls; `None` without
/// rounds.
pub(super) fn ratio(name: &str, rounds: &[(u64, u64)]) -> Option<Ratio> {
    let logarithms = |time: fn(&(u64, u64)) -> u64| rounds.iter().map(move |round| logarithm(time(round)));
    let (without, with) = (logarithms(|round| round.0), logarithms(|round| round.1));
    let mut each: Vec<f64> =
        without.clone().zip(with.clone()).map(|(without, with)| with - without).collect();
    each.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "a number of rounds")]
    let count = each.len() as f64;
    Some(Ratio {
        name: name.to_owned(),
        without_ns: nanoseconds(without.sum::<f64>() / count),
        with_ns: nanoseconds(with.sum::<f64>() / count),
        ratio: (each.iter().sum::<f64>() / count).exp(),
        lowest: each.first()?.exp(),
        highest: each.last()?.exp(),
    })
}

fn logarithm(nanoseconds: u64) -> f64 {
    as_f64(nanoseconds.max(1)).ln()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between the logarithms of two numbers of nanoseconds"
)]
fn nanoseconds(logarithm: f64) -> u64 {
    logarithm.exp().round() as u64
}

/// Returns all rounds of one side as one measurement; `None` without rounds, and for results of
/// `plimsoll.summary/1`, which lack a part of the counts.
fn merged(summaries: &[&Summary]) -> Option<Measurement> {
    let mut all: Option<Measurement> = None;
    for summary in summaries {
        let run = summary.measurement().ok()??;
        match &mut all {
            None => all = Some(run),
            Some(sum) => sum.merge(run).ok()?,
        }
    }
    all
}

/// Returns one side of all rounds; `None` where the rounds give no measurement.
pub(super) fn arm(summaries: &[&Summary], is_refused: &dyn Fn(u64) -> bool) -> Option<PooledSide> {
    let Measurement { plan, recording, usage, connections: account, .. } = merged(summaries)?;
    // A run of a single size has no list of sizes.
    let mut calls = if recording.sizes.is_empty() { recording.calls } else { Calls::default() };
    for (size, counted) in plan.sizes.iter().zip(&recording.sizes) {
        if !is_refused(size.message_bytes) {
            calls.add(&counted.calls);
        }
    }
    let pooled = |latency: Option<Latency>| LatencyRecord::from(&latency.unwrap_or_default());
    let seconds: f64 =
        summaries.iter().map(|summary| Duration::from_nanos(summary.window_ns).as_secs_f64()).sum();
    let all = seconds.max(f64::MIN_POSITIVE);
    let per_second = |number: u64| as_f64(number) / all;
    let connections: Option<Vec<_>> = summaries.iter().map(|summary| summary.connections).collect();
    let connections = connections.as_ref();
    // Nanoseconds per second are a share of the time.
    let share = |nanoseconds: u64| per_second(nanoseconds) / 1e9;
    let total =
        |of: &dyn Fn(&ConnectionsRecord) -> Option<u64>| -> Option<u64> { connections?.iter().map(of).sum() };
    Some(PooledSide {
        calls,
        replies_per_second: per_second(summaries.iter().map(|summary| summary.goodput.replies).sum()),
        response: pooled(recording.response),
        service: LatencyRecord::from(&recording.service),
        lateness: pooled(recording.lateness),
        lost_connections: Some(account.connections.lost),
        out_of_window: total(&|seen| seen.out_of_window_ns).map(share),
        held_up: total(&|seen| seen.held_up_ns).map(share),
        uploaded_in_vain_bytes_per_second: total(&|seen| seen.uploaded_in_vain_bytes).map(per_second),
        server_cores: usage.server_cpu.map(|cpu| share(nanoseconds_of(cpu))),
        server_peak_rss_bytes: usage.server_peak_memory_bytes,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_slow_round_does_not_part_the_ratio_from_its_times() {
        // p99 in ns: only the last round was slow, with refused calls.
        let rounds = [(4_000_000, 4_400_000), (4_400_000, 4_600_000), (4_200_000, 60_000_000)];
        let Ratio { without_ns, with_ns, ratio, lowest, highest, .. } =
            ratio("p99", &rounds).expect("rounds");
        assert_eq!(without_ns, 4_196_823);
        assert_eq!(with_ns, 10_668_923);
        assert!((ratio - 2.5421).abs() < 1e-3, "{ratio}");
        assert!((lowest - 1.0454).abs() < 1e-3 && (highest - 14.2857).abs() < 1e-3, "{lowest} {highest}");
        assert!(super::ratio("p99", &[]).is_none());
    }

    proptest! {
        #[test]
        fn a_ratio_is_that_of_the_times_beside_it(
            rounds in proptest::collection::vec((1_000..1_000_000_000_u64, 1_000..1_000_000_000_u64), 1..9),
        ) {
            let there = ratio("p50", &rounds).expect("rounds");
            let of_times = as_f64(there.with_ns) / as_f64(there.without_ns);
            prop_assert!((there.ratio / of_times - 1.0).abs() < 2e-3, "{there:?}");
            prop_assert!(there.lowest <= there.ratio * 1.000_001 && there.ratio <= there.highest * 1.000_001);
            let turned: Vec<(u64, u64)> = rounds.iter().map(|(without, with)| (*with, *without)).collect();
            let back = ratio("p50", &turned).expect("rounds");
            prop_assert!((back.ratio * there.ratio - 1.0).abs() < 1e-9);
        }
    }
}
