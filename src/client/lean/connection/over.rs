//! Calls that have ended, and responses that are kept whole.

use tokio::time::Instant;

use crate::{
    client::lean::streams::Call,
    rpc::{Failure, Outcome},
};

/// A call that has ended.
#[derive(Debug)]
pub struct Over {
    /// The call.
    pub call: Call,
    /// When its end became known.
    pub done: Instant,
    /// What became of it: never shed or unfinished.
    pub outcome: Outcome,
    /// How much of its request's body went to the socket until then.
    pub uploaded_bytes: u64,
}

impl Over {
    /// The end of a call of which nothing was sent on a connection that stands.
    pub(crate) fn unsent(call: Call, outcome: Outcome, done: Instant) -> Self {
        Self { call, done, outcome, uploaded_bytes: 0 }
    }

    /// The end of a call whose connection is lost.
    pub(crate) fn broken(call: Call, failure: Failure, done: Instant) -> Self {
        Self::unsent(call, Outcome::Broken(Box::new(failure)), done)
    }
}

/// What came back, word for word.
#[derive(Debug, Default)]
pub struct RawResponse {
    /// The fields of each header block: the headers, and the trailers where there were any.
    pub blocks: Vec<Vec<(String, String)>>,
    /// gRPC's prefix and the message.
    pub body: Vec<u8>,
}
