//! Figures of a result in words.

use crate::units::{format_nanoseconds, format_share};

#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(super) fn time(nanoseconds: u64) -> String {
    format_nanoseconds(nanoseconds as f64)
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(super) fn share(part: u64, of: u64) -> String {
    format_share(part as f64 / of.max(1) as f64)
}
