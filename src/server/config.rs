//! Configuration of the reference server.

use std::time::Duration;

use crate::{rpc::Compression, units::Limit};

/// HTTP/2 flow-control window of one stream. Twice gRPC's default message limit: a 4 MiB request
/// never waits for a window update.
///
/// Measured with `cargo bench --bench side_by_side` (4 MiB echo, 4 in flight, 2 cores shared with the
/// client, medians of 7 alternating rounds): these windows and frames brought 1.58 times the calls of
/// tonic's own (1 MiB, 1 MiB, 16 KiB). Frames of 1 MiB alone brought 1.33, these windows alone 1.01;
/// eight times larger windows 1.65, for eight times the memory a caller can make the server hold.
const STREAM_WINDOW: u32 = 8 << 20;

/// HTTP/2 flow-control window of a whole connection: four streams' worth.
const CONNECTION_WINDOW: u32 = 32 << 20;

/// Largest HTTP/2 frame that the server takes: 256 KiB brought 1.54 times the calls of tonic's own
/// 16 KiB, 1 MiB and 4 MiB 1.58.
const FRAME_SIZE: u32 = 1 << 20;

/// What the reference server is asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Largest request, in message bytes.
    pub max_recv_message_size: Limit,
    /// Largest reply, in message bytes.
    pub max_send_message_size: Limit,
    /// Connections open at once; one more is closed as soon as it is accepted. `None` for no bound.
    pub max_connections: Option<usize>,
    /// How replies are compressed to callers that take it.
    pub compression: Option<Compression>,
    /// Whether request metadata may ask for a delay, a status or a reply of another size.
    pub obey: bool,
    /// CPU time that each call is to cost besides its own work: a slower server, to try a gate on.
    pub extra_work: Duration,
    /// Time that each call is to wait besides, without using a core.
    pub extra_delay: Duration,
    /// How the HTTP/2 connection is tuned.
    pub windows: Windows,
    /// How much one connection makes the server hold.
    pub bounds: Bounds,
}

/// How much one connection makes the server hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Calls at once; further ones are refused with `REFUSED_STREAM`, as HTTP/2 has it.
    pub streams: u32,
    /// Bytes of large requests that come or are in work. A request that goes past it ends with
    /// `RESOURCE_EXHAUSTED`.
    pub request_bytes: Limit,
    /// Bytes of large replies that are not yet sent. A further reply waits, and is not made before; one that is
    /// larger than the whole bound is made when no other is there.
    pub reply_bytes: Limit,
}

/// Calls at once on a connection: more than most load tests keep in flight, and some 25 MiB when all wait.
const STREAMS: u32 = 4_096;

/// Requests of one connection: 128 of gRPC's default limit at once.
const REQUEST_BYTES: u64 = 512 << 20;

/// Unsent replies of one connection. A socket takes far less than this at once, so that nothing waits for room
/// that could have been sent.
const REPLY_BYTES: u64 = 128 << 20;

impl Default for Bounds {
    fn default() -> Self {
        Self {
            streams: STREAMS,
            request_bytes: Limit::Bytes(REQUEST_BYTES),
            reply_bytes: Limit::Bytes(REPLY_BYTES),
        }
    }
}

/// HTTP/2 windows and frame size, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Flow-control window of one stream.
    pub stream: u32,
    /// Flow-control window of a connection.
    pub connection: u32,
    /// Largest frame.
    pub frame: u32,
}

impl Default for Windows {
    fn default() -> Self {
        Self { stream: STREAM_WINDOW, connection: CONNECTION_WINDOW, frame: FRAME_SIZE }
    }
}

impl Default for Config {
    /// gRPC's own defaults: 4 MiB to receive, unlimited to send; obeys nobody.
    fn default() -> Self {
        Self {
            max_recv_message_size: Limit::Bytes(4 << 20),
            max_send_message_size: Limit::Unlimited,
            max_connections: None,
            compression: None,
            obey: false,
            extra_work: Duration::ZERO,
            extra_delay: Duration::ZERO,
            windows: Windows::default(),
            bounds: Bounds::default(),
        }
    }
}
