//! Replies, verified as they arrive and never assembled: gRPC over HTTP/2 ("Length-Prefixed-Message") and
//! protobuf's encoding.
//!
//! While the bytes equal the expected reply in protobuf's usual encoding, they are only compared. From the
//! first other byte on they are decoded field by field, in constant memory. A server may encode the right
//! text in another way, and a wrong text must be shown.

mod verdict;
mod reader;
mod matching;
mod unpacking;
mod verification;

pub(crate) use matching::Expected;
pub(crate) use verdict::{Fault, ReplyCheck};
pub(crate) use verification::ReplyState;
