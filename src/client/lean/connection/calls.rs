//! Calls and how they end: RFC 9113, section 8.1, and gRPC over HTTP/2 ("Responses").

use tokio::time::Instant;

use super::{assembling::Block, over::Over, state::Connection};
use crate::{
    client::lean::{
        frame::{ConnectionError, ErrorCode},
        reply::{Expected, Fault, ReplyCheck},
        status::Fields,
    },
    rpc::{
        Code, Direction, Failure, HttpAnswer, Outcome, Refusal, Side, deadline_exceeded, outcome_of_status,
        over_own_receive_limit,
    },
};

fn failed(code: Code, message: impl Into<String>) -> Outcome {
    Outcome::Failed(Box::new(Failure { code, message: message.into() }))
}

impl Connection {
    /// Takes part of a reply.
    pub(super) fn data(
        &mut self,
        number: u32,
        bytes: &[u8],
        counted: u32,
        ends_stream: bool,
        now: Instant,
        over: &mut Vec<Over>,
    ) -> Result<(), ConnectionError> {
        self.check_number(number)?;
        if self.assembling.is_some() {
            return Err(ConnectionError::new(
                ErrorCode::PROTOCOL_ERROR,
                "DATA came in the middle of a header block",
            ));
        }
        // Also what comes for streams that have ended takes room (5.1, 6.9).
        self.receive_window.receive(counted)?;
        if let Some(room) = self.receive_window.due() {
            self.give_room(0, room);
        }
        let Some(stream) = self.streams.get_mut(number) else { return Ok(()) };
        if stream.receive_window.receive(counted).is_err() {
            let outcome =
                failed(Code::INTERNAL, "the server sent more than the stream's window had room for");
            self.give_up(number, ErrorCode::FLOW_CONTROL_ERROR, outcome, now, over);
            return Ok(());
        }
        if !stream.has_headers {
            let outcome = failed(Code::INTERNAL, "the reply's contents came before its headers");
            self.give_up(number, ErrorCode::PROTOCOL_ERROR, outcome, now, over);
            return Ok(());
        }
        let (head, text) = self.requests.reply(stream.call.message);
        let expected_bytes = self.requests.message(stream.call.message).reply_bytes;
        let taken = stream.reply.take(bytes, Expected { head, text }, self.max_recv);
        let room = if ends_stream { None } else { stream.receive_window.due() };
        if let Some(seen) = self.seen.as_mut().filter(|_| taken.is_ok()) {
            seen.body.extend_from_slice(bytes);
        }
        match taken {
            Ok(()) if ends_stream => {
                let outcome = failed(Code::UNKNOWN, "the server ended the call without a status");
                self.end(number, outcome, now, over);
            }
            Ok(()) => {
                if let Some(room) = room {
                    self.give_room(number, room);
                }
            }
            Err(Fault::OverLimit(bytes)) => {
                let message = over_own_receive_limit(bytes, self.max_recv);
                self.refuse_reply(number, bytes, message, now, over);
            }
            Err(Fault::UnpacksOverLimit) => {
                let limit = self.max_recv;
                let message = format!(
                    "not taken: it decompresses to more than the client's own limit of {limit} bytes"
                );
                // It is not known how much more.
                self.refuse_reply(number, expected_bytes.max(limit + 1), message, now, over);
            }
            Err(Fault::Malformed(what)) => {
                self.give_up(number, ErrorCode::CANCEL, failed(Code::INTERNAL, what), now, over);
            }
        }
        Ok(())
    }

    /// The client's own limit refuses a reply.
    fn refuse_reply(
        &mut self,
        number: u32,
        message_bytes: u64,
        message: String,
        now: Instant,
        over: &mut Vec<Over>,
    ) {
        let refusal = Refusal {
            side: Side::Client,
            direction: Direction::Response,
            message_bytes,
            limit_bytes: Some(self.max_recv),
            http_status: None,
            code: Code::OUT_OF_RANGE,
            message,
        };
        self.give_up(number, ErrorCode::CANCEL, Outcome::Refused(Box::new(refusal)), now, over);
    }

    /// Takes headers or trailers.
    pub(super) fn headers(
        &mut self,
        number: u32,
        ends_stream: bool,
        block: Block,
        now: Instant,
        over: &mut Vec<Over>,
    ) {
        let Some(stream) = self.streams.get_mut(number) else { return };
        self.has_answered = true;
        let message = stream.call.message;
        let is_first = !stream.has_headers;
        let error = match block {
            Block::Malformed(_) => ErrorCode::PROTOCOL_ERROR,
            _ => ErrorCode::CANCEL,
        };
        let outcome = match block {
            Block::Malformed(what) => failed(Code::INTERNAL, what),
            Block::TooLong => failed(Code::INTERNAL, "the response's headers are longer than 64 KiB"),
            Block::UsualHeaders if is_first && !ends_stream => {
                stream.has_headers = true;
                stream.reply.compression = self.known.compression;
                return;
            }
            Block::UsualTrailers if !is_first && ends_stream => self.outcome_of_reply(number),
            Block::Fields(fields) if is_first && fields.is_informational() && !ends_stream => return,
            Block::Fields(fields) if ends_stream || is_first => self.outcome_of(&fields, message, is_first),
            Block::UsualHeaders | Block::UsualTrailers if ends_stream => {
                // A status of OK without a reply, or no status at all.
                failed(Code::UNKNOWN, "the server ended the call without a reply and a status")
            }
            _ => failed(Code::INTERNAL, "the server sent headers where only trailers can come"),
        };
        if ends_stream {
            self.end(number, outcome, now, over);
        } else {
            self.give_up(number, error, outcome, now, over);
        }
    }

