//! Ratios of figures, candidate to base, with intervals.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    result::{rank, samples_needed, summary::Summary},
    statistics::{RankSum, block_bootstrap, median, shift, shift_interval},
    units::{as_f64, named},
};

/// Confidence of every reported interval.
pub const CONFIDENCE: f64 = 0.95;

/// A figure of both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figure {
    /// Name of the figure: `calls_per_second`, `p50_ns`, `p90_ns`, `p99_ns`, `server_cpu_ns_per_call`, or
    /// `client_cpu_ns_per_call`.
    pub name: String,
    /// True if a larger value is better.
    pub more_is_better: bool,
    /// Median of the base's runs.
    pub base: f64,
    /// Median of the candidate's runs.
    pub candidate: f64,
    /// Figures of the base's runs, in their order; absent in documents of earlier versions.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub base_runs: Vec<f64>,
    /// Figures of the candidate's runs.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub candidate_runs: Vec<f64>,
    /// Ratio of candidate to base: of the two runs, or the Hodges-Lehmann estimate for several runs.
    pub ratio: f64,
    /// Interval of the ratio, with a confidence of 95 %; absent where there is too little data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
    /// Source of the interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// Two-sided p-value of the rank-sum test; absent for single runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// `p`, adjusted for the number of figures (Holm).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_adjusted: Option<f64>,
}

/// Source of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The seconds of the two runs, resampled in blocks: variation within the runs only.
    Seconds,
    /// The runs, by the exact rank-sum test on logarithms.
    Runs,
}

named!(Method, "method", {
    Seconds => "seconds",
    Runs => "runs",
});

/// Smallest number of seconds for an interval; fewer do not show their variation.
const FEWEST_SECONDS: usize = 5;

const SECOND_NS: u64 = 1_000_000_000;

/// Largest number of stretches. Longer runs are divided into longer stretches, so that the bootstrap takes a
/// fraction of a second.
const MOST_STRETCHES: usize = 60;

/// Number of resamples of the bootstrap: 2.5 % of them are 25.
const ROUNDS: u32 = 1_000;

/// Seed of the bootstrap; fixed, so that equal results give equal intervals.
const SEED: u64 = 1;

/// Functions that compute a figure of a run.
struct Measure {
    name: &'static str,
    more_is_better: bool,
    of: fn(&Summary) -> Option<f64>,
    /// Computes the figure from stretches drawn from a run.
    of_stretches: Option<OfStretches>,
}

type OfStretches = fn(&Stretches, &[usize]) -> Option<f64>;

const MEASURES: [Measure; 6] = [
    Measure {
        name: "calls_per_second",
        more_is_better: true,
        of: |summary| Some(summary.goodput.calls_per_second),
        of_stretches: Some(Stretches::answered_per_second),
    },
    Measure {
        name: "p50_ns",
        more_is_better: false,
        of: |summary| quantile_of(summary, 0.5),
        of_stretches: Some(|stretches, drawn| stretches.quantile(drawn, 0.5)),
    },
    Measure {
        name: "p90_ns",
        more_is_better: false,
        of: |summary| quantile_of(summary, 0.9),
        of_stretches: Some(|stretches, drawn| stretches.quantile(drawn, 0.9)),
    },
    Measure {
        name: "p99_ns",
        more_is_better: false,
        of: |summary| quantile_of(summary, 0.99),
        of_stretches: Some(|stretches, drawn| stretches.quantile(drawn, 0.99)),
    },
    Measure {
        name: "server_cpu_ns_per_call",
        more_is_better: false,
        of: |summary| summary.cost.server_cpu_ns_per_call.map(as_f64),
        of_stretches: None,
    },
    Measure {
        name: "client_cpu_ns_per_call",
        more_is_better: false,
        of: |summary| summary.cost.client_cpu_ns_per_call.map(as_f64),
        of_stretches: None,
    },
];

/// Returns all figures that both sides have.
pub(super) fn of(base: &[Summary], candidate: &[Summary]) -> Vec<Figure> {
    let stretches = match (base, candidate) {
        ([base], [candidate]) => Stretches::of(base).zip(Stretches::of(candidate)),
        _ => None,
    };
    MEASURES.iter().filter_map(|measure| figure(measure, base, candidate, stretches.as_ref())).collect()
}

fn figure(
    measure: &Measure,
    base: &[Summary],
    candidate: &[Summary],
    stretches: Option<&(Stretches, Stretches)>,
) -> Option<Figure> {
    let values = |side: &[Summary]| -> Option<Vec<f64>> {
        // A figure of 0 has no ratio.
        side.iter().map(|summary| (measure.of)(summary).filter(|value| *value > 0.0)).collect()
    };
    let (base, candidate) = (values(base)?, values(candidate)?);
    let logarithms = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<f64>>();
    let (from, to) = (logarithms(&base), logarithms(&candidate));
    let (interval, method, p) = if base.len() == 1 && candidate.len() == 1 {
        let interval = stretches.and_then(|stretches| interval_of_stretches(measure, stretches));
        (interval, interval.map(|_| Method::Seconds), None)
    } else {
        let interval = shift_interval(&to, &from, CONFIDENCE).map(|(low, high)| (low.exp(), high.exp()));
        let test = RankSum::of(&to, &from)?;
        (interval, interval.map(|_| Method::Runs), Some(test.p_two_sided()))
    };
    Some(Figure {
        name: measure.name.to_owned(),
        more_is_better: measure.more_is_better,
        base: median(&base)?,
        candidate: median(&candidate)?,
        base_runs: base,
        candidate_runs: candidate,
        ratio: shift(&to, &from)?.exp(),
        interval,
        method,
        p,
        p_adjusted: None,
    })
}

