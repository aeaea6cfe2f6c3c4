//! Header blocks: RFC 7541 (HPACK), as far as this client needs it.
//!
//! Incoming blocks are decoded without state: the client announces a table of 0 bytes, so that a reply's
//! headers can only refer to the static table or be literals. Outgoing blocks are encoded once, before the
//! run, in three forms ([`Blocks`]). The first call of a connection adds its headers to the server's table,
//! and later calls only refer to them.

mod static_table;
pub mod error;
mod huffman;
pub mod block;

pub use block::{Blocks, DEFAULT_TABLE_BYTES, decode};
pub use error::HeaderError;
