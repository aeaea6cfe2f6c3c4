//! A client whose calls are futures.

use tokio::time::Instant;

use super::account::{ConnectionAccount, Loss, UploadWaits};
use crate::rpc::{Outcome, format_data::Message};

/// A call that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The instant before the client was given the call.
    pub sent: Instant,
    /// The instant at which the client had the reply, before it was verified.
    pub done: Instant,
    /// What became of it: never shed or unfinished.
    pub outcome: Outcome,
    /// Whether the client made the status of a failure itself.
    pub is_own_status: bool,
    /// How the connection of a broken call was lost, where the client knows.
    pub loss: Option<Loss>,
}

/// Something that makes calls over one connection, as futures. Clones share the connection.
pub(crate) trait Caller: Clone + 'static {
    /// Makes one call and verifies its reply.
    fn call(&mut self, message: &Message) -> impl Future<Output = Ended>;

    /// What became of the connections that calls went over.
    fn connections(&self) -> ConnectionAccount {
        ConnectionAccount::default()
    }

    /// How calls of this connection waited for what is left of refused uploads.
    fn upload_waits(&self) -> UploadWaits {
        UploadWaits::default()
    }
}
