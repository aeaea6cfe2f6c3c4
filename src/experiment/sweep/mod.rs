//! A grid of plans, sizes by loads: the document `plimsoll.sweep/1`, which grows point by point.
//!
//! Each point is a run of its own with its own summary. The order of the points is random and follows from
//! the seed, so that a drift of the machine's speed affects all parts of the grid alike. Each repetition is a
//! pass over the whole grid.

mod grid;
mod cells;
pub mod document;
mod run;

pub use cells::Cell;
pub use document::{AnotherSweep, Sweep, SweepSpec};
pub use grid::{GridLoad, Point, Sizes, SizesError};
pub use run::{RunError, ladder_limits, plan, run};
