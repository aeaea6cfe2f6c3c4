//! The engine: workers with their loops, and the driver that starts, watches and ends them.

mod pulse;
pub(crate) mod timer;
pub(crate) mod worker;
mod window;
mod sequencer;
mod worker_run;
mod tokio_loop;
mod links;
mod polling;
mod reading;
pub mod start;
mod error;
mod event;
mod rows;
mod agreement;
mod lean_loop;
mod threads;
pub mod driver;
#[cfg(test)]
mod loop_tests;
#[cfg(test)]
mod imagined;

pub use driver::{run, run_beside, run_from};
pub use error::DriveError;
pub use event::{Change, Event, Events, Expected};
pub use start::{Start, StartError};
pub use worker::INTERRUPTED_DRAIN;
