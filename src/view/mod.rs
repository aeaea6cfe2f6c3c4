//! Progress on stderr while a command works.

pub mod progress;
