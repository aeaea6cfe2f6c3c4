//! Quantiles of summaries, and the number of samples that each needs.

use crate::units::as_f64;

/// Quantiles in summaries, with their names.
pub const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)];

/// Returns the number of samples that a quantile needs. With fewer samples, even the largest sample lies
/// below the true quantile more often than one time in twenty.
///
/// The largest of `n` independent samples is below quantile `q` with probability `q^n` (Wilks 1941).
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "quantiles are below 1")]
pub fn samples_needed(quantile: f64) -> u64 {
    (0.05_f64.ln() / quantile.ln()).ceil() as u64
}

/// Returns the rank of a quantile among this number of samples, from 1: the smallest rank with at least this share of the
/// samples. The product of both may be a rounding error above a whole number, which is no reason for the next rank.
#[must_use]
pub fn rank(quantile: f64, samples: u64) -> f64 {
    let exact = quantile * as_f64(samples);
    let nearest = exact.round();
    let is_whole = (exact - nearest).abs() <= exact * 4.0 * f64::EPSILON;
    (if is_whole { nearest } else { exact.ceil() }).max(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_rank_is_that_of_whole_numbers(hundredths in 1_u32..10_000, samples in 1_u64..1_000_000) {
            let exact = (u64::from(hundredths) * samples).div_ceil(10_000);
            let rank = rank(f64::from(hundredths) / 100.0 / 100.0, samples);
            prop_assert!((rank - as_f64(exact.max(1))).abs() < 0.5, "{rank} {exact}");
        }
    }

    #[test]
    fn a_quantile_needs_as_many_samples_as_wilks_says() {
        let needed: Vec<u64> = QUANTILES.iter().map(|(_, quantile)| samples_needed(*quantile)).collect();
        assert_eq!(needed, [5, 29, 59, 299, 2_995, 29_956]);
    }
}
