//! The versioned result of a run: everything that reports print, as data.

pub mod document;
mod objectives;
mod assemble;
mod check;
mod others;
mod secrets;

pub use assemble::Context;
pub use document::{
    ConnectionsRecord, IntervalRecord, LatencyFigures, LatencyRecord, ReadError, ServerRecord, Summary,
};
