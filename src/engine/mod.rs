//! Running a plan: workers with their loops, and the driver that starts, watches and ends them.

mod pulse;
pub(crate) mod timer;
pub(crate) mod worker;
mod sequencer;
mod tokio_loop;
mod reading;
mod error;
mod event;
mod window;
mod lean_loop;
mod threads;
pub mod driver;

pub use driver::run;
pub use error::DriveError;
pub use event::{Change, Event, Events, Expected};
pub use worker::INTERRUPTED_DRAIN;
