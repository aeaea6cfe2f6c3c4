//! Frames of the server: RFC 9113, section 6.

use tokio::time::Instant;

use super::{
    assembling::{Assembling, Block, MAX_HEADER_BLOCK, protocol_error},
    closing::{Closing, MOST_RETURNS},
    over::Over,
    state::Connection,
};
use crate::{
    client::lean::{
        frame::{self, ConnectionError, ErrorCode, Head, flag, header_fragment, kind, wrong_length},
        header_block::decode,
        status::{Fields, code_of_reset},
        streams::{Call, Stream},
    },
    rpc::{Failure, Outcome, RESET_WORDS},
};

impl Connection {
    /// Takes a frame that is not DATA.
    pub(super) fn frame(
        &mut self,
        head: Head,
        payload: &[u8],
        now: Instant,
        over: &mut Vec<Over>,
    ) -> Result<(), ConnectionError> {
        if !self.peer.is_known && (head.kind != kind::SETTINGS || head.has(flag::ACK)) {
            return Err(crate::client::lean::connection::peer::NO_HTTP2);
        }
        if self.assembling.is_some() && head.kind != kind::CONTINUATION {
            return Err(protocol_error("a header block was interrupted by another frame"));
        }
        match head.kind {
            kind::HEADERS => {
                self.check_number(head.stream)?;
                let fragment = header_fragment(head, payload)?;
                let ends_stream = head.has(flag::END_STREAM);
                if head.has(flag::END_HEADERS) {
                    return self.header_block(head.stream, ends_stream, fragment, now, over);
                }
                self.assembling =
                    Some(Assembling { stream: head.stream, ends_stream, block: fragment.to_vec() });
                Ok(())
            }
            kind::CONTINUATION => {
                let assembling =
                    self.assembling.as_mut().filter(|assembling| assembling.stream == head.stream);
                let Some(assembling) = assembling else {
                    return Err(protocol_error("a CONTINUATION continues nothing"));
                };
                if assembling.block.len() <= MAX_HEADER_BLOCK as usize {
                    assembling.block.extend_from_slice(payload);
                }
                if head.has(flag::END_HEADERS)
                    && let Some(Assembling { stream, ends_stream, block }) = self.assembling.take()
                {
                    return self.header_block(stream, ends_stream, &block, now, over);
                }
                Ok(())
            }
            kind::PRIORITY => match (head.stream, payload.len()) {
                (0, _) => Err(protocol_error("PRIORITY came for the connection")),
                (_, 5) => Ok(()),
                _ => Err(wrong_length("a PRIORITY frame has not five bytes")),
            },
            kind::RST_STREAM => {
                self.check_number(head.stream)?;
                let error = ErrorCode(frame::number(payload)?);
                self.reset_by_server(head.stream, error, now, over);
                Ok(())
            }
            kind::SETTINGS => self.settings(head, payload),
            kind::PUSH_PROMISE => Err(protocol_error("the server pushes, although that was switched off")),
            kind::PING => self.ping(head, payload),
            kind::GOAWAY => self.go_away(head, payload, now, over),
            kind::WINDOW_UPDATE => {
                let increment = frame::number(payload)? & frame::LARGEST_STREAM;
                match head.stream {
                    0 => self.widen_connection(increment),
                    stream => self.widen_stream(stream, increment, now, over),
                }
            }
            _ => Ok(()),
        }
    }

    /// Only streams of this client's exist: odd ones, up to the last that was opened (5.1.1).
    pub(super) fn check_number(&self, number: u32) -> Result<(), ConnectionError> {
        if number % 2 == 1 && number < self.next_stream {
            Ok(())
        } else {
            Err(protocol_error("a frame is for a stream that was never opened"))
        }
    }

