//! `plimsoll run`: drives a server with one plan.

mod arguments;
mod interference;
mod command;

pub(crate) use arguments::RunArguments;
pub(crate) use command::execute;
