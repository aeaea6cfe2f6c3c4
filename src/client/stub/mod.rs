//! Tonic's generated client over its channel: what an application that is built with tonic sees.
//!
//! Its flow-control windows and buffers are tonic's defaults, as an application's would be. It is
//! changed in one respect: tonic closes a connection by itself once it has refused about a thousand
//! replies, taking all calls on it along (hyperium/h2#856), and that is switched off.

pub mod error;
mod sockets;
mod uploads;
mod status_origin;
pub mod channel;
pub mod connection;
mod default_client;

pub(crate) use channel::{ACCEPTED, channel, encoding};
pub use connection::StubConnection;
pub(crate) use default_client::{AmongOthers, DefaultClient};
pub(crate) use error::{causes, is_timeout};
pub(crate) use status_origin::{Heard, OriginChannel, is_from_wire, is_own_note};
