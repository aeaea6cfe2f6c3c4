//! Impact of refused calls on accepted calls: the document `plimsoll.neighbours/1`.
//!
//! Two runs have equal rates of accepted calls, one with refused calls and one without. The rounds alternate
//! the order of the two runs, so that a drift of the machine's speed affects both alike.

pub mod document;
mod findings;
mod impact;
mod read;
pub mod refused;
pub mod assemble;
mod run;

pub use document::{Impact, Interference, PooledSide, Pooling, Ratio, Round};
pub use refused::{InterferenceError, check, refused_sizes, without_refused};
pub use run::{Ended, RunError, run};
