//! One HTTP/2 connection from the client's side: RFC 9113.
//!
//! A state machine that owns no socket and reads no clock. Its inputs are bytes and instants; its outputs are
//! bytes to write and completed calls. [`receive`](Connection::receive) handles bytes from the server, and
//! [`start`](Connection::start) starts a call. [`slices`](Connection::slices) returns the bytes to write, and
//! [`completions`](Connection::completions) the calls that have ended.
//!
//! Its parts: the peer's settings, header blocks in assembly, calls that wait for a stream, uploads, replies.

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
