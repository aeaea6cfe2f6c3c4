//! Metadata of calls.

mod pair;
mod check;

pub(crate) use check::bytes_of;
pub use check::{MetadataError, PairError};
pub use pair::Pair;
pub(crate) use pair::Secrets;
