//! Configuration of the reference server.

use std::time::Duration;

use crate::{rpc::Compression, units::Limit};

/// HTTP/2 flow-control window of one stream: twice gRPC's default message limit, so that a 4 MiB request
/// never waits for a window update.
///
/// Measured with `cargo bench --bench side_by_side` (4 MiB echo, 4 in flight, 2 cores shared with the client,
/// medians of 7 alternating rounds). These windows and frames gave 1.58 times the calls per second of tonic's
/// own (1 MiB, 1 MiB, 16 KiB). Frames of 1 MiB alone gave 1.33, these windows alone 1.01. Windows eight times
/// larger gave 1.65, for eight times the memory that a caller can make the server hold.
const STREAM_WINDOW: u32 = 8 << 20;

/// HTTP/2 flow-control window of a whole connection: four streams' windows.
const CONNECTION_WINDOW: u32 = 32 << 20;

/// Largest HTTP/2 frame that the server accepts. 256 KiB gave 1.54 times the calls per second of tonic's own
/// 16 KiB; 1 MiB and 4 MiB gave 1.58.
const FRAME_SIZE: u32 = 1 << 20;

/// Configuration of the reference server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Largest request, in message bytes.
    pub max_recv_message_size: Limit,
    /// Largest reply, in message bytes.
    pub max_send_message_size: Limit,
    /// Largest number of open connections; a further one is closed as soon as it is accepted. `None` for no
    /// bound.
    pub max_connections: Option<usize>,
    /// Compression of replies to callers that accept it; `None` for none.
    pub compression: Option<Compression>,
    /// True if request metadata may set a delay, a status or a reply of another size.
    pub obey: bool,
    /// Extra CPU time per call: a slower server, to test a gate.
    pub extra_work: Duration,
    /// Extra waiting time per call, without using a core.
    pub extra_delay: Duration,
    /// HTTP/2 windows and frame size.
    pub windows: Windows,
    /// Bounds on the resources that one connection may use.
    pub bounds: Bounds,
}

/// Bounds on the resources that one connection may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Concurrent calls. Further calls are refused with `REFUSED_STREAM`, as HTTP/2 defines.
    pub streams: u32,
    /// Bytes of large requests that are arriving or in progress. A request that exceeds the bound ends with
    /// `RESOURCE_EXHAUSTED`.
    pub request_bytes: Limit,
    /// Bytes of large replies that are not sent yet. A further reply waits before it is built. A reply larger
    /// than the whole bound is built when no other one is left.
    pub reply_bytes: Limit,
}

/// Concurrent calls of a connection: more than most load tests keep in flight, and about 25 MiB if all of
/// them wait.
const STREAMS: u32 = 4_096;

/// Bytes of requests of one connection: 128 requests of gRPC's default limit at once.
const REQUEST_BYTES: u64 = 512 << 20;

/// Bytes of unsent replies of one connection. A socket takes much less than this at once, so that no sendable
/// reply waits for room.
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
    /// Returns gRPC's own defaults: 4 MiB to receive, unlimited to send. Instructions in metadata are
    /// ignored.
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
