//! Mapping from a status to the outcome of a call.

use std::time::Duration;

use super::{
    code::Code,
    message::Sizes,
    outcome::{Direction, Failure, Outcome, Refusal, Side},
    refusal_wording::{Origin, recognise},
};
use crate::units::{Limit, exact_duration};

/// Tonic's text for an expired deadline, on either side; the code is CANCELLED.
pub(crate) const TONIC_TIMEOUT: &str = "Timeout expired";

/// Beginning of the message for a stream that the server reset.
pub(crate) const RESET_WORDS: &str = "the server reset the stream: ";

/// Describes a `grpc-status` that is not a valid code; `None` if it is valid. A call with an invalid code
/// ends with UNKNOWN, and this text gives the reason.
pub(crate) fn not_a_code(value: &[u8]) -> Option<String> {
    /// The highest code: UNAUTHENTICATED.
    const LAST: u32 = 16;
    const MOST_SHOWN: usize = 40;
    let text = std::str::from_utf8(value).ok();
    let digits = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    if digits.and_then(|text| text.parse().ok()).is_some_and(|number: u32| number <= LAST) {
        return None;
    }
    let shown = String::from_utf8_lossy(&value[..value.len().min(MOST_SHOWN)]);
    let dots = if value.len() > MOST_SHOWN { "..." } else { "" };
    Some(format!("the server's `grpc-status: {}{dots}` is not a code from 0 to 16", shown.escape_default()))
}

/// Returns the outcome for a status other than OK that the server sent.
pub(crate) fn outcome_of_status(
    code: Code,
    text: String,
    sizes: Sizes,
    timeout: Option<Duration>,
) -> Outcome {
    if let Some(refusal) = recognise(code, &text, sizes, Origin::Wire) {
        return Outcome::Refused(Box::new(refusal));
    }
    match timeout {
        // A server built with tonic ends a late call with the same text as tonic's client.
        Some(timeout) if code == Code::DEADLINE_EXCEEDED || text == TONIC_TIMEOUT => {
            deadline_exceeded(timeout)
        }
        _ => Outcome::Failed(Box::new(Failure { code, message: text })),
    }
}

/// Returns the outcome of a call whose deadline has passed.
pub(crate) fn deadline_exceeded(timeout: Duration) -> Outcome {
    let message = format!("no reply within {}", exact_duration(timeout));
    Outcome::DeadlineExceeded(Box::new(Failure { code: Code::DEADLINE_EXCEEDED, message }))
}

/// Returns the refusal of a request that is over the client's own send limit.
pub(crate) fn own_refusal(request_bytes: u64, max_send: Limit) -> Option<Refusal> {
    let Limit::Bytes(limit) = max_send else { return None };
    (request_bytes > limit).then(|| Refusal {
        side: Side::Client,
        direction: Direction::Request,
        message_bytes: request_bytes,
        limit_bytes: Some(limit),
        http_status: None,
        code: Code::OUT_OF_RANGE,
        message: over_own_limit(request_bytes, limit),
    })
}

/// Error text for a request over the client's own send limit.
pub(crate) fn over_own_limit(message_bytes: u64, limit: u64) -> String {
    format!("not sent: {message_bytes} bytes are over the client's own limit of {limit} bytes")
}

/// Error text for a reply over the client's own receive limit.
pub(crate) fn over_own_receive_limit(message_bytes: u64, limit: u64) -> String {
    format!("not taken: {message_bytes} bytes are over the client's own limit of {limit} bytes")
}
