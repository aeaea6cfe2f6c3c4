//! Wilcoxon's signed-rank test for paired differences, and the estimate that belongs to it.

use super::{median::median_of_sorted, ranks::doubled};

/// What the signed-rank test says of differences (Wilcoxon 1945): whether they lie around 0.
///
/// Exact: the distribution is that of all 2^n assignments of signs to the ranks that there are, by dynamic
/// programming. Differences of 0 are left out, as Wilcoxon did; equal ones share the mean of their
/// ranks, and the distribution is the one that has these.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignedRank {
    /// Differences that are not 0.
    pub count: usize,
    /// The sum of the ranks of those above 0.
    pub rank_sum: f64,
    /// How likely a sum as large or larger is, where differences lie around 0: small when they lie above.
    pub p_above: f64,
    /// The same of a sum as small or smaller: small when they lie below.
    pub p_below: f64,
}

/// More differences than this would take the distribution beyond what is exact in a double, and nobody makes
/// as many repetitions.
const MOST: usize = 1_000;

impl SignedRank {
    /// Tests these differences; `None` when none of them is other than 0, one is no number, or there are
    /// more than 1,000.
    #[must_use]
    pub fn of(differences: &[f64]) -> Option<Self> {
        if differences.iter().any(|difference| difference.is_nan()) {
            return None;
        }
        let others: Vec<f64> = differences.iter().copied().filter(|difference| *difference != 0.0).collect();
        if others.is_empty() || others.len() > MOST {
            return None;
        }
        let sizes: Vec<f64> = others.iter().map(|difference| difference.abs()).collect();
        let ranks = doubled(&sizes);
        let above = others.iter().zip(&ranks).filter(|(difference, _)| **difference > 0.0);
        let sum: usize = above.map(|(_, rank)| rank).sum();
        let distribution = distribution(&ranks);
        #[expect(clippy::cast_precision_loss, reason = "half a million at most")]
        let rank_sum = sum as f64 / 2.0;
        Some(Self {
            count: others.len(),
            rank_sum,
            p_above: distribution[sum..].iter().sum::<f64>().min(1.0),
            p_below: distribution[..=sum].iter().sum::<f64>().min(1.0),
        })
    }

    /// Either way: twice the smaller of the two.
    #[must_use]
    pub fn p_two_sided(&self) -> f64 {
        (2.0 * self.p_above.min(self.p_below)).min(1.0)
    }
}

/// The smallest p-value, one-sided, that so many differences can have: fewer cannot show anything at a level
/// below it.
#[must_use]
pub fn smallest_p(count: usize) -> f64 {
    0.5_f64.powi(i32::try_from(count).unwrap_or(i32::MAX))
}

/// How likely each sum of ranks is, where each rank counts or not, with even chances.
fn distribution(ranks: &[usize]) -> Vec<f64> {
    let mut chances = vec![0.0_f64; ranks.iter().sum::<usize>() + 1];
    chances[0] = 1.0;
    let mut largest = 0;
    for rank in ranks {
        largest += rank;
        for sum in (0..=largest).rev() {
            let with = if sum >= *rank { chances[sum - rank] } else { 0.0 };
            chances[sum] = chances[sum].midpoint(with);
        }
    }
    chances
}

/// The Hodges-Lehmann estimate of where values lie (Hodges and Lehmann 1963): the median of the means of all
/// pairs, each value with itself included. `None` of nothing.
#[must_use]
pub fn hodges_lehmann(values: &[f64]) -> Option<f64> {
    median_of_sorted(&walsh_averages(values))
}

/// The interval for it that the signed-rank test does not contradict: with this confidence (0..1) or more,
/// because the test is exact and its levels are few. `None` where there are too few values for it.
#[must_use]
pub fn hodges_lehmann_interval(values: &[f64], confidence: f64) -> Option<(f64, f64)> {
    if values.is_empty() || values.len() > MOST {
        return None;
    }
    let averages = walsh_averages(values);
    let ranks: Vec<usize> = (1..=values.len()).collect();
    let chances = distribution(&ranks);
    let level = (1.0 - confidence) / 2.0;
    // The largest number of averages that may be left out on each side.
    let mut below = 0.0;
    let left_out = chances.iter().take_while(|chance| {
        below += **chance;
        below <= level
    });
    let left_out = left_out.count().checked_sub(1)?;
    Some((*averages.get(left_out)?, *averages.get(averages.len().checked_sub(1 + left_out)?)?))
}

/// The means of all pairs, in rising order.
fn walsh_averages(values: &[f64]) -> Vec<f64> {
    let pairs = (0..values.len()).flat_map(|left| (left..values.len()).map(move |right| (left, right)));
    let mut averages: Vec<f64> = pairs.map(|(left, right)| values[left].midpoint(values[right])).collect();
    averages.sort_by(f64::total_cmp);
    averages
}
