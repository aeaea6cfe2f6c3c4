//! What refused calls do to those beside them: the document `plimsoll.neighbours/1`.
//!
//! Two runs at equal rates of the calls that are answered, with and without those that are refused. Rounds
//! of both follow each other, each in the other order than the one before, so that a machine whose speed
//! drifts does not favour one of the two.

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
