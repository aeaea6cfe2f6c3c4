//! Options of a client that apply to all its calls. Settings, plans, sweeps and single calls share them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    rpc::{Compression, metadata::Pair},
    units::{Limit, named, nanoseconds},
};

/// gRPC's default limit for received messages: 4 MiB.
pub const DEFAULT_MAX_RECV: Limit = Limit::Bytes(4 << 20);

/// Options of a client that apply to all its calls. In a document, times are in ns and limits in message
/// bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Options {
    /// Deadline of each call; none by default.
    #[serde(
        rename = "timeout_ns",
        with = "nanoseconds::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    #[schemars(with = "Option<u64>")]
    pub timeout: Option<Duration>,
    /// Metadata sent with each call.
    pub metadata: Vec<Pair>,
    /// The client's own limit for requests; `null` for none.
    #[serde(rename = "max_send_message_bytes")]
    pub max_send_message_size: Limit,
    /// The client's own limit for replies; `null` for none.
    #[serde(rename = "max_recv_message_bytes")]
    pub max_recv_message_size: Limit,
    /// Compression of requests; the client then accepts compressed replies too. Absent without compression.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub compression: Option<Compression>,
    /// The client that makes the calls.
    pub client: ClientKind,
    /// Time for which the lean client polls before it blocks. 0 saves CPU time; more saves the wake-up time
    /// of a sleeping core.
    #[serde(rename = "spin_ns", with = "nanoseconds", default)]
    #[schemars(with = "u64")]
    pub spin: Duration,
}

/// A client that makes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientKind {
    /// The built-in HTTP/2 client, which costs the least CPU time: measures the server.
    Lean,
    /// Tonic's generated client over its channel: measures what an application built with tonic sees.
    Stub,
}

named!(ClientKind, "client", {
    Lean => "lean": "Our own HTTP/2 client, which costs as little as can be: measures the server",
    Stub => "stub": "Tonic's generated client: what an application built with tonic sees",
});

impl Default for Options {
    /// Returns the lean client with gRPC's own limits: no limit for requests, 4 MiB for replies.
    fn default() -> Self {
        Self {
            timeout: None,
            metadata: Vec::new(),
            max_send_message_size: Limit::Unlimited,
            max_recv_message_size: DEFAULT_MAX_RECV,
            compression: None,
            client: ClientKind::Lean,
            spin: Duration::ZERO,
        }
    }
}
