//! One HTTP/2 connection as a client keeps it: RFC 9113.
//!
//! A state machine that owns no socket and reads no clock: bytes and instants go in, bytes to be
//! written and the ends of calls come out. [`receive`](Connection::receive) takes what the server
//! sent, [`start`](Connection::start) a call; [`slices`](Connection::slices) shows what is to be
//! written, and [`completions`](Connection::completions) are the calls that have ended.
//!
//! Its parts: the peer's settings, header blocks while they come, calls that wait for a stream, uploads, replies.

pub mod raw_response;
mod peer;
mod headers;
mod closing;
mod queue;
mod uploads;
mod replies;
pub mod state_machine;
mod arriving;

pub(crate) use closing::MOST_RETURNS;
pub use raw_response::RawResponse;
pub use state_machine::Connection;

pub use super::outbox::MOST_SLICES;
