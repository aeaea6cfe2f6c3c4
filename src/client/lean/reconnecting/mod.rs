//! One connection slot of the lean client: the current connection, connections that are closing, and the next
//! one after a server is gone. Owns the sockets.

mod socket;
mod waits;
mod current;
mod link;

#[cfg(test)]
pub(crate) use current::Backoff;
pub(crate) use link::{Reconnecting, link_of};
pub(crate) use socket::{Io, Stalls};
