//! What repetitions amount to: paired inference, and the rule that makes a verdict of it. Pure.
//!
//! The repetition is the unit, not the slice: slices of one repetition share its processes, and no number of them
//! averages out what these happen to be like.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{metric::GateMetric, repetition::Repetition, scenario::Thresholds};
pub use crate::experiment::compare::figures::CONFIDENCE;
use crate::{
    engine::Change,
    statistics::{SignedRank, hodges_lehmann, hodges_lehmann_interval, holm, smallest_p},
    units::named,
};

/// A false answer of one or more of all tests is tolerated as often as this, before the confirmation.
pub const LEVEL: f64 = 0.01;

/// What a comparison amounts to, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// The candidate is worse, in both runs.
    Regressed,
    /// It is better, in both runs.
    Improved,
    /// No change as large as the threshold is left possible.
    Unchanged,
    /// One is.
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

/// What was found of one metric of one scenario. Ratios are candidate to base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricVerdict {
    /// [`GateMetric::name`].
    pub metric: String,
    /// The Hodges-Lehmann estimate.
    pub ratio: f64,
    /// The exact signed-rank interval for it, with a confidence of 95 % or more; absent with fewer than 6
    /// repetitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
    /// How likely ranks like these are where the candidate is no worse (one-sided, exact).
    pub p: f64,
    /// The same, adjusted for all metrics of all scenarios (Holm).
    pub p_adjusted: f64,
    /// How likely they are where it is no better.
    pub p_better: f64,
    /// The same, adjusted.
    pub p_better_adjusted: f64,
    /// What is tolerated (0..1).
    pub threshold: f64,
    /// The smallest change for the worse (0..1) that would have been flagged in both runs 19 times in 20, given how
    /// far the repetitions lie apart. Absent where there are too few to flag anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smallest_effect_seen: Option<f64>,
    /// The base's second process to its first: what no difference looks like here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<Noise>,
    /// What this metric says by itself.
    pub verdict: Word,
}

/// What the base's two processes differed by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Noise {
    /// The Hodges-Lehmann estimate of the ratio.
    pub ratio: f64,
    /// Its interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
    /// How likely it is by chance (two-sided, exact).
    pub p: f64,
    /// The same, adjusted.
    pub p_adjusted: f64,
    /// Whether it would have been flagged, were it the candidate's.
    pub flagged: bool,
}

/// What is known of a metric, before it is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Of what.
    pub metric: GateMetric,
    /// Candidate to base.
    pub ratio: f64,
    /// Its interval, with a confidence of 95 %, where there are enough repetitions.
    pub interval: Option<(f64, f64)>,
}

impl Estimate {
    /// The estimate in an event.
    pub(super) fn change(self) -> Change {
        Change { metric: self.metric.name(), ratio: self.ratio, interval: self.interval }
    }

    /// What these repetitions show; `None` where the metric is not known.
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
    /// The adjusted p-value of the change that was seen, for the worse or for the better: the one that a report
    /// shows beside the estimate.
    #[must_use]
    pub fn p_of_change(&self) -> f64 {
        self.p_adjusted.min(self.p_better_adjusted)
    }

    /// Whether the base differed from itself.
    pub(super) fn is_noisy(&self) -> bool {
        self.noise.is_some_and(|noise| noise.flagged)
    }
}

/// What is judged together.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// What is tolerated.
    pub thresholds: &'a Thresholds,
    /// What was measured.
    pub repetitions: &'a [Repetition],
}

/// Judges scenarios together: each is given its metrics' verdicts, in the order of [`GateMetric::JUDGED`]; a metric
/// that was not measured is left out.
#[must_use]
pub fn judge(samples: &[Sample<'_>]) -> Vec<Vec<MetricVerdict>> {
    let mut judged: Vec<Vec<MetricVerdict>> = samples.iter().map(metrics_of).collect();
    // Three families of questions: is it worse, is it better, and does the base differ from itself?
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

/// How many repetitions so many questions need: with fewer, not even the smallest p-value would be enough. Of the
/// two-sided test, which the A/A check makes: it must be able to object.
#[must_use]
pub fn fewest_repetitions(questions: usize) -> usize {
    #[expect(clippy::cast_precision_loss, reason = "a number of questions")]
    let level = LEVEL / (2 * questions.max(1)) as f64;
    (1..64).find(|count| smallest_p(*count) < level).unwrap_or(64)
}

/// What one scenario amounts to by its metrics.
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

/// A metric's figures, before p-values are adjusted.
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

/// Logarithms of ratios, turned so that more is worse.
fn costs(
    metric: GateMetric,
    repetitions: &[Repetition],
    of: impl Fn(&Repetition, GateMetric) -> Option<f64>,
) -> Vec<f64> {
    repetitions.iter().filter_map(|repetition| Some(metric.cost(of(repetition, metric)?))).collect()
}

/// An interval of costs, as one of ratios.
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

/// The rule. A change is flagged when it is no chance, and nearer to the threshold than to none.
///
/// Half the threshold and not the whole: an estimate of a change that is just as large as the threshold lies
/// below it as often as above, so that a bound at the threshold would miss every second one.
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

/// A threshold as a cost: so many more percent of time, or as many fewer calls.
fn worse_by(threshold: f64) -> f64 {
    threshold.ln_1p()
}

/// The change that would be flagged 39 times in 40, and so 19 times in 20 in both runs: it lies so far above what
/// must be exceeded that an estimate falls below that once in 40. Both distances are those of intervals around the
/// estimate.
fn smallest_effect(costs: &[f64], bound: f64, questions: usize) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a number of questions")]
    let level = LEVEL / questions.max(1) as f64;
    let half =
        |confidence: f64| hodges_lehmann_interval(costs, confidence).map(|(low, high)| (high - low) / 2.0);
    let once_in_40 = half(CONFIDENCE)?;
    Some(bound.max(half(1.0 - 2.0 * level)?) + once_in_40)
}
