//! Requests on their way out: RFC 9113, sections 6.1 (DATA), 6.9 (flow control) and 8.1.

use super::{
    closing::MOST_RETURNS,
    state::{Connection, MOST_UNREAD_ANSWERS},
};
use crate::client::lean::{
    flow::{ReceiveWindow, SendWindow},
    frame::{ConnectionError, ErrorCode, Head, flag, kind, write, write_number},
    reply::ReplyState,
    request::Form,
    streams::{Call, Stream},
};

/// Bytes that are framed ahead of the socket. What is framed can still be withdrawn, so this only
/// bounds how much a single write can carry.
const AHEAD_BYTES: usize = 1 << 20;

impl Connection {
    /// Opens a stream for a call: its headers, and as much of its body as is small and has room.
    pub(super) fn open(&mut self, call: Call) {
        let Some(number) = self.take_number() else {
            self.returned.push(call);
            self.return_waiting();
            return;
        };
        self.last_chances_opened += u64::from(call.returned >= MOST_RETURNS);
        let form = self.form;
        self.form = match form {
            Form::Introduction | Form::Indexed => Form::Indexed,
            Form::TableOff | Form::Literal => Form::Literal,
        };
        let body = self.requests.get(call.message).body_bytes;
        let mut send_window = SendWindow::new(self.peer.initial_window);
        let has_room =
            body <= self.send_window.room().min(send_window.room()) && self.outbox.pending() < AHEAD_BYTES;
        let requests = &self.requests;
        let headers_at = self.outbox.framed();
        let mut framed = 0;
        if has_room && self.outbox.append(|out| requests.write_small(out, call.message, form, number)) {
            self.send_window.take(body);
            send_window.take(body);
            framed = body;
        } else {
            self.outbox.append(|out| requests.write_headers(out, form, number));
            self.uploads.push_back(number);
        }
        self.streams.push(Stream {
            call,
            headers_at,
            has_headers: false,
            reply: ReplyState::default(),
            framed,
            send_window,
            receive_window: ReceiveWindow::new(self.stream_window),
            is_parked: false,
        });
    }

    /// Frames as much of the bodies as the windows have room for and one write can carry: of each stream
    /// a frame in turn, so that none waits for the end of another.
    pub(super) fn frame_uploads(&mut self) {
        for number in self.cut_short.drain(..) {
            self.outbox.append(|out| write_number(out, kind::RST_STREAM, number, ErrorCode::CANCEL.0));
        }
        while self.outbox.pending() < AHEAD_BYTES && self.send_window.room() > 0 {
            let Some(number) = self.uploads.pop_front() else { break };
            let Some(stream) = self.streams.get_mut(number) else { continue };
            let request = self.requests.get(stream.call.message);
            let end = if self.is_released { request.body_bytes } else { request.held_bytes };
            let left = end - stream.framed;
            let room = self.send_window.room().min(stream.send_window.room());
            let bytes = left.min(room).min(u64::from(self.peer.max_frame));
            if bytes == 0 {
                stream.is_parked = true;
                continue;
            }
            let is_last = stream.framed + bytes == request.body_bytes;
            let flags = if is_last { flag::END_STREAM } else { 0 };
            let length = u32::try_from(bytes).unwrap_or(self.peer.max_frame);
            let head = Head { length, kind: kind::DATA, flags, stream: number };
            self.outbox.push_body(head, stream.call.message, stream.framed);
            stream.framed += bytes;
            stream.send_window.take(bytes);
            self.send_window.take(bytes);
            if !is_last {
                self.uploads.push_back(number);
            }
        }
    }

    /// A stream that has ended sends nothing more; the window gets back what was not sent. How many bytes
    /// of a body these were.
    pub(super) fn withdraw(&mut self, number: u32) -> u64 {
        let withdrawn = self.outbox.withdraw(number);
        self.send_window.give_back(withdrawn);
        withdrawn
    }

    pub(super) fn reset(&mut self, number: u32, error: ErrorCode) {
        self.outbox.append(|out| write_number(out, kind::RST_STREAM, number, error.0));
    }

    /// Gives room back to the server, for the connection (0) or a stream.
    pub(super) fn give_room(&mut self, stream: u32, bytes: u32) {
        self.outbox.append(|out| write_number(out, kind::WINDOW_UPDATE, stream, bytes));
    }

    /// Acknowledges SETTINGS or PING.
    pub(super) fn answer(&mut self, kind: u8, payload: &[u8]) -> Result<(), ConnectionError> {
        self.unread_answers += 1;
        if self.unread_answers > MOST_UNREAD_ANSWERS {
            return Err(ConnectionError::new(
                ErrorCode::ENHANCE_YOUR_CALM,
                "the server asks and asks, and reads no answer",
            ));
        }
        self.outbox.append(|out| write(out, kind, flag::ACK, 0, payload));
        Ok(())
    }
}
