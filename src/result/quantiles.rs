//! Quantiles of summaries, and the number of samples that each needs.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_needs_as_many_samples_as_wilks_says() {
        let needed: Vec<u64> = QUANTILES.iter().map(|(_, quantile)| samples_needed(*quantile)).collect();
        assert_eq!(needed, [5, 29, 59, 299, 2_995, 29_956]);
    }
}
