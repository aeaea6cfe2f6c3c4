//! Comparison of two results, or of several results per side, with intervals: the document
//! `plimsoll.comparison/1`.
//!
//! Limits come first: a moved limit is always reported. Then each figure has a ratio, candidate to base, with
//! an interval. With one run per side, the interval comes from the seconds of the two runs; with several,
//! from the runs.

pub mod figures;
mod limits;
pub mod document;
mod check;

pub use document::{Comparison, Pooled};
pub use figures::{Figure, Method};
pub use limits::LimitDifference;
