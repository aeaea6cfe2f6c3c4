//! Whole numbers as floats, for ratios and for display.

/// Float nearest to a whole number. Counts, bytes and nanoseconds of a run are below 2^53, where the
/// conversion is exact.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, and rounded above")]
pub(crate) fn as_f64(number: u64) -> f64 {
    number as f64
}
