//! Outgoing frames. Bodies of requests are framed as far as the windows have room (RFC 9113, sections 6.1,
//! 6.9 and 8.1).

use std::{collections::VecDeque, io::IoSlice};

use super::peer::{Peer, WINDOW_TOO_LARGE};
use crate::client::{
    Call,
    lean::{
        flow::{DEFAULT_WINDOW, SendWindow},
        frame::{ConnectionError, ErrorCode, Head, flag, kind, write, write_number},
        outbox::{MOST_SLICES, Outbox},
        request::Requests,
        streams::{Stream, Streams},
    },
};

/// Most bytes framed ahead of the socket. Framed bodies can still be withdrawn, so this value only limits the
/// size of a single write.
const AHEAD_BYTES: usize = 1 << 20;

/// Most unwritten acknowledgements while the server does not read. No well-behaved server comes near this
/// number.
const MOST_UNREAD_ANSWERS: u32 = 100_000;

/// State of the outgoing frames.
#[derive(Debug)]
pub(super) struct Uploads {
    outbox: Outbox,
    /// Send window of the connection.
    window: SendWindow,
    /// Streams whose request is not framed to its end, in round-robin order.
    unframed: VecDeque<u32>,
    /// Streams that the server has ended before it had the whole request.
    cut_short: Vec<u32>,
    /// True if held requests are now sent to their end.
    is_released: bool,
    unread_answers: u32,
}

impl Uploads {
    /// Makes the state with these bytes first in the output.
    pub(super) fn behind(preface: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut outbox = Outbox::default();
        outbox.append(preface);
        Self {
            outbox,
            window: SendWindow::new(DEFAULT_WINDOW),
            unframed: VecDeque::new(),
            cut_short: Vec::new(),
            is_released: false,
            unread_answers: 0,
        }
    }

    /// Frames the headers of a call, and its body if it is small and the windows have room. Returns its
    /// stream.
    pub(super) fn open(
        &mut self,
        call: Call,
        number: u32,
        requests: &Requests,
        peer: &mut Peer,
        reply_window: u32,
    ) -> Stream {
        let form = peer.take_form();
        let message = call.message;
        let body = requests.get(message).body_bytes;
        let headers_at = self.outbox.framed();
        let mut stream = Stream::new(call, headers_at, SendWindow::new(peer.initial_window), reply_window);
        let has_room =
            body <= self.window.room().min(stream.send_window.room()) && self.outbox.pending() < AHEAD_BYTES;
        if has_room && self.outbox.append(|out| requests.write_small(out, message, form, number)) {
            self.window.take(body);
            stream.send_window.take(body);
            stream.framed = body;
        } else {
            self.outbox.append(|out| requests.write_headers(out, form, number));
            self.unframed.push_back(number);
        }
        stream
    }

    /// Frames as much of the bodies as the windows have room for and one write can carry. Streams take turns,
    /// one frame each, so that no stream waits for the end of another.
    fn frame(&mut self, streams: &mut Streams, requests: &Requests, max_frame: u32) {
        for number in self.cut_short.drain(..) {
            self.outbox.append(|out| write_number(out, kind::RST_STREAM, number, ErrorCode::CANCEL.0));
        }
        while self.outbox.pending() < AHEAD_BYTES && self.window.room() > 0 {
            let Some(number) = self.unframed.pop_front() else { break };
            let Some(stream) = streams.get_mut(number) else { continue };
            let request = requests.get(stream.call.message);
            let end = if self.is_released { request.body_bytes } else { request.held_bytes };
            let left = end - stream.framed;
            let room = self.window.room().min(stream.send_window.room());
            let bytes = left.min(room).min(u64::from(max_frame));
            if bytes == 0 {
                stream.is_parked = true;
                continue;
            }
            let is_last = stream.framed + bytes == request.body_bytes;
            let flags = if is_last { flag::END_STREAM } else { 0 };
            let length = u32::try_from(bytes).unwrap_or(max_frame);
            let head = Head { length, kind: kind::DATA, flags, stream: number };
            self.outbox.push_body(head, stream.call.message, stream.framed);
            stream.framed += bytes;
            stream.send_window.take(bytes);
            self.window.take(bytes);
            if !is_last {
                self.unframed.push_back(number);
            }
        }
    }

    /// Fills `slices` with the next bytes to write. Returns the number of slices.
    pub(super) fn slices<'a>(
        &'a mut self,
        streams: &mut Streams,
        requests: &'a Requests,
        max_frame: u32,
        slices: &mut [IoSlice<'a>; MOST_SLICES],
    ) -> usize {
        self.frame(streams, requests, max_frame);
        self.outbox.fill(requests, slices)
    }

