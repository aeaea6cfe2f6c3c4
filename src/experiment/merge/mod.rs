//! Shards of one run, merged without loss.
//!
//! Files are read one at a time, and nothing of a shard stays but its counts in the sums and one line.

pub mod error;
mod identity;
mod planned;
mod findings;
pub mod merging;

pub use error::ShardsError;
pub use merging::Merging;
