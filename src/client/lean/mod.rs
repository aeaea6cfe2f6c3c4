//! The built-in HTTP/2 client. It costs as little CPU time as possible, so that a run measures the *server*.
//!
//! Modules from the bottom up, with the sections of RFC 9113:
//!
//! - bytes: [`frame`] (4.1, 6), [`frame_reader`] (4.1), [`header_block`] (4.3, and RFC 7541);
//! - parts of one call: [`request`] (8.1), `reply` and `status`;
//! - bounds: `flow` (5.2, 6.9), `streams` (5.1);
//! - the [`connection`], a state machine over bytes and instants, with its `outbox`;
//! - sockets: `transport` (TCP or Unix, in plaintext or in TLS);
//! - drivers: `reconnecting`, which owns sockets and connects again, over a `poller`; and `blocking`, which
//!   makes a single call.
//!
//! Not supported, because no call of a plan needs it: priorities, server push, and upgrades from HTTP/1.1. Frames for streams that have ended are ignored, even where a client may treat them as an error.

pub mod frame;
mod flow;
pub mod frame_reader;
pub mod header_block;
mod poller;
pub mod transport;
pub mod request;
pub(crate) mod outbox;
pub(crate) mod reply;
mod status;
pub mod streams;
pub mod connection;
pub(crate) mod reconnecting;
pub(crate) mod blocking;
