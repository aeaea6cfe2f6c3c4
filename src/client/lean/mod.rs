//! Our own HTTP/2 client, made for one job: to cost as little as can be, so that the *server* is what
//! is measured.
//!
//! From the inside out, by the parts of RFC 9113:
//!
//! - bytes: [`frame`] (4.1, 6), [`frame_reader`] (4.1), [`header_block`] (4.3, and RFC 7541);
//! - what one call sends and takes: [`request`] (8.1), `reply` and `status`;
//! - what bounds it: `flow` (5.2, 6.9), `streams` (5.1);
//! - the [`connection`], a state machine over bytes and instants, with its `outbox`;
//! - what drives it: `reconnecting`, which owns sockets and connects again, over a `poller`; and `blocking`,
//!   which makes a single call.
//!
//! Left out, because no call of a plan needs it: compression of messages, priorities, server push,
//! TLS, and upgrades from HTTP/1.1. Frames for streams that have ended are ignored, also where a
//! client may call them an error.

pub mod frame;
mod flow;
pub mod frame_reader;
pub mod header_block;
mod poller;
pub mod request;
pub(crate) mod outbox;
pub(crate) mod reply;
mod status;
pub mod streams;
pub mod connection;
pub(crate) mod reconnecting;
pub(crate) mod blocking;
