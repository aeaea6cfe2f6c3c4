//! The tests that comparisons and gates rest on: exact where the samples are small, seeded where they are
//! random. Pure arithmetic on numbers of no unit.

mod bootstrap;
mod rank_sum;
mod ranks;
mod signed_rank;

pub use bootstrap::block_bootstrap;
pub use rank_sum::{RankSum, shift, shift_interval};
pub use signed_rank::{SignedRank, hodges_lehmann, hodges_lehmann_interval, smallest_p};

/// The median: the middle between the two in the middle where there is no one; `None` of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    median_of_sorted(&sorted)
}

fn median_of_sorted(values: &[f64]) -> Option<f64> {
    let (low, high) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
    Some(low.midpoint(*high))
}

/// Holm's adjustment of p-values for having asked several questions (Holm 1979): with it, the chance of one
/// or more false answers among all of them is no larger than the level that each is compared with. In
/// the order in which they were given.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|left, right| p_values[*left].total_cmp(&p_values[*right]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (place, index) in order.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "a number of questions")]
        let left = (p_values.len() - place) as f64;
        largest = largest.max((left * p_values[*index]).min(1.0));
        adjusted[*index] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests;