    fn header_block(
        &mut self,
        number: u32,
        ends_stream: bool,
        block: &[u8],
        now: Instant,
        over: &mut Vec<Over>,
    ) -> Result<(), ConnectionError> {
        if let Some(seen) = &mut self.seen {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let mut fields = Vec::new();
            // Where it cannot be read, that is said below.
            let _ = decode(block, |name, value| fields.push((text(name), text(value))));
            seen.blocks.push(fields);
        }
        let block = if !block.is_empty() && block == self.known.headers {
            Block::UsualHeaders
        } else if !block.is_empty() && block == self.known.trailers {
            Block::UsualTrailers
        } else if block.len() > MAX_HEADER_BLOCK as usize {
            // Nothing is lost by not reading it: there is no table that it could change.
            Block::TooLong
        } else {
            let read = Fields::read(block);
            let fields = read.map_err(|_| {
                ConnectionError::new(ErrorCode::COMPRESSION_ERROR, "a header block cannot be read")
            })?;
            if let Some(what) = fields.malformed {
                Block::Malformed(what)
            } else if fields.http == Some(200) && fields.is_grpc && fields.grpc.is_none() {
                block.clone_into(&mut self.known.headers);
                self.known.compression = fields.compression.filter(|_| self.requests.takes_compressed());
                Block::UsualHeaders
            } else if fields.http.is_none() && fields.grpc.is_some_and(|code| code.number() == 0) {
                block.clone_into(&mut self.known.trailers);
                Block::UsualTrailers
            } else {
                Block::Fields(fields)
            }
        };
        self.headers(number, ends_stream, block, now, over);
        Ok(())
    }

    fn reset_by_server(&mut self, number: u32, error: ErrorCode, now: Instant, over: &mut Vec<Over>) {
        // It ended the call before, and now says that the rest of the request is not wanted: as we would.
        self.cut_short.retain(|cut| *cut != number);
        if error == ErrorCode::REFUSED_STREAM && self.give_back_refused(number) {
            return;
        }
        let message = format!("{RESET_WORDS}{error}");
        self.end(
            number,
            Outcome::Failed(Box::new(Failure { code: code_of_reset(error), message })),
            now,
            over,
        );
        self.cut_short.retain(|cut| *cut != number);
    }

    /// `REFUSED_STREAM` says that the server did not process the call (RFC 9113, 8.7), so the call may be made
    /// again. Whether it is.
    fn give_back_refused(&mut self, number: u32) -> bool {
        let may_go_again = |stream: &mut Stream| !stream.has_headers && stream.call.returned < MOST_RETURNS;
        if !self.streams.get_mut(number).is_some_and(may_go_again) {
            return false;
        }
        self.has_answered = true;
        if let Some(Stream { call, .. }) = self.streams.remove(number) {
            self.untaken += 1;
            self.withdraw(number);
            self.returned.push(Call { returned: call.returned + 1, ..call });
            self.open_waiting();
        }
        true
    }

    fn ping(&mut self, head: Head, payload: &[u8]) -> Result<(), ConnectionError> {
        if head.stream != 0 {
            return Err(protocol_error("PING came on a stream"));
        }
        if payload.len() != 8 {
            return Err(wrong_length("a PING has not eight bytes"));
        }
        // This client asks nothing, so an answer is to nobody.
        if head.has(flag::ACK) { Ok(()) } else { self.answer(kind::PING, payload) }
    }

    /// No stream above the last one was or will be looked at: those calls may go elsewhere (6.8).
    fn go_away(
        &mut self,
        head: Head,
        payload: &[u8],
        now: Instant,
        over: &mut Vec<Over>,
    ) -> Result<(), ConnectionError> {
        if head.stream != 0 {
            return Err(protocol_error("GOAWAY came on a stream"));
        }
        let (last, code, text) = frame::go_away(payload)?;
        let message = frame::go_away_message(code, text);
        let failure = Failure { code: crate::rpc::Code::UNAVAILABLE, message };
        self.closing = Some(Closing { failure: failure.clone(), is_graceful: code == ErrorCode::NO_ERROR });
        let sent_bytes = self.outbox.written_frames();
        for (number, Stream { call, headers_at, .. }) in self.streams.split_above(last) {
            self.withdraw(number);
            self.untaken += 1;
            if headers_at >= sent_bytes {
                self.returned.push(call);
            } else if call.returned < MOST_RETURNS {
                self.returned.push(Call { returned: call.returned + 1, ..call });
            } else {
                over.push(Over::broken(call, failure.clone(), now));
            }
        }
        self.return_waiting();
        Ok(())
    }

    /// Gives back the calls that waited for a stream: these never left the client.
    pub(super) fn return_waiting(&mut self) {
        self.returned.extend(self.last_chances.drain(..).chain(self.waiting.drain(..)));
    }
}
