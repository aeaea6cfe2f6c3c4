//! The server's settings.

use crate::client::lean::{
    flow::DEFAULT_WINDOW,
    frame::{ConnectionError, ErrorCode, SMALLEST_MAX_FRAME},
};

/// What came first were no SETTINGS (3.4).
pub(super) const NO_HTTP2: ConnectionError = ConnectionError {
    code: ErrorCode::PROTOCOL_ERROR,
    what: "what the server sent first is no SETTINGS frame of HTTP/2; is it a gRPC server without TLS?",
};

pub(super) const WINDOW_TOO_LARGE: ConnectionError = ConnectionError {
    code: ErrorCode::FLOW_CONTROL_ERROR,
    what: "the server made a window larger than a window may be",
};

/// How the server wants to be spoken to.
#[derive(Debug)]
pub(super) struct Peer {
    /// Whether SETTINGS have come, right or wrong: its errors are those of HTTP/2 then.
    pub(super) speaks_http2: bool,
    /// Whether its first SETTINGS were taken.
    pub(super) is_known: bool,
    pub(super) max_frame: u32,
    pub(super) initial_window: u32,
    pub(super) max_streams: usize,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            speaks_http2: false,
            is_known: false,
            max_frame: SMALLEST_MAX_FRAME,
            initial_window: DEFAULT_WINDOW,
            max_streams: usize::MAX,
        }
    }
}