    /// What a call has come to whose status is not simply OK.
    fn outcome_of(&self, fields: &Fields, message: usize, is_first: bool) -> Outcome {
        let Fields { http, is_grpc, grpc, message: text, compression: _, malformed: _ } = fields;
        let request = self.requests.message(message);
        match (grpc, http) {
            (Some(code), _) if code.number() != 0 => {
                outcome_of_status(*code, text.clone(), request, self.timeout)
            }
            (Some(_), _) => failed(Code::INTERNAL, "the server says OK and sent no reply"),
            (None, Some(status)) => match HttpAnswer::of(*status, *is_grpc) {
                Some(answer) => answer.outcome(request),
                None => failed(Code::UNKNOWN, "the server ended the call without a status"),
            },
            (None, None) if is_first => failed(Code::UNKNOWN, "the server's headers have no `:status`"),
            (None, None) => failed(Code::UNKNOWN, "the server's trailers have no `grpc-status`"),
        }
    }

    /// What a call has come to whose status is OK.
    fn outcome_of_reply(&mut self, number: u32) -> Outcome {
        let Some(stream) = self.streams.get_mut(number) else { return Outcome::Answered };
        let (head, text) = self.requests.reply(stream.call.message);
        match stream.reply.verdict(Expected { head, text }) {
            ReplyCheck::Right => Outcome::Answered,
            ReplyCheck::Wrong(difference) => Outcome::WrongReply(Box::new(difference)),
            ReplyCheck::Missing => failed(Code::INTERNAL, "the server says OK and sent no reply"),
            ReplyCheck::Short => failed(Code::INTERNAL, "the reply ends before the length that it claims"),
        }
    }

    /// The server has ended a call. What is left of its request is not sent any more.
    pub(super) fn end(&mut self, number: u32, outcome: Outcome, now: Instant, over: &mut Vec<Over>) {
        let Some(stream) = self.streams.remove(number) else { return };
        self.has_answered = true;
        self.ended += 1;
        let is_framed = stream.framed == self.requests.get(stream.call.message).body_bytes;
        let withdrawn = self.withdraw(number);
        if withdrawn > 0 || !is_framed {
            self.cut_short.push(number);
        }
        let outcome = match self.timeout {
            // The clock went on while the deadline was not looked at.
            Some(timeout) if now.saturating_duration_since(stream.call.sent) > timeout => {
                deadline_exceeded(timeout)
            }
            _ => outcome,
        };
        let uploaded_bytes = stream.framed - withdrawn;
        over.push(Over { call: stream.call, done: now, outcome, uploaded_bytes });
        self.open_waiting();
    }

    /// This client ends a call.
    pub(super) fn give_up(
        &mut self,
        number: u32,
        error: ErrorCode,
        outcome: Outcome,
        now: Instant,
        over: &mut Vec<Over>,
    ) {
        let Some(stream) = self.streams.remove(number) else { return };
        let uploaded_bytes = stream.framed - self.withdraw(number);
        self.reset(number, error);
        over.push(Over { call: stream.call, done: now, outcome, uploaded_bytes });
        self.open_waiting();
    }

    /// WINDOW_UPDATE of a stream (6.9).
    pub(super) fn widen_stream(
        &mut self,
        number: u32,
        increment: u32,
        now: Instant,
        over: &mut Vec<Over>,
    ) -> Result<(), ConnectionError> {
        self.check_number(number)?;
        let Some(stream) = self.streams.get_mut(number) else { return Ok(()) };
        if increment == 0 {
            let outcome = failed(Code::INTERNAL, "the server widened the stream's window by nothing");
            self.give_up(number, ErrorCode::PROTOCOL_ERROR, outcome, now, over);
        } else if !stream.send_window.widen(increment) {
            let outcome =
                failed(Code::INTERNAL, "the server made the stream's window larger than a window may be");
            self.give_up(number, ErrorCode::FLOW_CONTROL_ERROR, outcome, now, over);
        } else if stream.is_parked && stream.send_window.room() > 0 {
            stream.is_parked = false;
            self.uploads.push_back(number);
        }
        Ok(())
    }
}
