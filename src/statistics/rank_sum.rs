//! Mann and Whitney's test for two samples that are not paired, and the shift that belongs to it.

use super::{median::median_of_sorted, ranks::doubled};

/// What the rank-sum test says of two samples (Wilcoxon 1945, Mann and Whitney 1947): whether one lies above
/// the other.
///
/// Exact for up to 50 values in all, also where some are equal: by counting, with dynamic programming, all
/// ways to choose the first sample among the ranks that there are. Above that by the normal approximation,
/// with the corrections for ties and for continuity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankSum {
    /// How many pairs have the value of the first sample above that of the second; ties count half.
    pub u: f64,
    /// Small when the first sample lies above the second.
    pub p_above: f64,
    /// Small when the first sample lies below the second.
    pub p_below: f64,
}

/// In all: there are 1.3e14 ways to choose half of 50, which a double counts exactly.
const MOST_EXACT: usize = 50;

impl RankSum {
    /// Tests two samples; `None` when one of them is empty or has something that is no number.
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

    /// Either way: twice the smaller of the two.
    #[must_use]
    pub fn p_two_sided(&self) -> f64 {
        (2.0 * self.p_above.min(self.p_below)).min(1.0)
    }
}

/// In how many ways so many of the ranks can be chosen to have each sum.
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

/// How likely a standard normal variable is above this: by the continued fraction of the complementary error
/// function where it converges fast, and by its series elsewhere.
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

/// The Hodges-Lehmann estimate of how far the first sample lies above the second: the median of all
/// differences. `None` where one is empty.
#[must_use]
pub fn shift(first: &[f64], second: &[f64]) -> Option<f64> {
    median_of_sorted(&differences(first, second))
}

/// The interval for it that the rank-sum test does not contradict, with this confidence (0..1) or more.
/// `None` where there are too few values for it, or more than 50.
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
    // From the smallest sum on, each one is a difference more.
    let left_out = ways[count * (count + 1) / 2..].iter().take_while(|ways| {
        below += **ways;
        below <= level
    });
    let left_out = left_out.count().checked_sub(1)?;
    let differences = differences(first, second);
    Some((*differences.get(left_out)?, *differences.get(differences.len().checked_sub(1 + left_out)?)?))
}

/// All differences, in rising order.
fn differences(first: &[f64], second: &[f64]) -> Vec<f64> {
    let mut all: Vec<f64> =
        first.iter().flat_map(|left| second.iter().map(move |right| left - right)).collect();
    all.sort_by(f64::total_cmp);
    all
}
