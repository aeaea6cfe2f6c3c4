//! A result for a person: one screen, read in ten seconds.

pub mod figures;
mod cost;
mod soundness;
mod spread;
pub mod summary;

pub use summary::{write, write_coloured};
