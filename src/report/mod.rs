//! Reports: finished values to writers, one format a file; and the progress of a run.
//!
//! Nothing here measures, and nothing else prints.

pub mod benchmarks;
pub mod compare;
pub mod csv;
pub mod destination;
pub mod history;
pub mod json;
pub mod junit;
pub mod limits;
pub mod markdown;
pub mod neighbours;
pub mod progress;
pub mod reply;
pub mod sweep;
mod style;
mod table;
pub mod text;
pub mod verdict;

use std::{
    error::Error,
    io::{Write, stderr},
};

/// Prints an error with its causes on stderr.
pub fn error<'a>(chain: impl Iterator<Item = &'a (dyn Error + 'static)>) {
    let causes: Vec<String> = chain.map(ToString::to_string).collect();
    // Whoever has closed stderr does not want to know.
    let _ = writeln!(stderr(), "plimsoll: {}", causes.join(": "));
}
