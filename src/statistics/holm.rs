//! Holm's correction for several p-values.

/// Adjusts p-values for several tests (Holm 1979). Compare each adjusted value with the level: the chance of
/// one or more false positives among all tests is at most that level. The order of the input is kept.
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