    /// Removes written bytes from the front of the output that [`Uploads::slices`] returned.
    pub(super) fn written(&mut self, bytes: usize) {
        self.outbox.written(bytes);
        if self.outbox.pending() == 0 {
            self.unread_answers = 0;
        }
    }

    /// Returns true if there are bytes to write.
    pub(super) fn has_output(&self) -> bool {
        self.outbox.pending() > 0
            || !self.cut_short.is_empty()
            || (!self.unframed.is_empty() && self.window.room() > 0)
    }

    /// Returns true if requests wait for room in the connection's window.
    pub(super) fn is_out_of_window(&self) -> bool {
        !self.unframed.is_empty() && self.window.room() == 0
    }

    /// Returns true if the headers of a stream were written; `headers_at` is their position among all frames.
    pub(super) fn has_written(&self, headers_at: u64) -> bool {
        headers_at < self.outbox.written_frames()
    }

    /// Releases requests that are held before their last byte.
    pub(super) fn release(&mut self, streams: &mut Streams) {
        self.is_released = true;
        for (number, stream) in streams.iter_mut() {
            if std::mem::take(&mut stream.is_parked) {
                self.unframed.push_back(number);
            }
        }
    }

    /// Widens the connection's window (6.9).
    ///
    /// # Errors
    /// Fails if the increment is 0, or the window becomes larger than HTTP/2 allows.
    pub(super) fn widen(&mut self, increment: u32) -> Result<(), ConnectionError> {
        if increment == 0 {
            return Err(ConnectionError::new(
                ErrorCode::PROTOCOL_ERROR,
                "a WINDOW_UPDATE frame has an increment of 0",
            ));
        }
        if self.window.widen(increment) { Ok(()) } else { Err(WINDOW_TOO_LARGE) }
    }

    /// Moves the windows of all open streams by the difference between two sizes, possibly below zero
    /// (6.9.2).
    ///
    /// # Errors
    /// Fails if a window becomes larger than HTTP/2 allows.
    pub(super) fn resize(
        &mut self,
        streams: &mut Streams,
        before: u32,
        after: u32,
    ) -> Result<(), ConnectionError> {
        for (number, stream) in streams.iter_mut() {
            if !stream.send_window.resize(before, after) {
                return Err(WINDOW_TOO_LARGE);
            }
            self.go_on(number, stream);
        }
        Ok(())
    }

    /// Resumes a stream that may have room again.
    pub(super) fn go_on(&mut self, number: u32, stream: &mut Stream) {
        if stream.is_parked && stream.send_window.room() > 0 {
            stream.is_parked = false;
            self.unframed.push_back(number);
        }
    }

    /// Withdraws the unwritten frames of a stream that has ended, and gives their room back to the window.
    /// Returns the number of withdrawn body bytes.
    pub(super) fn withdraw(&mut self, number: u32) -> u64 {
        let withdrawn = self.outbox.withdraw(number);
        self.window.give_back(withdrawn);
        withdrawn
    }

    /// Notes that the server has ended a stream before it had the whole request. The next write resets the
    /// stream, unless the server resets it before that.
    pub(super) fn cut_short(&mut self, number: u32) {
        self.cut_short.push(number);
    }

    /// Notes that the server has reset a stream that it ended before.
    pub(super) fn was_reset(&mut self, number: u32) {
        self.cut_short.retain(|cut| *cut != number);
    }

    pub(super) fn reset(&mut self, number: u32, error: ErrorCode) {
        self.outbox.append(|out| write_number(out, kind::RST_STREAM, number, error.0));
    }

    /// Gives room back to the server, for the connection (stream 0) or a stream.
    pub(super) fn give_room(&mut self, stream: u32, bytes: u32) {
        self.outbox.append(|out| write_number(out, kind::WINDOW_UPDATE, stream, bytes));
    }

    /// Acknowledges SETTINGS or PING.
    ///
    /// # Errors
    /// Fails if the server has left very many acknowledgements unread.
    pub(super) fn answer(&mut self, kind: u8, payload: &[u8]) -> Result<(), ConnectionError> {
        self.unread_answers += 1;
        if self.unread_answers > MOST_UNREAD_ANSWERS {
            return Err(ConnectionError::new(
                ErrorCode::ENHANCE_YOUR_CALM,
                "the server sends SETTINGS or PING frames and does not read the acknowledgements",
            ));
        }
        self.outbox.append(|out| write(out, kind, flag::ACK, 0, payload));
        Ok(())
    }
}
