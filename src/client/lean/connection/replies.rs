//! Incoming replies, and the outcomes of calls (RFC 9113, section 8.1, and gRPC over HTTP/2, "Responses").

use super::raw_response::RawResponse;
use crate::{
    client::lean::{
        flow::{DEFAULT_WINDOW, LARGEST_WINDOW, ReceiveWindow},
        frame::{ConnectionError, ErrorCode},
        header_block::decode,
        reply::{Desk, Fault},
        request::Requests,
        status::Fields,
        streams::Stream,
    },
    rpc::{
        Code, Direction, Failure, HttpAnswer, Outcome, PREFIX_BYTES, Refusal, Side, outcome_of_status,
        over_own_receive_limit, reply::ReplyCheck,
    },
};

/// Smallest window of a connection, in bytes. Small replies never wait for it.
const SMALLEST_CONNECTION_WINDOW: u64 = 16 << 20;

/// Room for a reply of unknown size, in message bytes: gRPC's default limit. The client keeps no reply, so a wide
/// window costs nothing.
const USUAL_LARGE_REPLY: u64 = 4 << 20;

/// State of the incoming replies.
#[derive(Debug)]
pub(super) struct Replies {
    /// Receive window of the connection.
    window: ReceiveWindow,
    /// Initial receive window of each stream, in bytes.
    pub(super) stream_window: u32,
    desk: Desk,
    /// Recorded response, if the caller requested one.
    pub(super) seen: Option<Box<RawResponse>>,
}

/// Error code and outcome of a call that the client ends itself.
pub(super) type GivenUp = (ErrorCode, Outcome);

/// Makes the outcome of a failed call.
pub(super) fn failed(code: Code, message: impl Into<String>) -> Outcome {
    Outcome::Failed(Box::new(Failure { code, message: message.into() }))
}

impl Replies {
    /// Sizes the windows for the largest reply of these requests, with `in_flight` calls at once. Returns the
    /// replies' state and the amount by which the connection's window exceeds the default.
    pub(super) fn room_for(requests: &Requests, in_flight: u64) -> (Self, u32) {
        let reply = requests.largest_reply().unwrap_or(USUAL_LARGE_REPLY) + PREFIX_BYTES as u64;
        let largest = u64::from(LARGEST_WINDOW);
        let window = |bytes: u64| u32::try_from(bytes.min(largest)).unwrap_or(LARGEST_WINDOW);
        let stream_window = window(reply.saturating_mul(2).max(u64::from(DEFAULT_WINDOW)));
        let of_all = u64::from(stream_window).saturating_mul(in_flight.max(1));
        let connection_window = window(of_all.max(SMALLEST_CONNECTION_WINDOW));
        let own = Self {
            window: ReceiveWindow::new(connection_window),
            stream_window,
            desk: Desk::default(),
            seen: None,
        };
        (own, connection_window - DEFAULT_WINDOW)
    }

    /// Counts DATA of any stream. Returns the room to give back to the server now, if any.
    ///
    /// DATA of streams that have ended takes room too (5.1, 6.9).
    ///
    /// # Errors
    /// Fails if the window has no room for the data.
    pub(super) fn count(&mut self, counted: u32) -> Result<Option<u32>, ConnectionError> {
        self.window.receive(counted)?;
        Ok(self.window.due())
    }

    /// Handles part of a stream's reply. Returns the room to give back for it.
    ///
    /// # Errors
    /// Fails if the call has failed with this part.
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
        let message = requests.message(stream.call.message);
        let limit = requests.max_recv();
        let fault = match stream.reply.take(bytes, &message.expectation, limit, &mut self.desk) {
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
                // The full size is unknown.
                let expected = message.reply_bytes().unwrap_or(0).max(limit + 1);
                let words = format!(
                    "not taken: it decompresses to more than the client's own limit of {limit} bytes"
                );
                refused_reply(expected, limit, words)
            }
            Fault::Malformed(what) => failed(Code::INTERNAL, what),
        };
        Err((ErrorCode::CANCEL, outcome))
    }

    /// Records a header block if the caller requested a recording.
    pub(super) fn note_block(&mut self, block: &[u8]) {
        if let Some(seen) = &mut self.seen {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let mut fields = Vec::new();
            // If the block cannot be decoded, the next decoder reports the error.
            let _ = decode(block, |name, value| fields.push((text(name), text(value))));
            seen.blocks.push(fields);
        }
    }
}

/// Makes the refusal of a reply that is over the client's own limit.
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

/// Outcome of a call with a status other than plain OK.
pub(super) fn outcome_of_fields(
    fields: &Fields,
    requests: &Requests,
    message: usize,
    is_first: bool,
) -> Outcome {
    let Fields { http, is_grpc, grpc, message: text, compression: _, malformed: _ } = fields;
    let sizes = requests.message(message).sizes();
    match (grpc, http) {
        (Some(code), _) if code.number() != 0 => {
            outcome_of_status(*code, text.clone(), sizes, requests.timeout())
        }
        (Some(_), _) => failed(Code::INTERNAL, "the server sent the status OK without a reply"),
        (None, Some(status)) => match HttpAnswer::of(*status, *is_grpc) {
            Some(answer) => answer.outcome(sizes),
            None => failed(Code::UNKNOWN, "the server ended the call without a status"),
        },
        (None, None) if is_first => failed(Code::UNKNOWN, "the server's headers have no `:status`"),
        (None, None) => failed(Code::UNKNOWN, "the server's trailers have no `grpc-status`"),
    }
}

impl Replies {
    /// Outcome of a call whose status is OK.
    pub(super) fn outcome(&mut self, stream: &mut Stream, requests: &Requests) -> Outcome {
        let expectation = &requests.message(stream.call.message).expectation;
        match stream.reply.verdict(expectation, &mut self.desk) {
            ReplyCheck::Right => Outcome::Answered,
            ReplyCheck::Wrong(difference) => Outcome::WrongReply(Box::new(difference)),
            ReplyCheck::Missing => failed(Code::INTERNAL, "the server sent the status OK without a reply"),
            ReplyCheck::Short => failed(Code::INTERNAL, "the reply ends before the length that it claims"),
        }
    }
}
