//! Paired inference on repetitions, and the rule that turns it into a verdict. Pure.
//!
//! The unit of inference is the repetition, not the slice. Slices of one repetition share its processes, so more
//! slices do not average out the differences between processes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{metric::GateMetric, repetition::Repetition, scenario::Thresholds};
pub use crate::experiment::compare::figures::CONFIDENCE;
use crate::{
    engine::Change,
    statistics::{SignedRank, hodges_lehmann, hodges_lehmann_interval, holm, smallest_p},
    units::named,
};

/// Level of significance: tolerated probability of one or more false positives among all tests, before the
/// confirmation.
pub const LEVEL: f64 = 0.01;

/// Verdict of a comparison, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Word {
    /// The candidate is worse, in both runs.
    Regressed,
    /// The candidate is better, in both runs.
    Improved,
    /// A change as large as the threshold is excluded.
    Unchanged,
    /// A change as large as the threshold is not excluded.
    Inconclusive,
    /// There was nothing to compare with.
    Skipped,
    /// The base differed from itself: no figure of this machine can be trusted now.
    Abstained,
}

named!(Word, "verdict", {
    Regressed => "regressed",
    Improved => "improved",
    Unchanged => "unchanged",
    Inconclusive => "inconclusive",
    Skipped => "skipped",
    Abstained => "abstained",
});

/// Verdict on one metric of one scenario. Ratios are candidate to base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricVerdict {
    /// Name of the metric: [`GateMetric::name`].
    pub metric: String,
    /// Hodges-Lehmann estimate of the ratio.
    pub ratio: f64,
    /// Exact signed-rank interval of the ratio, with a confidence of 95 % or more; absent with fewer than 6
    /// repetitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
    /// Probability of such ranks if the candidate is not worse (one-sided, exact).
    pub p: f64,
    /// `p`, adjusted for all metrics of all scenarios (Holm).
    pub p_adjusted: f64,
    /// Probability of such ranks if the candidate is not better (one-sided, exact).
    pub p_better: f64,
    /// `p_better`, adjusted for all metrics of all scenarios (Holm).
    pub p_better_adjusted: f64,
    /// Tolerated change (0..1).
    pub threshold: f64,
    /// Smallest change for the worse (0..1) that both runs would flag 19 times in 20, given the spread of the
    /// repetitions. Absent with too few repetitions to flag anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smallest_effect_seen: Option<f64>,
    /// Ratio of the base's second process to its first: the size of a difference without a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<Noise>,
    /// Verdict of this metric alone.
    pub verdict: Word,
}

/// Difference between the base's two processes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Noise {
    /// Hodges-Lehmann estimate of the ratio.
    pub ratio: f64,
    /// Interval of the ratio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
    /// Probability of the difference by chance (two-sided, exact).
    pub p: f64,
    /// `p`, adjusted for all metrics of all scenarios (Holm).
    pub p_adjusted: f64,
    /// True if the difference would be flagged as a change of the candidate.
    pub flagged: bool,
}

/// Estimate of a metric, before it is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The metric.
    pub metric: GateMetric,
    /// Ratio of candidate to base.
    pub ratio: f64,
    /// Interval of the ratio, with a confidence of 95 %; `None` with too few repetitions.
    pub interval: Option<(f64, f64)>,
}

impl Estimate {
    /// Returns the estimate for an event.
    pub(super) fn change(self) -> Change {
        Change { metric: self.metric.name(), ratio: self.ratio, interval: self.interval }
    }

    /// Returns the estimate from these repetitions; `None` where the metric is not known.
    pub(super) fn of(metric: GateMetric, repetitions: &[Repetition]) -> Option<Self> {
        let costs = costs(metric, repetitions, Repetition::difference);
        let interval = hodges_lehmann_interval(&costs, CONFIDENCE);
        Some(Self {
            metric,
            ratio: metric.ratio_of(hodges_lehmann(&costs)?),
            interval: interval.map(|interval| ratios(metric, interval)),
        })
    }
}

