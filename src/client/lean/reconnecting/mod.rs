//! One connection's worth of load: the connection that stands, those that are being given up, and the
//! next one when a server is gone. Owns the sockets.

mod socket;
mod current;
mod link;

#[cfg(test)]
pub(crate) use current::Backoff;
pub(crate) use link::{Reconnecting, link_of};
pub(in crate::client::lean) use socket::connecting;
pub(crate) use socket::{Io, Stalls};
