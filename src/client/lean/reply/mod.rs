//! Replies, verified as they arrive and never assembled: gRPC over HTTP/2 ("Length-Prefixed-Message").
//!
//! A reply that is the expected one, byte for byte, is only compared. A reply that arrives whole is read at
//! once. All others are read piece by piece: prefix, decompression, message.

mod fault;
mod pieces;
mod verification;

pub(crate) use fault::Fault;
pub(crate) use verification::{Desk, ReplyState};
