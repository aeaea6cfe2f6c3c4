//! Instructions in request metadata for a server that obeys them: a delay, a status, a reply of another size.

use std::time::Duration;

use prost::encoding::encoded_len_varint;
use tonic::{Code, Status, metadata::MetadataMap};

use crate::units::{ByteSize, parse_duration};

/// Delay of the answer, such as `5ms`; at most 1 h.
pub const DELAY_KEY: &str = "plimsoll-delay";

/// Status in place of a reply, by name or number: `UNAVAILABLE` or `14`.
pub const STATUS_KEY: &str = "plimsoll-status";

/// Message of that status.
pub const MESSAGE_KEY: &str = "plimsoll-message";

/// Size of the reply in message bytes, for any request; at most 1 GiB. A size that no text can produce
/// becomes the next smaller one.
pub const REPLY_SIZE_KEY: &str = "plimsoll-reply-size";

const LONGEST_DELAY: Duration = Duration::from_secs(3_600);

const LARGEST_REPLY: u64 = 1 << 30;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Instructions {
    pub(super) delay: Option<Duration>,
    pub(super) status: Option<(Code, String)>,
    pub(super) reply_bytes: Option<u64>,
}

impl Instructions {
    /// Reads the instructions of a call. The error is `INVALID_ARGUMENT` for an invalid instruction.
    pub(super) fn read(metadata: &MetadataMap) -> Result<Self, Status> {
        let invalid = |key, reason: &str| Status::invalid_argument(format!("metadata {key}: {reason}"));
        let text = |key| match metadata.get(key).map(tonic::metadata::MetadataValue::to_str) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(invalid(key, "the value is not ASCII; write ASCII text")),
        };
        let mut instructions = Self::default();
        if let Some(delay) = text(DELAY_KEY)? {
            let delay = parse_duration(delay).map_err(|error| invalid(DELAY_KEY, &error.to_string()))?;
            if delay > LONGEST_DELAY {
                return Err(invalid(DELAY_KEY, "the delay is longer than 1h, the maximum"));
            }
            instructions.delay = Some(delay);
        }
        if let Some(status) = text(STATUS_KEY)? {
            let code = code(status).ok_or_else(|| {
                invalid(STATUS_KEY, "the value is not the name or number of a gRPC status; write for example UNAVAILABLE or 14")
            })?;
            instructions.status = Some((code, text(MESSAGE_KEY)?.unwrap_or_default().to_owned()));
        }
        if let Some(size) = text(REPLY_SIZE_KEY)? {
            let ByteSize(bytes) = size
                .parse()
                .map_err(|error: crate::units::QuantityError| invalid(REPLY_SIZE_KEY, &error.to_string()))?;
            if bytes > LARGEST_REPLY {
                return Err(invalid(REPLY_SIZE_KEY, "the size is over 1GiB, the maximum"));
            }
            instructions.reply_bytes = Some(bytes);
        }
        Ok(instructions)
    }
}

/// Returns the caller's timeout from its `grpc-timeout`; `None` without a valid one.
///
/// The value has at most eight digits and a unit, as gRPC's protocol over HTTP/2 defines.
pub(super) fn deadline(metadata: &MetadataMap) -> Option<Duration> {
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u32 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    let unit = match unit {
        "H" => Duration::from_secs(3_600),
        "M" => Duration::from_secs(60),
        "S" => Duration::from_secs(1),
        "m" => Duration::from_millis(1),
        "u" => Duration::from_micros(1),
        "n" => Duration::from_nanos(1),
        _ => return None,
    };
    unit.checked_mul(number)
}

/// Returns a text whose message has this many bytes, or the next smaller number that a text can produce.
pub(super) fn reply_of(message_bytes: u64) -> String {
    let message_bytes = usize::try_from(message_bytes).unwrap_or(usize::MAX);
    let mut text_bytes = message_bytes.saturating_sub(2);
    while text_bytes > 0 && 1 + encoded_len_varint(text_bytes as u64) + text_bytes > message_bytes {
        text_bytes -= 1;
    }
    "A".repeat(text_bytes)
}

fn code(text: &str) -> Option<Code> {
    let plain = |name: &str| name.replace('_', "").to_ascii_lowercase();
    (0..=16)
        .map(Code::from_i32)
        .find(|code| plain(text) == plain(&format!("{code:?}")) || text.parse() == Ok(i32::from(*code)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instructions(pairs: &[(&'static str, &str)]) -> Result<Instructions, Status> {
        let mut metadata = MetadataMap::new();
        for (key, value) in pairs {
            metadata.insert(*key, value.parse().expect("ASCII"));
        }
        Instructions::read(&metadata)
    }

    #[test]
    fn a_caller_may_ask_for_a_delay_a_status_and_a_size() {
        let read = instructions(&[
            (DELAY_KEY, "5ms"),
            (STATUS_KEY, "RESOURCE_EXHAUSTED"),
            (MESSAGE_KEY, "no more"),
            (REPLY_SIZE_KEY, "6MiB"),
        ]);
        let expected = Instructions {
            delay: Some(Duration::from_millis(5)),
            status: Some((Code::ResourceExhausted, "no more".to_owned())),
            reply_bytes: Some(6 << 20),
        };
        assert_eq!(read.expect("well written"), expected);
        assert_eq!(
            instructions(&[(STATUS_KEY, "14")]).expect("a number").status,
            Some((Code::Unavailable, String::new()))
        );
    }

    #[test]
    fn what_cannot_be_followed_is_an_invalid_argument() {
        for (key, value) in [
            (DELAY_KEY, "5"),
            (DELAY_KEY, "2h"),
            (STATUS_KEY, "GONE"),
            (STATUS_KEY, "17"),
            (REPLY_SIZE_KEY, "18446744073709551615"),
        ] {
            let status = instructions(&[(key, value)]).expect_err(value);
            assert_eq!(status.code(), Code::InvalidArgument);
            assert!(status.message().contains(key), "{}", status.message());
        }
    }

    #[test]
    fn a_deadline_reads_as_the_protocol_writes_it() {
        let read = |text: &str| {
            let mut metadata = MetadataMap::new();
            metadata.insert("grpc-timeout", text.parse().expect("ASCII"));
            deadline(&metadata)
        };
        assert_eq!(read("100m"), Some(Duration::from_millis(100)));
        assert_eq!(read("99999999H"), Some(Duration::from_secs(99_999_999 * 3_600)));
        for wrong in ["", "m", "5", "5x", "123456789S", "-1S"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(deadline(&MetadataMap::new()), None);
    }

    #[test]
    fn a_reply_has_the_size_asked_for() {
        use prost::Message;
        for (asked, given) in
            [(0, 0), (1, 0), (2, 0), (3, 3), (129, 129), (130, 129), (131, 131), (4_194_304, 4_194_304)]
        {
            let reply = crate::rpc::format_data::Data { text: reply_of(asked) };
            assert_eq!(reply.encoded_len(), given, "{asked}");
        }
    }
}
