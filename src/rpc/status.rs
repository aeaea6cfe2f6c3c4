//! The outcome that a status stands for.

use std::time::Duration;

use super::{
    code::Code,
    format_data::Message,
    outcome::{Direction, Failure, Outcome, Refusal, Side},
    refusal_wording::{Origin, recognise},
};
use crate::units::{Limit, exact_duration};

/// How tonic words its own deadline, on either side; it has the code CANCELLED.
pub(crate) const TONIC_TIMEOUT: &str = "Timeout expired";

/// How the words begin for a stream that the server reset.
pub(crate) const RESET_WORDS: &str = "the server reset the stream: ";

/// A sentence about a `grpc-status` that is not the number of a code; `None` where it is. The call then ends with
/// UNKNOWN, and without this sentence nobody would know why.
pub(crate) fn not_a_code(value: &[u8]) -> Option<String> {
    /// UNAUTHENTICATED.
    const LAST: u32 = 16;
    const MOST_SHOWN: usize = 40;
    let text = std::str::from_utf8(value).ok();
    let digits = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    if digits.and_then(|text| text.parse().ok()).is_some_and(|number: u32| number <= LAST) {
        return None;
    }
    let shown = String::from_utf8_lossy(&value[..value.len().min(MOST_SHOWN)]);
    let dots = if value.len() > MOST_SHOWN { "..." } else { "" };
    Some(format!("the server's `grpc-status: {}{dots}` is no code from 0 to 16", shown.escape_default()))
}

/// What a status other than OK amounts to that the server sent.
pub(crate) fn outcome_of_status(
    code: Code,
    text: String,
    message: &Message,
    timeout: Option<Duration>,
) -> Outcome {
    if let Some(refusal) = recognise(code, &text, message, Origin::Wire) {
        return Outcome::Refused(Box::new(refusal));
    }
    match timeout {
        // A server that is built with tonic ends a late call in the same words as its client does.
        Some(timeout) if code == Code::DEADLINE_EXCEEDED || text == TONIC_TIMEOUT => {
            deadline_exceeded(timeout)
        }
        _ => Outcome::Failed(Box::new(Failure { code, message: text })),
    }
}

/// The end of a call whose deadline has passed.
pub(crate) fn deadline_exceeded(timeout: Duration) -> Outcome {
    let message = format!("no reply within {}", exact_duration(timeout));
    Outcome::DeadlineExceeded(Box::new(Failure { code: Code::DEADLINE_EXCEEDED, message }))
}

/// The refusal of a request that is over the client's own limit.
pub(crate) fn own_refusal(message: &Message, max_send: Limit) -> Option<Refusal> {
    let Limit::Bytes(limit) = max_send else { return None };
    (message.request_bytes > limit).then(|| Refusal {
        side: Side::Client,
        direction: Direction::Request,
        message_bytes: message.request_bytes,
        limit_bytes: Some(limit),
        http_status: None,
        code: Code::OUT_OF_RANGE,
        message: over_own_limit(message.request_bytes, limit),
    })
}

/// The text of the client's own refusal to send.
pub(crate) fn over_own_limit(message_bytes: u64, limit: u64) -> String {
    format!("not sent: {message_bytes} bytes are over the client's own limit of {limit} bytes")
}

/// The text of the client's own refusal to take a reply.
pub(crate) fn over_own_receive_limit(message_bytes: u64, limit: u64) -> String {
    format!("not taken: {message_bytes} bytes are over the client's own limit of {limit} bytes")
}