/// Returns true if this number of runs per side is too small for the rank-sum test to show a difference at 5
/// %.
pub(super) fn fewest_for_p(base: usize, candidate: usize) -> bool {
    let ascending =
        |from: usize, count: usize| -> Vec<f64> { (from..from + count).map(|k| as_f64(k as u64)).collect() };
    RankSum::of(&ascending(0, candidate), &ascending(candidate, base))
        .is_none_or(|test| test.p_two_sided() > 1.0 - CONFIDENCE)
}

fn interval_of_stretches(
    measure: &Measure,
    (base, candidate): &(Stretches, Stretches),
) -> Option<(f64, f64)> {
    let of = measure.of_stretches?;
    // The whole runs must have the figure, too.
    for side in [base, candidate] {
        of(side, &(0..side.seconds.len()).collect::<Vec<_>>())?;
    }
    let lengths = [base.seconds.len(), candidate.seconds.len()];
    block_bootstrap(&lengths, ROUNDS, SEED, CONFIDENCE, |drawn| {
        let (from, to) = (of(base, drawn.first()?)?, of(candidate, drawn.get(1)?)?);
        (from > 0.0).then(|| to / from)
    })
}

/// A run divided into stretches of seconds, for resampling.
#[derive(Debug)]
struct Stretches {
    /// Duration of each stretch.
    seconds: Vec<f64>,
    /// Verified replies of each stretch.
    answered: Vec<f64>,
    /// All different latencies of the run, in rising order.
    values: Vec<u64>,
    /// Number of times that each stretch has each latency.
    counts: Vec<Vec<u64>>,
}

impl Stretches {
    /// Divides a run into stretches; `None` with too few whole seconds.
    fn of(summary: &Summary) -> Option<Self> {
        // Intervals after the window are the drain, which has few calls.
        let within = summary
            .intervals
            .iter()
            .filter(|interval| interval.start_ns + interval.length_ns <= summary.window_ns);
        let intervals: Vec<_> = within.collect();
        // Stretches have whole seconds: shorter ones vary by the few calls that they have.
        let per_second = (SECOND_NS / intervals.first()?.length_ns.max(1)).max(1);
        let per_second = usize::try_from(per_second).ok()?;
        if intervals.len() < FEWEST_SECONDS * per_second {
            return None;
        }
        let size = intervals.len().div_ceil(MOST_STRETCHES).next_multiple_of(per_second);
        let mut own =
            Self { seconds: Vec::new(), answered: Vec::new(), values: Vec::new(), counts: Vec::new() };
        let mut recorded: Vec<Vec<(u64, u64)>> = Vec::new();
        // A shorter last stretch would count as much as the others, so it is left out.
        for stretch in intervals.chunks_exact(size) {
            own.seconds.push(stretch.iter().map(|interval| as_f64(interval.length_ns) / 1e9).sum());
            own.answered.push(stretch.iter().map(|interval| as_f64(interval.calls.answered)).sum());
            let mut values = Vec::new();
            for interval in stretch {
                values.extend(interval.latency.decode().ok()?.recorded());
            }
            recorded.push(values);
        }
        own.values = recorded.iter().flatten().map(|(value, _)| *value).collect();
        own.values.sort_unstable();
        own.values.dedup();
        for values in recorded {
            let mut counts = vec![0; own.values.len()];
            for (value, count) in values {
                counts[own.values.binary_search(&value).ok()?] += count;
            }
            own.counts.push(counts);
        }
        Some(own)
    }

    fn answered_per_second(&self, drawn: &[usize]) -> Option<f64> {
        let sum = |values: &[f64]| drawn.iter().filter_map(|place| values.get(*place)).sum::<f64>();
        let seconds = sum(&self.seconds);
        (seconds > 0.0).then(|| sum(&self.answered) / seconds)
    }

    fn quantile(&self, drawn: &[usize], quantile: f64) -> Option<f64> {
        let mut counts = vec![0_u64; self.values.len()];
        for stretch in drawn.iter().filter_map(|place| self.counts.get(*place)) {
            for (sum, count) in counts.iter_mut().zip(stretch) {
                *sum += count;
            }
        }
        let all: u64 = counts.iter().sum();
        if all < samples_needed(quantile) {
            return None;
        }
        let mut left = rank(quantile, all);
        for (value, count) in self.values.iter().zip(counts) {
            left -= as_f64(count);
            if left <= 0.0 {
                return Some(as_f64(*value));
            }
        }
        None
    }
}

/// Returns a quantile of the response time in an open loop, of the service time in a closed one.
fn quantile_of(summary: &Summary, quantile: f64) -> Option<f64> {
    let record = summary.main_latency();
    let figures = record.figures.filter(|_| record.count >= samples_needed(quantile))?;
    Some(as_f64(match quantile {
        0.5 => figures.p50_ns,
        0.9 => figures.p90_ns,
        _ => figures.p99_ns,
    }))
}
