//! Running a plan: workers with their loops, and the driver that starts, watches and ends them.

mod pulse;
mod signals;
pub(crate) mod timer;
pub(crate) mod worker;
mod sequencer;
mod tokio_loop;
mod usage;
pub mod run;
mod window;
mod lean_loop;
mod threads;
pub mod driver;

pub use driver::run;
pub use pulse::Pauses;
pub use run::{DriveError, Progress, Run};
pub(crate) use signals::Signals;
pub use usage::Usage;
pub use worker::{INTERRUPTED_DRAIN, LoopAccount};
