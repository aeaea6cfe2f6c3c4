//! The clients that make calls, and what they share: how a call ends, and how a refusal is
//! recognised.

mod refusal;
pub mod single;
pub mod stub;

use std::time::Duration;

use tokio::time::Instant;

use crate::{outcome::Outcome, payload::Message, plan::Pair, units::Limit};

/// What a client is told once, for all its calls.
#[derive(Debug, Clone)]
pub struct Options {
    /// The largest request that it sends, in message bytes.
    pub max_send_message_size: Limit,
    /// The largest reply that it takes, in message bytes.
    pub max_recv_message_size: Limit,
    /// The deadline of each call.
    pub timeout: Option<Duration>,
    /// Sent with each call.
    pub metadata: Vec<Pair>,
}

/// A call that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The instant before the client was given the call.
    pub sent: Instant,
    /// The instant at which the client gave back the reply, before it was verified.
    pub done: Instant,
    /// What became of it: never shed or unfinished.
    pub outcome: Outcome,
}

/// Something that makes calls over one connection. Clones share the connection.
pub(crate) trait Caller: Clone + 'static {
    /// Makes one call and verifies its reply.
    fn call(&mut self, message: &Message) -> impl Future<Output = Ended>;
}
