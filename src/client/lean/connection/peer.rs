//! The server's SETTINGS (RFC 9113, section 6.5).

use crate::client::lean::{
    flow::{DEFAULT_WINDOW, LARGEST_WINDOW},
    frame::{self, ConnectionError, ErrorCode, LARGEST_MAX_FRAME, SMALLEST_MAX_FRAME, setting},
    header_block::DEFAULT_TABLE_BYTES,
    request::Form,
};

/// Error for a server whose first frame is not SETTINGS (3.4).
pub(super) const NO_HTTP2: ConnectionError = ConnectionError {
    code: ErrorCode::PROTOCOL_ERROR,
    what: "the server's first bytes are not an HTTP/2 SETTINGS frame; is it a gRPC server without TLS?",
};

pub(super) const WINDOW_TOO_LARGE: ConnectionError = ConnectionError {
    code: ErrorCode::FLOW_CONTROL_ERROR,
    what: "the server made a window larger than 2,147,483,647 bytes",
};

/// State of the server's SETTINGS.
#[derive(Debug)]
pub(super) struct Peer {
    /// True if a SETTINGS frame has arrived, valid or not. From then on, errors are errors of HTTP/2.
    pub(super) speaks_http2: bool,
    /// True if the first SETTINGS were valid and applied.
    pub(super) is_known: bool,
    pub(super) max_frame: u32,
    pub(super) initial_window: u32,
    pub(super) max_streams: usize,
    /// Form of the next request's header block.
    form: Form,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            speaks_http2: false,
            is_known: false,
            max_frame: SMALLEST_MAX_FRAME,
            initial_window: DEFAULT_WINDOW,
            max_streams: usize::MAX,
            form: Form::Introduction,
        }
    }
}

impl Peer {
    /// Applies the payload of SETTINGS. `resize` adapts the windows of open streams from one size to the
    /// other.
    ///
    /// # Errors
    /// Fails if a setting has an invalid value, or a window becomes too large.
    pub(super) fn take(
        &mut self,
        payload: &[u8],
        mut resize: impl FnMut(u32, u32) -> Result<(), ConnectionError>,
    ) -> Result<(), ConnectionError> {
        self.speaks_http2 = true;
        for (identifier, value) in frame::settings(payload)? {
            self.set(identifier, value, &mut resize)?;
        }
        self.is_known = true;
        Ok(())
    }

    /// Returns the form for the header block that is written now, and moves to the form of the next one.
    pub(super) fn take_form(&mut self) -> Form {
        let next = match self.form {
            Form::Introduction | Form::Indexed => Form::Indexed,
            Form::TableOff | Form::Literal => Form::Literal,
        };
        std::mem::replace(&mut self.form, next)
    }

    fn set(
        &mut self,
        identifier: u16,
        value: u32,
        resize: &mut impl FnMut(u32, u32) -> Result<(), ConnectionError>,
    ) -> Result<(), ConnectionError> {
        let protocol_error = |what| Err(ConnectionError::new(ErrorCode::PROTOCOL_ERROR, what));
        match identifier {
            // A smaller table may not hold the entries that calls refer to, so no call refers to the table
            // any more.
            setting::HEADER_TABLE_SIZE
                if value < DEFAULT_TABLE_BYTES && matches!(self.form, Form::Introduction | Form::Indexed) =>
            {
                self.form = Form::TableOff;
            }
            setting::ENABLE_PUSH if value != 0 => {
                return protocol_error(
                    "SETTINGS have an ENABLE_PUSH other than 0, which a server must not send",
                );
            }
            setting::MAX_CONCURRENT_STREAMS => {
                self.max_streams = usize::try_from(value).unwrap_or(usize::MAX);
            }
            setting::INITIAL_WINDOW_SIZE if value > LARGEST_WINDOW => {
                return Err(ConnectionError::new(
                    ErrorCode::FLOW_CONTROL_ERROR,
                    "SETTINGS have an INITIAL_WINDOW_SIZE over 2,147,483,647",
                ));
            }
            setting::INITIAL_WINDOW_SIZE => {
                let before = std::mem::replace(&mut self.initial_window, value);
                resize(before, value)?;
            }
            setting::MAX_FRAME_SIZE if !(SMALLEST_MAX_FRAME..=LARGEST_MAX_FRAME).contains(&value) => {
                return protocol_error("SETTINGS have a MAX_FRAME_SIZE outside 16,384 to 16,777,215");
            }
            setting::MAX_FRAME_SIZE => self.max_frame = value,
            // The other settings limit features that this client does not use, or are unknown and must be
            // ignored (6.5.2).
            _ => {}
        }
        Ok(())
    }
}
