//! The page of a run.

mod outcomes;
mod ranges;
mod time;
mod tail;
mod sizes;
mod sides;
mod shards;
mod page;

pub(crate) use page::page;
