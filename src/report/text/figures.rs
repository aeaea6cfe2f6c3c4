//! Figures of a result in words.

use crate::units::{as_f64, format_nanoseconds, format_share};

pub(crate) fn time(nanoseconds: u64) -> String {
    format_nanoseconds(as_f64(nanoseconds))
}

pub(crate) fn share(part: u64, of: u64) -> String {
    format_share(as_f64(part) / as_f64(of.max(1)))
}