impl MetricVerdict {
    /// Returns the adjusted p-value of the observed change, for the worse or for the better. Reports show this
    /// value with the estimate.
    #[must_use]
    pub fn p_of_change(&self) -> f64 {
        self.p_adjusted.min(self.p_better_adjusted)
    }

    /// Returns true if the base differed from itself.
    pub(super) fn is_noisy(&self) -> bool {
        self.noise.is_some_and(|noise| noise.flagged)
    }
}

/// Repetitions of one scenario, with its thresholds.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// Tolerated changes.
    pub thresholds: &'a Thresholds,
    /// Measured repetitions.
    pub repetitions: &'a [Repetition],
}

/// Judges scenarios together. Returns the verdicts of each scenario's metrics, in the order of
/// [`GateMetric::JUDGED`]; a metric without a measurement is left out.
#[must_use]
pub fn judge(samples: &[Sample<'_>]) -> Vec<Vec<MetricVerdict>> {
    let mut judged: Vec<Vec<MetricVerdict>> = samples.iter().map(metrics_of).collect();
    // Three families of tests: is it worse, is it better, and does the base differ from itself?
    adjust(&mut judged, |metric| Some(metric.p), |metric, p| metric.p_adjusted = p);
    adjust(&mut judged, |metric| Some(metric.p_better), |metric, p| metric.p_better_adjusted = p);
    adjust(
        &mut judged,
        |metric| metric.noise.map(|noise| noise.p),
        |metric, p| {
            if let Some(noise) = &mut metric.noise {
                noise.p_adjusted = p;
            }
        },
    );
    let questions = judged.iter().map(Vec::len).sum::<usize>();
    for (sample, metrics) in samples.iter().zip(&mut judged) {
        for metric in metrics {
            decide(metric, sample, questions);
        }
    }
    judged
}

/// Returns the number of repetitions needed for this many tests. With fewer, even the smallest p-value would be
/// above the level. The two-sided test counts, because the A/A check uses it and must be able to object.
#[must_use]
pub fn fewest_repetitions(questions: usize) -> usize {
    #[expect(clippy::cast_precision_loss, reason = "a number of questions")]
    let level = LEVEL / (2 * questions.max(1)) as f64;
    (1..64).find(|count| smallest_p(*count) < level).unwrap_or(64)
}

/// Returns the verdict of one scenario from its metrics.
#[must_use]
pub fn scenario_word(metrics: &[MetricVerdict]) -> Word {
    let any = |word| metrics.iter().any(|metric| metric.verdict == word);
    if any(Word::Regressed) {
        Word::Regressed
    } else if metrics.is_empty() || any(Word::Inconclusive) {
        Word::Inconclusive
    } else if any(Word::Improved) {
        Word::Improved
    } else {
        Word::Unchanged
    }
}

fn metrics_of(sample: &Sample<'_>) -> Vec<MetricVerdict> {
    GateMetric::JUDGED.into_iter().filter_map(|metric| undecided(metric, sample)).collect()
}

/// Returns a metric's figures, before p-values are adjusted.
fn undecided(metric: GateMetric, sample: &Sample<'_>) -> Option<MetricVerdict> {
    let costs = costs(metric, sample.repetitions, Repetition::difference);
    let Estimate { ratio, interval, .. } = Estimate::of(metric, sample.repetitions)?;
    let test = SignedRank::of(&costs);
    let (p, p_better) = test.map_or((1.0, 1.0), |test| (test.p_above, test.p_below));
    Some(MetricVerdict {
        metric: metric.name().to_owned(),
        ratio,
        interval,
        p,
        p_adjusted: p,
        p_better,
        p_better_adjusted: p_better,
        threshold: sample.thresholds.of(metric),
        smallest_effect_seen: None,
        noise: noise(metric, sample.repetitions),
        verdict: Word::Inconclusive,
    })
}

fn noise(metric: GateMetric, repetitions: &[Repetition]) -> Option<Noise> {
    let costs = costs(metric, repetitions, Repetition::noise);
    let p = SignedRank::of(&costs).map_or(1.0, |test| test.p_two_sided());
    Some(Noise {
        ratio: metric.ratio_of(hodges_lehmann(&costs)?),
        interval: hodges_lehmann_interval(&costs, CONFIDENCE).map(|interval| ratios(metric, interval)),
        p,
        p_adjusted: p,
        flagged: false,
    })
}

/// Returns logarithms of ratios, with the sign chosen so that more is worse.
fn costs(
    metric: GateMetric,
    repetitions: &[Repetition],
    of: impl Fn(&Repetition, GateMetric) -> Option<f64>,
) -> Vec<f64> {
    repetitions.iter().filter_map(|repetition| Some(metric.cost(of(repetition, metric)?))).collect()
}

/// Converts an interval of costs into an interval of ratios.
fn ratios(metric: GateMetric, (low, high): (f64, f64)) -> (f64, f64) {
    let (one, other) = (metric.ratio_of(low), metric.ratio_of(high));
    (one.min(other), one.max(other))
}

fn adjust(
    judged: &mut [Vec<MetricVerdict>],
    p: impl Fn(&MetricVerdict) -> Option<f64>,
    mut set: impl FnMut(&mut MetricVerdict, f64),
) {
    let p_values: Vec<f64> = judged.iter().flatten().filter_map(&p).collect();
    let mut adjusted = holm(&p_values).into_iter();
    for metric in judged.iter_mut().flatten().filter(|metric| p(metric).is_some()) {
        if let Some(adjusted) = adjusted.next() {
            set(metric, adjusted);
        }
    }
}

/// Applies the rule: a change is flagged if it is significant, and nearer to the threshold than to zero.
///
/// The bound is half the threshold. The estimate of a change exactly as large as the threshold lies below the
/// threshold as often as above. A bound at the threshold would therefore miss every second such change.
fn decide(verdict: &mut MetricVerdict, sample: &Sample<'_>, questions: usize) {
    let Ok(metric) = verdict.metric.parse::<GateMetric>() else { return };
    let bound = worse_by(verdict.threshold) / 2.0;
    let cost = |ratio: f64| metric.cost(ratio.ln());
    if let Some(noise) = &mut verdict.noise {
        noise.flagged = noise.p_adjusted < LEVEL && cost(noise.ratio).abs() > bound;
    }
    let is_within = verdict.interval.is_some_and(|(low, high)| {
        [low, high].iter().all(|ratio| cost(*ratio).abs() < worse_by(verdict.threshold))
    });
    verdict.verdict = if verdict.p_adjusted < LEVEL && cost(verdict.ratio) > bound {
        Word::Regressed
    } else if verdict.p_better_adjusted < LEVEL && cost(verdict.ratio) < -bound {
        Word::Improved
    } else if is_within {
        Word::Unchanged
    } else {
        Word::Inconclusive
    };
    let costs = costs(metric, sample.repetitions, Repetition::difference);
    verdict.smallest_effect_seen = smallest_effect(&costs, bound, questions).map(f64::exp_m1);
}

/// Converts a threshold into a cost: this share more time, or fewer calls.
fn worse_by(threshold: f64) -> f64 {
    threshold.ln_1p()
}

/// Returns the change that would be flagged 39 times in 40, and so 19 times in 20 in both runs. The change lies so
/// far above the bound that an estimate falls below the bound once in 40. Both distances come from intervals
/// around the estimate.
fn smallest_effect(costs: &[f64], bound: f64, questions: usize) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a number of questions")]
    let level = LEVEL / questions.max(1) as f64;
    let half =
        |confidence: f64| hodges_lehmann_interval(costs, confidence).map(|(low, high)| (high - low) / 2.0);
    let once_in_40 = half(CONFIDENCE)?;
    Some(bound.max(half(1.0 - 2.0 * level)?) + once_in_40)
}
