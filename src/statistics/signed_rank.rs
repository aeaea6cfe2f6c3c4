//! Wilcoxon's signed-rank test for paired differences, and the matching estimate.

use super::{median::median_of_sorted, ranks::doubled};

/// Result of the signed-rank test (Wilcoxon 1945): do the differences lie around 0?
///
/// The test is exact. Dynamic programming gives the distribution over all 2^n assignments of signs to the
/// given ranks. Differences of 0 are left out, as in Wilcoxon's paper. Equal differences share the mean of
/// their ranks, and the distribution uses these shared ranks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignedRank {
    /// Number of differences other than 0.
    pub count: usize,
    /// Sum of the ranks of differences above 0.
    pub rank_sum: f64,
    /// Probability of this rank sum or a larger one if differences lie around 0; small if they lie above 0.
    pub p_above: f64,
    /// Probability of this rank sum or a smaller one if differences lie around 0; small if they lie below 0.
    pub p_below: f64,
}

/// Largest number of differences. More would take the distribution beyond the exact range of a double, and no
/// experiment has as many repetitions.
const MOST: usize = 1_000;

impl SignedRank {
    /// Tests these differences. `None` if all are 0, one is NaN, or there are more than 1,000.
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

    /// Returns the two-sided p-value: twice the smaller one-sided value, at most 1.
    #[must_use]
    pub fn p_two_sided(&self) -> f64 {
        (2.0 * self.p_above.min(self.p_below)).min(1.0)
    }
}

/// Returns the smallest one-sided p-value that `count` differences can have. With fewer differences, no
/// result is significant at a level below this value.
#[must_use]
pub fn smallest_p(count: usize) -> f64 {
    0.5_f64.powi(i32::try_from(count).unwrap_or(i32::MAX))
}

/// Returns the probability of each sum of ranks, where each rank is included with probability 1/2.
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

/// Returns the Hodges-Lehmann estimate of location (Hodges and Lehmann 1963): the median of the means of all
/// pairs, including each value paired with itself. `None` without values.
#[must_use]
pub fn hodges_lehmann(values: &[f64]) -> Option<f64> {
    median_of_sorted(&walsh_averages(values))
}

/// Returns the interval of locations that the signed-rank test does not reject. The confidence is this one
/// (0..1) or more, because the exact test has few levels. `None` for too few values.
#[must_use]
pub fn hodges_lehmann_interval(values: &[f64], confidence: f64) -> Option<(f64, f64)> {
    if values.is_empty() || values.len() > MOST {
        return None;
    }
    let averages = walsh_averages(values);
    let ranks: Vec<usize> = (1..=values.len()).collect();
    let chances = distribution(&ranks);
    let level = (1.0 - confidence) / 2.0;
    // Count the largest number of averages that may be left out on each side.
    let mut below = 0.0;
    let left_out = chances.iter().take_while(|chance| {
        below += **chance;
        below <= level
    });
    let left_out = left_out.count().checked_sub(1)?;
    Some((*averages.get(left_out)?, *averages.get(averages.len().checked_sub(1 + left_out)?)?))
}

/// Returns the means of all pairs, in rising order.
fn walsh_averages(values: &[f64]) -> Vec<f64> {
    let pairs = (0..values.len()).flat_map(|left| (left..values.len()).map(move |right| (left, right)));
    let mut averages: Vec<f64> = pairs.map(|(left, right)| values[left].midpoint(values[right])).collect();
    averages.sort_by(f64::total_cmp);
    averages
}
