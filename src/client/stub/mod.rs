//! Tonic's generated client over its channel: measures what an application built with tonic sees.
//!
//! Its flow-control windows and buffers are tonic's defaults, like those of an application. One default is
//! changed: tonic closes a connection after it has refused about a thousand replies, and all calls on it fail
//! (hyperium/h2#856). That is switched off.

pub mod error;
mod sockets;
mod uploads;
mod status_origin;
pub mod channel;
mod raw_codec;
pub mod connection;
mod default_client;

pub(crate) use channel::{ACCEPTED, channel, encoding};
pub use connection::StubConnection;
pub(crate) use default_client::{AmongOthers, DefaultClient};
pub(crate) use error::{causes, is_timeout};
pub(crate) use raw_codec::RawCodec;
pub(crate) use status_origin::{Heard, OriginChannel, is_from_wire, is_own_note};
