//! Text of a result for a person: one screen, readable in ten seconds.

pub mod figures;
pub(crate) mod plan_words;
pub(crate) mod cost;
pub(crate) mod soundness;
mod spread;
mod shards;
pub mod summary;

pub use summary::{write, write_coloured};
