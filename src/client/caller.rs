//! A client whose calls are futures.

use std::time::Duration;

use super::{
    account::{ConnectionAccount, UploadWaits},
    call::{Call, Completion},
};
use crate::rpc::Message;

/// A client that makes calls over one connection, as futures. Clones share the connection.
pub(crate) trait Caller: Clone + 'static {
    /// Makes a call and verifies its reply. The send time is the time at which the client can start the call.
    fn call(&mut self, call: Call, message: &Message) -> impl Future<Output = Completion>;

    /// Account of the connections that carried the calls.
    fn connections(&self) -> ConnectionAccount {
        ConnectionAccount::default()
    }

    /// Lengths of the TLS handshakes so far.
    fn handshakes(&self) -> Vec<Duration> {
        Vec::new()
    }

    /// Waits of this connection's requests for the unsent rest of refused uploads.
    fn upload_waits(&self) -> UploadWaits {
        UploadWaits::default()
    }
}
