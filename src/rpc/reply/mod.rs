//! Checks of replies as they arrive: never assembled, in constant memory.
//!
//! While the bytes equal the expected reply in protobuf's usual encoding, they are only compared. From the
//! first other byte on they are read field by field. A server may encode the right text in another way, and a
//! wrong text must be shown.

mod utf8;
mod reader;
mod text;
mod values;
mod verdict;
mod checker;
mod whole;

pub(crate) use checker::Checker;
pub(crate) use verdict::ReplyCheck;
pub use whole::{difference, is_message};
