//! How the server wants to be spoken to: its SETTINGS (RFC 9113, section 6.5).

use crate::client::lean::{
    flow::{DEFAULT_WINDOW, LARGEST_WINDOW},
    frame::{self, ConnectionError, ErrorCode, LARGEST_MAX_FRAME, SMALLEST_MAX_FRAME, setting},
    header_block::DEFAULT_TABLE_BYTES,
    request::Form,
};

/// Error of a server whose first frame was no SETTINGS (3.4).
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
    /// Of the next request's headers.
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
    /// Takes the payload of SETTINGS. `resize` moves the windows of open streams from one size to the other.
    ///
    /// # Errors
    /// When a setting has no value that it may have, or a window becomes too large.
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

    /// The form of the headers that are written now.
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
            // A smaller table could hold fewer entries than the calls name: none is named any more.
            setting::HEADER_TABLE_SIZE
                if value < DEFAULT_TABLE_BYTES && matches!(self.form, Form::Introduction | Form::Indexed) =>
            {
                self.form = Form::TableOff;
            }
            setting::ENABLE_PUSH if value != 0 => {
                return protocol_error("SETTINGS have ENABLE_PUSH other than 0, which no server may send");
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
            // The rest bounds what this client does not do, or is unknown and to be ignored (6.5.2).
            _ => {}
        }
        Ok(())
    }
}
