//! The page of a run.

mod outcomes;
mod ranges;
mod columns;
mod time_charts;
mod time;
mod tail;
mod sizes;
mod sides;
mod shards;
mod page;

pub(crate) use page::page;
