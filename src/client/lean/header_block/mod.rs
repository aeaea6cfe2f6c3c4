//! Header blocks: RFC 7541 (HPACK), as far as this client needs it.
//!
//! What comes in is decoded without state: the client announces a table of 0 bytes, so that a reply's
//! headers can only name the static table or be spelled out. What goes out is encoded once, before
//! the run, in three forms ([`Blocks`]): the first call of a connection puts its headers into the
//! server's table, and the others only name them.

mod static_table;
pub mod error;
mod huffman;
pub mod block;

pub use block::{Blocks, DEFAULT_TABLE_BYTES, decode};
pub use error::HeaderError;
