//! A reply, verified as it arrives and never assembled: gRPC over HTTP/2 ("Length-Prefixed-Message")
//! and protobuf's encoding.
//!
//! As long as its bytes are those of the expected reply in protobuf's usual encoding, nothing is read
//! from them. From the first other byte on they are read field by field, in constant memory: a server
//! may encode the right text in another way, and a wrong text is to be shown.

mod verdict;
mod reader;
mod matching;
mod unpacking;
mod verification;

pub(crate) use matching::Expected;
pub(crate) use verdict::{Fault, ReplyCheck};
pub(crate) use verification::ReplyState;
