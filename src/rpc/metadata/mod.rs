//! Metadata of calls.

mod pair;
mod check;

pub(crate) use check::bytes_of;
pub(crate) use check::{MetadataError, PairError};
pub(crate) use pair::{Pair, Secrets};
