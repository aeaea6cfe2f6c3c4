//! Whole numbers as floats, for ratios and for people.

/// The float next to a number. The counts, bytes and nanoseconds of a run lie below 2^53, where it is the same.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, and rounded above")]
pub(crate) fn as_f64(number: u64) -> f64 {
    number as f64
}
