//! Two results, or several of each, side by side, with what the difference is worth: the document
//! `plimsoll.comparison/1`.
//!
//! Limits come first: a limit that moved is shown whatever else is. Then a ratio for each figure, candidate
//! to base, with an interval: from the seconds of the two runs where there is one of each, from the runs
//! where there are several.

pub mod figures;
mod limits;
pub mod document;
mod check;

pub use document::Comparison;
pub use figures::{Figure, Method};
pub use limits::LimitDifference;
