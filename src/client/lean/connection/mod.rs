//! One HTTP/2 connection as a client keeps it: RFC 9113.
//!
//! A state machine that owns no socket and reads no clock: bytes and instants go in, bytes to be
//! written and the ends of calls come out. [`receive`](Connection::receive) takes what the server
//! sent, [`start`](Connection::start) a call, [`slices`](Connection::slices) shows what is to be
//! written.

pub mod assembling;
mod closing;
pub mod over;
mod peer;
pub mod state;
mod arriving;
mod calls;
mod ending;
mod sending;
mod settings;

pub(crate) use closing::MOST_RETURNS;
pub use over::{Over, RawResponse};
pub use state::Connection;

pub use super::outbox::MOST_SLICES;
