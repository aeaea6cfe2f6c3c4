//! A client whose calls are futures.

use super::{
    account::{ConnectionAccount, UploadWaits},
    call::{Call, Completion},
};
use crate::rpc::format_data::Message;

/// Something that makes calls over one connection, as futures. Clones share the connection.
pub(crate) trait Caller: Clone + 'static {
    /// Makes a call and verifies its reply. The call counts as sent when the client has what it needs for it.
    fn call(&mut self, call: Call, message: &Message) -> impl Future<Output = Completion>;

    /// Account of the connections that calls went over.
    fn connections(&self) -> ConnectionAccount {
        ConnectionAccount::default()
    }

    /// How calls of this connection waited for what is left of refused uploads.
    fn upload_waits(&self) -> UploadWaits {
        UploadWaits::default()
    }
}
