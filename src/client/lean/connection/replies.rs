//! Replies on their way in, and the outcomes of calls (RFC 9113, section 8.1, and gRPC over HTTP/2,
//! "Responses").

use super::raw_response::RawResponse;
use crate::{
    client::lean::{
        flow::{DEFAULT_WINDOW, LARGEST_WINDOW, ReceiveWindow},
        frame::{ConnectionError, ErrorCode},
        header_block::decode,
        reply::{Expected, Fault, ReplyCheck},
        request::{PREFIX_BYTES, Requests},
        status::Fields,
        streams::Stream,
    },
    rpc::{
        Code, Direction, Failure, HttpAnswer, Outcome, Refusal, Side, outcome_of_status,
        over_own_receive_limit,
    },
};

/// The connection's window is at least this large, so that small replies never wait for it.
const SMALLEST_CONNECTION_WINDOW: u64 = 16 << 20;

/// Replies on their way in.
#[derive(Debug)]
pub(super) struct Replies {
    /// Of the connection.
    window: ReceiveWindow,
    /// With which each stream starts.
    pub(super) stream_window: u32,
    /// Kept only where somebody wants to look at it.
    pub(super) seen: Option<Box<RawResponse>>,
}

/// Why the client ends a call itself, and what it has come to.
pub(super) type GivenUp = (ErrorCode, Outcome);

/// A call that failed in this way.
pub(super) fn failed(code: Code, message: impl Into<String>) -> Outcome {
    Outcome::Failed(Box::new(Failure { code, message: message.into() }))
}

impl Replies {
    /// Room for the largest reply of these requests, `in_flight` at once, and what the server is told of it: the
    /// window of each stream, and what the connection's has more than the default.
    pub(super) fn room_for(requests: &Requests, in_flight: u64) -> (Self, u32) {
        let reply = requests.largest_reply() + PREFIX_BYTES as u64;
        let largest = u64::from(LARGEST_WINDOW);
        let window = |bytes: u64| u32::try_from(bytes.min(largest)).unwrap_or(LARGEST_WINDOW);
        let stream_window = window(reply.saturating_mul(2).max(u64::from(DEFAULT_WINDOW)));
        let of_all = u64::from(stream_window).saturating_mul(in_flight.max(1));
        let connection_window = window(of_all.max(SMALLEST_CONNECTION_WINDOW));
        let own = Self { window: ReceiveWindow::new(connection_window), stream_window, seen: None };
        (own, connection_window - DEFAULT_WINDOW)
    }

    /// DATA came, for whatever stream: the room that is to be given back for it, if it is time.
    ///
    /// Also what comes for streams that have ended takes room (5.1, 6.9).
    ///
    /// # Errors
    /// When there was no room for it.
    pub(super) fn count(&mut self, counted: u32) -> Result<Option<u32>, ConnectionError> {
        self.window.receive(counted)?;
        Ok(self.window.due())
    }

    /// Takes part of a stream's reply: the room that is to be given back for it.
    ///
    /// # Errors
    /// When the call has failed with it.
    pub(super) fn take(
        &mut self,
        stream: &mut Stream,
        requests: &Requests,
        bytes: &[u8],
        counted: u32,
        ends_stream: bool,
    ) -> Result<Option<u32>, GivenUp> {
        if stream.receive_window.receive(counted).is_err() {
            let what = "the server sent more than the stream's window had room for";
            return Err((ErrorCode::FLOW_CONTROL_ERROR, failed(Code::INTERNAL, what)));
        }
        if !stream.has_headers {
            let what = "the reply's contents came before its headers";
            return Err((ErrorCode::PROTOCOL_ERROR, failed(Code::INTERNAL, what)));
        }
        let (head, text) = requests.reply(stream.call.message);
        let limit = requests.max_recv();
        let fault = match stream.reply.take(bytes, Expected { head, text }, limit) {
            Ok(()) => {
                if let Some(seen) = &mut self.seen {
                    seen.body.extend_from_slice(bytes);
                }
                return Ok(if ends_stream { None } else { stream.receive_window.due() });
            }
            Err(fault) => fault,
        };
        let outcome = match fault {
            Fault::OverLimit(bytes) => refused_reply(bytes, limit, over_own_receive_limit(bytes, limit)),
            Fault::UnpacksOverLimit => {
                // It is not known how much more.
                let expected = requests.message(stream.call.message).reply_bytes.max(limit + 1);
                let words = format!(
                    "not taken: it decompresses to more than the client's own limit of {limit} bytes"
                );
                refused_reply(expected, limit, words)
            }
            Fault::Malformed(what) => failed(Code::INTERNAL, what),
        };
        Err((ErrorCode::CANCEL, outcome))
    }

    /// Keeps a header block where somebody wants to look at it.
    pub(super) fn note_block(&mut self, block: &[u8]) {
        if let Some(seen) = &mut self.seen {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let mut fields = Vec::new();
            // Where it cannot be read, whoever reads it next says so.
            let _ = decode(block, |name, value| fields.push((text(name), text(value))));
            seen.blocks.push(fields);
        }
    }
}

/// The client's own limit refuses a reply.
fn refused_reply(message_bytes: u64, limit: u64, message: String) -> Outcome {
    Outcome::Refused(Box::new(Refusal {
        side: Side::Client,
        direction: Direction::Response,
        message_bytes,
        limit_bytes: Some(limit),
        http_status: None,
        code: Code::OUT_OF_RANGE,
        message,
    }))
}

/// Outcome of a call whose status is not simply OK.
pub(super) fn outcome_of_fields(
    fields: &Fields,
    requests: &Requests,
    message: usize,
    is_first: bool,
) -> Outcome {
    let Fields { http, is_grpc, grpc, message: text, compression: _, malformed: _ } = fields;
    let request = requests.message(message);
    match (grpc, http) {
        (Some(code), _) if code.number() != 0 => {
            outcome_of_status(*code, text.clone(), request, requests.timeout())
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

/// Outcome of a call whose status is OK.
pub(super) fn outcome_of_reply(stream: &mut Stream, requests: &Requests) -> Outcome {
    let (head, text) = requests.reply(stream.call.message);
    match stream.reply.verdict(Expected { head, text }) {
        ReplyCheck::Right => Outcome::Answered,
        ReplyCheck::Wrong(difference) => Outcome::WrongReply(Box::new(difference)),
        ReplyCheck::Missing => failed(Code::INTERNAL, "the server says OK and sent no reply"),
        ReplyCheck::Short => failed(Code::INTERNAL, "the reply ends before the length that it claims"),
    }
}
