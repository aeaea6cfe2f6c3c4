//! SETTINGS of the server: RFC 9113, section 6.5.

use super::{peer::WINDOW_TOO_LARGE, state::Connection};
use crate::client::lean::{
    flow::LARGEST_WINDOW,
    frame::{
        self, ConnectionError, ErrorCode, Head, LARGEST_MAX_FRAME, SMALLEST_MAX_FRAME, flag, kind, setting,
        wrong_length,
    },
    header_block::DEFAULT_TABLE_BYTES,
    request::Form,
};

impl Connection {
    pub(super) fn settings(&mut self, head: Head, payload: &[u8]) -> Result<(), ConnectionError> {
        if head.stream != 0 {
            return Err(ConnectionError::new(ErrorCode::PROTOCOL_ERROR, "SETTINGS came on a stream"));
        }
        if head.has(flag::ACK) {
            return if payload.is_empty() {
                Ok(())
            } else {
                Err(wrong_length("an acknowledgement of SETTINGS has a payload"))
            };
        }
        self.peer.speaks_http2 = true;
        for (identifier, value) in frame::settings(payload)? {
            self.setting(identifier, value)?;
        }
        self.peer.is_known = true;
        self.answer(kind::SETTINGS, &[])?;
        self.open_waiting();
        Ok(())
    }

    fn setting(&mut self, identifier: u16, value: u32) -> Result<(), ConnectionError> {
        match identifier {
            // A smaller table could hold fewer entries than the calls name: none is named any more.
            setting::HEADER_TABLE_SIZE
                if value < DEFAULT_TABLE_BYTES && matches!(self.form, Form::Introduction | Form::Indexed) =>
            {
                self.form = Form::TableOff;
            }
            setting::ENABLE_PUSH if value != 0 => {
                return Err(ConnectionError::new(
                    ErrorCode::PROTOCOL_ERROR,
                    "SETTINGS have ENABLE_PUSH other than 0, which no server may send",
                ));
            }
            setting::MAX_CONCURRENT_STREAMS => {
                self.peer.max_streams = usize::try_from(value).unwrap_or(usize::MAX);
            }
            setting::INITIAL_WINDOW_SIZE => self.resize_windows(value)?,
            setting::MAX_FRAME_SIZE => {
                if !(SMALLEST_MAX_FRAME..=LARGEST_MAX_FRAME).contains(&value) {
                    return Err(ConnectionError::new(
                        ErrorCode::PROTOCOL_ERROR,
                        "SETTINGS have a MAX_FRAME_SIZE outside 16,384 to 16,777,215",
                    ));
                }
                self.peer.max_frame = value;
            }
            // The rest bounds what this client does not do, or is unknown and to be ignored (6.5.2).
            _ => {}
        }
        Ok(())
    }

    /// The windows of all open streams move by the difference, maybe below zero (6.9.2).
    fn resize_windows(&mut self, size: u32) -> Result<(), ConnectionError> {
        if size > LARGEST_WINDOW {
            return Err(ConnectionError::new(
                ErrorCode::FLOW_CONTROL_ERROR,
                "SETTINGS have an INITIAL_WINDOW_SIZE over 2,147,483,647",
            ));
        }
        let before = std::mem::replace(&mut self.peer.initial_window, size);
        for (number, stream) in self.streams.iter_mut() {
            if !stream.send_window.resize(before, size) {
                return Err(WINDOW_TOO_LARGE);
            }
            if stream.is_parked && stream.send_window.room() > 0 {
                stream.is_parked = false;
                self.uploads.push_back(number);
            }
        }
        Ok(())
    }

    /// WINDOW_UPDATE (6.9): an increment of 0 is an error of the stream or of the connection.
    pub(super) fn widen_connection(&mut self, increment: u32) -> Result<(), ConnectionError> {
        if increment == 0 {
            return Err(ConnectionError::new(ErrorCode::PROTOCOL_ERROR, "a window was widened by nothing"));
        }
        if self.send_window.widen(increment) { Ok(()) } else { Err(WINDOW_TOO_LARGE) }
    }
}
