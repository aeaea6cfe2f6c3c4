//! Metadata of calls.

mod pair;
mod check;

pub(crate) use check::{MetadataError, PairError, bytes_of};
pub(crate) use pair::{Pair, Secrets};
