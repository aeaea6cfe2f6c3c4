//! Progress on stderr while a command works, and in a file.
//!
//! A view consumes [events](crate::engine::Event) on a thread of its own: a terminal that is slow or stopped never
//! delays a run.

mod words;
mod lines;
mod bar;
mod file;
mod watch;

pub use lines::line;
pub use watch::{View, watch};
