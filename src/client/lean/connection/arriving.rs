//! Handling of the server's frames, one at a time: RFC 9113, section 6.

use tokio::time::Instant;

use super::{
    closing::{Closing, MOST_RETURNS},
    headers::{Assembled, Block},
    peer::NO_HTTP2,
    replies::{failed, outcome_of_fields},
    state_machine::{Connection, MAX_FRAME},
};
use crate::{
    client::{
        Call,
        lean::{
            frame::{self, ConnectionError, ErrorCode, Head, flag, header_fragment, kind, wrong_length},
            frame_reader::{FrameReader, Piece},
            status::code_of_reset,
            streams::Stream,
        },
    },
    rpc::{Code, Failure, Outcome, RESET_WORDS},
};

fn protocol_error(what: &'static str) -> ConnectionError {
    ConnectionError::new(ErrorCode::PROTOCOL_ERROR, what)
}

impl Connection {
    /// Handles bytes from the server; `now` is their time of arrival.
    ///
    /// # Errors
    /// Fails if the server broke the protocol. The connection cannot be used any more, except to send its
    /// last frame: [`Connection::goodbye_frame`].
    pub fn receive(&mut self, bytes: &[u8], now: Instant) -> Result<(), ConnectionError> {
        let mut bytes = bytes;
        self.last_received = Some(now);
        // The reader is taken out, because a piece may borrow from it while the rest of the connection
        // changes.
        let mut reader = std::mem::replace(&mut self.reader, FrameReader::new(MAX_FRAME));
        let result = loop {
            let piece = match reader.next(&mut bytes) {
                Ok(Some(piece)) => piece,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            let taken = match piece {
                Piece::Data { stream, bytes, counted, ends_stream } => {
                    self.data(stream, bytes, counted, ends_stream, now)
                }
                Piece::Frame(head, payload) => self.frame(head, payload, now),
            };
            if let Err(error) = taken {
                break Err(error);
            }
        };
        self.reader = reader;
        // Before its first SETTINGS, the peer may not be an HTTP/2 server at all.
        result.map_err(|error| if self.peer.speaks_http2 { error } else { NO_HTTP2 })
    }

    /// Handles part of a reply.
    fn data(
        &mut self,
        number: u32,
        bytes: &[u8],
        counted: u32,
        ends_stream: bool,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        self.check_number(number)?;
        if self.headers.are_begun() {
            return Err(protocol_error("DATA came in the middle of a header block"));
        }
        if let Some(room) = self.replies.count(counted)? {
            self.uploads.give_room(0, room);
        }
        let Some(stream) = self.streams.get_mut(number) else { return Ok(()) };
        match self.replies.take(stream, &self.requests, bytes, counted, ends_stream) {
            Ok(_) if ends_stream => {
                let outcome = failed(Code::UNKNOWN, "the server ended the call without a status");
                self.end(number, outcome, now);
            }
            Ok(Some(room)) => self.uploads.give_room(number, room),
            Ok(None) => {}
            Err(given_up) => self.give_up(number, given_up, now),
        }
        Ok(())
    }

    /// Handles a frame other than DATA.
    fn frame(&mut self, head: Head, payload: &[u8], now: Instant) -> Result<(), ConnectionError> {
        if !self.peer.is_known && (head.kind != kind::SETTINGS || head.has(flag::ACK)) {
            return Err(NO_HTTP2);
        }
        if self.headers.are_begun() && head.kind != kind::CONTINUATION {
            return Err(protocol_error("a header block was interrupted by another frame"));
        }
        match head.kind {
            kind::HEADERS => {
                self.check_number(head.stream)?;
                let fragment = header_fragment(head, payload)?;
                let ends_stream = head.has(flag::END_STREAM);
                if head.has(flag::END_HEADERS) {
                    return self.header_block(head.stream, ends_stream, fragment, now);
                }
                self.headers.begin(head.stream, ends_stream, fragment);
                Ok(())
            }
            kind::CONTINUATION => match self.headers.go_on(head, payload)? {
                Some(Assembled { stream, ends_stream, block }) => {
                    self.header_block(stream, ends_stream, &block, now)
                }
                None => Ok(()),
            },
            kind::PRIORITY => match (head.stream, payload.len()) {
                (0, _) => Err(protocol_error("PRIORITY came on stream 0")),
                (_, 5) => Ok(()),
                _ => Err(wrong_length("a PRIORITY frame is not five bytes long")),
            },
            kind::RST_STREAM => {
                self.check_number(head.stream)?;
                let error = ErrorCode(frame::number(payload)?);
                self.reset_by_server(head.stream, error, now);
                Ok(())
            }
            kind::SETTINGS => self.settings(head, payload),
            kind::PUSH_PROMISE => {
                Err(protocol_error("the server sent PUSH_PROMISE, although this client has disabled push"))
            }
            kind::PING => self.ping(head, payload),
            kind::GOAWAY => self.go_away(head, payload, now),
            kind::WINDOW_UPDATE => {
                let increment = frame::number(payload)? & frame::LARGEST_STREAM;
                match head.stream {
                    0 => self.uploads.widen(increment),
                    stream => self.widen_stream(stream, increment, now),
                }
            }
            _ => Ok(()),
        }
    }

    /// Checks a stream number. Only this client opens streams: odd numbers, up to the last opened stream
    /// (5.1.1).
    fn check_number(&self, number: u32) -> Result<(), ConnectionError> {
        if number % 2 == 1 && number < self.streams.next() {
            Ok(())
        } else {
            Err(protocol_error("a frame is for a stream that was never opened"))
        }
    }

    /// Handles headers or trailers.
    fn header_block(
        &mut self,
        number: u32,
        ends_stream: bool,
        block: &[u8],
        now: Instant,
    ) -> Result<(), ConnectionError> {
        self.replies.note_block(block);
        let block = self.headers.read(block, self.requests.takes_compressed())?;
        let Some(stream) = self.streams.get_mut(number) else { return Ok(()) };
        self.has_answered = true;
        let is_first = !stream.has_headers;
        let error = match block {
            Block::Malformed(_) => ErrorCode::PROTOCOL_ERROR,
            _ => ErrorCode::CANCEL,
        };
        let outcome = match block {
            Block::Malformed(what) => failed(Code::INTERNAL, what),
            Block::TooLong => failed(Code::INTERNAL, "the response's headers are longer than 64 KiB"),
            Block::UsualHeaders(compression) if is_first && !ends_stream => {
                stream.has_headers = true;
                stream.reply.compression = compression;
                return Ok(());
            }
            Block::UsualTrailers if !is_first && ends_stream => self.replies.outcome(stream, &self.requests),
            Block::Fields(fields) if is_first && fields.is_informational() && !ends_stream => return Ok(()),
            Block::Fields(fields) if ends_stream || is_first => {
                outcome_of_fields(&fields, &self.requests, stream.call.message, is_first)
            }
            Block::UsualHeaders(_) | Block::UsualTrailers if ends_stream => {
                // The status is OK without a reply, or there is no status.
                failed(Code::UNKNOWN, "the server ended the call without a reply or without a status")
            }
            _ => failed(Code::INTERNAL, "the server sent headers where only trailers are allowed"),
        };
        if ends_stream {
            self.end(number, outcome, now);
        } else {
            self.give_up(number, (error, outcome), now);
        }
        Ok(())
    }

    fn reset_by_server(&mut self, number: u32, error: ErrorCode, now: Instant) {
        // The server ended the call before, and its reset cancels the rest of the request. This client would
        // send the same reset.
        self.uploads.was_reset(number);
        if error == ErrorCode::REFUSED_STREAM && self.give_back_refused(number) {
            return;
        }
        let message = format!("{RESET_WORDS}{error}");
        let failure = Failure { code: code_of_reset(error), message };
        self.end(number, Outcome::Failed(Box::new(failure)), now);
        self.uploads.was_reset(number);
    }

    /// Gives a call back after `REFUSED_STREAM`: the server did not process the call (RFC 9113, 8.7), so it
    /// may be sent again. Returns true if the call was given back.
    fn give_back_refused(&mut self, number: u32) -> bool {
        let may_go_again = |stream: &mut Stream| !stream.has_headers && stream.call.returned < MOST_RETURNS;
        if !self.streams.get_mut(number).is_some_and(may_go_again) {
            return false;
        }
        self.has_answered = true;
        if let Some(Stream { call, .. }) = self.streams.remove(number) {
            self.untaken += 1;
            self.uploads.withdraw(number);
            self.returned.push(Call { returned: call.returned + 1, ..call });
            self.open_waiting();
        }
        true
    }

    fn settings(&mut self, head: Head, payload: &[u8]) -> Result<(), ConnectionError> {
        if head.stream != 0 {
            return Err(protocol_error("SETTINGS came on a stream"));
        }
        if head.has(flag::ACK) {
            return if payload.is_empty() {
                Ok(())
            } else {
                Err(wrong_length("an acknowledgement of SETTINGS has a payload"))
            };
        }
        let (uploads, streams) = (&mut self.uploads, &mut self.streams);
        self.peer.take(payload, |before, after| uploads.resize(streams, before, after))?;
        self.uploads.answer(kind::SETTINGS, &[])?;
        self.open_waiting();
        Ok(())
    }

    fn ping(&mut self, head: Head, payload: &[u8]) -> Result<(), ConnectionError> {
        if head.stream != 0 {
            return Err(protocol_error("PING came on a stream"));
        }
        if payload.len() != 8 {
            return Err(wrong_length("a PING frame is not eight bytes long"));
        }
        // This client sends no PING, so an acknowledgement needs no action.
        if head.has(flag::ACK) { Ok(()) } else { self.uploads.answer(kind::PING, payload) }
    }

    /// Handles GOAWAY. The server will not process streams above the last one, so their calls may be sent
    /// elsewhere (6.8).
    fn go_away(&mut self, head: Head, payload: &[u8], now: Instant) -> Result<(), ConnectionError> {
        if head.stream != 0 {
            return Err(protocol_error("GOAWAY came on a stream"));
        }
        let (last, code, text) = frame::go_away(payload)?;
        let message = frame::go_away_message(code, text);
        let failure = Failure { code: Code::UNAVAILABLE, message };
        for (number, Stream { call, headers_at, .. }) in self.streams.split_above(last) {
            let was_sent = self.uploads.has_written(headers_at);
            self.uploads.withdraw(number);
            self.untaken += 1;
            if !was_sent {
                self.returned.push(call);
            } else if call.returned < MOST_RETURNS {
                self.returned.push(Call { returned: call.returned + 1, ..call });
            } else {
                self.completions.push(call.broken(failure.clone(), now));
            }
        }
        self.close(Closing { failure, is_graceful: code == ErrorCode::NO_ERROR });
        Ok(())
    }

    /// Handles WINDOW_UPDATE of a stream (6.9): an increment of 0 is an error.
    fn widen_stream(&mut self, number: u32, increment: u32, now: Instant) -> Result<(), ConnectionError> {
        self.check_number(number)?;
        let Some(stream) = self.streams.get_mut(number) else { return Ok(()) };
        if increment == 0 {
            let outcome = failed(Code::INTERNAL, "the server sent a WINDOW_UPDATE with an increment of 0");
            self.give_up(number, (ErrorCode::PROTOCOL_ERROR, outcome), now);
        } else if stream.send_window.widen(increment) {
            self.uploads.go_on(number, stream);
        } else {
            let what = "the server made the stream's window larger than 2,147,483,647 bytes";
            self.give_up(number, (ErrorCode::FLOW_CONTROL_ERROR, failed(Code::INTERNAL, what)), now);
        }
        Ok(())
    }
}
