//! `plimsoll run`: drives a server with one plan.

mod part;
mod arguments;
mod shard;
mod interference;
mod command;

pub(crate) use arguments::{InterferenceArguments, RunArguments};
pub(crate) use command::execute;
pub(crate) use interference::execute as execute_interference;
