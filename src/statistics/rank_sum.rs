//! Mann and Whitney's test for two unpaired samples, and the matching estimate of the shift.

use super::{median::median_of_sorted, ranks::doubled};

/// Result of the rank-sum test (Wilcoxon 1945, Mann and Whitney 1947): does one sample lie above the other?
///
/// The test is exact for up to 50 values in total, ties included. Dynamic programming counts all ways to
/// choose the first sample among the given ranks. Above 50 values: the normal approximation, with corrections
/// for ties and for continuity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankSum {
    /// Number of pairs in which the first sample's value is larger than the second's; a tie counts one half.
    pub u: f64,
    /// One-sided p-value; small if the first sample lies above the second.
    pub p_above: f64,
    /// One-sided p-value; small if the first sample lies below the second.
    pub p_below: f64,
}

/// Largest total for the exact test: there are 1.3e14 ways to choose half of 50, which a double counts
/// exactly.
const MOST_EXACT: usize = 50;

impl RankSum {
    /// Tests two samples; `None` if a sample is empty or contains NaN.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "sizes of samples")]
    pub fn of(first: &[f64], second: &[f64]) -> Option<Self> {
        if first.is_empty() || second.is_empty() {
            return None;
        }
        let all = [first, second].concat();
        if all.iter().any(|value| value.is_nan()) {
            return None;
        }
        let ranks = doubled(&all);
        let sum: usize = ranks[..first.len()].iter().sum();
        let (count, others) = (first.len() as f64, second.len() as f64);
        let u = sum as f64 / 2.0 - count * (count + 1.0) / 2.0;
        let (p_above, p_below) = if all.len() <= MOST_EXACT {
            exact(&ranks, first.len(), sum)
        } else {
            normal(&ranks, count, others, u)
        };
        Some(Self { u, p_above, p_below })
    }

    /// Returns the two-sided p-value: twice the smaller one-sided value, at most 1.
    #[must_use]
    pub fn p_two_sided(&self) -> f64 {
        (2.0 * self.p_above.min(self.p_below)).min(1.0)
    }
}

/// Returns, for each sum, the number of ways to choose `count` of the ranks with that sum.
fn ways(ranks: &[usize], count: usize) -> Vec<f64> {
    let largest: usize = ranks.iter().sum();
    let mut ways = vec![vec![0.0; largest + 1]; count + 1];
    ways[0][0] = 1.0;
    for rank in ranks {
        for chosen in (1..=count).rev() {
            for sum in (*rank..=largest).rev() {
                ways[chosen][sum] += ways[chosen - 1][sum - rank];
            }
        }
    }
    ways.swap_remove(count)
}

fn exact(ranks: &[usize], count: usize, sum: usize) -> (f64, f64) {
    let ways = ways(ranks, count);
    let all: f64 = ways.iter().sum();
    (ways[sum..].iter().sum::<f64>() / all, ways[..=sum].iter().sum::<f64>() / all)
}

#[expect(clippy::cast_precision_loss, reason = "sizes of samples")]
fn normal(ranks: &[usize], count: f64, others: f64, u: f64) -> (f64, f64) {
    let all = count + others;
    let mut sorted = ranks.to_vec();
    sorted.sort_unstable();
    let ties: f64 = sorted
        .chunk_by(|left, right| left == right)
        .map(|ties| (ties.len() as f64).powi(3) - ties.len() as f64)
        .sum();
    let variance = count * others / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    if variance <= 0.0 {
        return (1.0, 1.0);
    }
    let mean = count * others / 2.0;
    let upper = |distance: f64| upper_tail((distance - 0.5) / variance.sqrt());
    (upper(u - mean).min(1.0), upper(mean - u).min(1.0))
}

/// Returns the probability that a standard normal variable is above `z`. Uses the continued fraction of the
/// complementary error function where it converges fast, and the series below `z` = 2.
fn upper_tail(z: f64) -> f64 {
    if z < 0.0 {
        return 1.0 - upper_tail(-z);
    }
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if z < 2.0 {
        // 0.5 - density * (z + z^3/3 + z^5/15 + ...) (Marsaglia 2004).
        let (mut term, mut sum, mut odd) = (z, z, 1.0);
        while term > sum * f64::EPSILON {
            odd += 2.0;
            term *= z * z / odd;
            sum += term;
        }
        return 0.5 - density * sum;
    }
    // 1/(z + 1/(z + 2/(z + 3/(z + ...)))), from the inside out.
    let fraction = (1..=200).rev().fold(0.0, |rest, step| f64::from(step) / (z + rest));
    density / (z + fraction)
}

/// Returns the Hodges-Lehmann estimate of the shift of the first sample above the second: the median of all
/// differences. `None` for an empty sample.
#[must_use]
pub fn shift(first: &[f64], second: &[f64]) -> Option<f64> {
    median_of_sorted(&differences(first, second))
}

/// Returns the interval of shifts that the rank-sum test does not reject, at this confidence (0..1) or more.
/// `None` for too few values, or more than 50.
#[must_use]
pub fn shift_interval(first: &[f64], second: &[f64], confidence: f64) -> Option<(f64, f64)> {
    let (count, all) = (first.len(), first.len() + second.len());
    if first.is_empty() || second.is_empty() || all > MOST_EXACT {
        return None;
    }
    let ranks: Vec<usize> = (1..=all).collect();
    let ways = ways(&ranks, count);
    let level = (1.0 - confidence) / 2.0 * ways.iter().sum::<f64>();
    let mut below = 0.0;
    // Starting at the smallest sum, each further sum leaves out one more difference.
    let left_out = ways[count * (count + 1) / 2..].iter().take_while(|ways| {
        below += **ways;
        below <= level
    });
    let left_out = left_out.count().checked_sub(1)?;
    let differences = differences(first, second);
    Some((*differences.get(left_out)?, *differences.get(differences.len().checked_sub(1 + left_out)?)?))
}

/// Returns all differences, in rising order.
fn differences(first: &[f64], second: &[f64]) -> Vec<f64> {
    let mut all: Vec<f64> =
        first.iter().flat_map(|left| second.iter().map(move |right| left - right)).collect();
    all.sort_by(f64::total_cmp);
    all
}
