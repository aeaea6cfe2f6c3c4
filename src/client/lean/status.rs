//! What a header block says about a call: gRPC over HTTP/2 ("Responses") and gRPC's mapping of HTTP/2
//! codes to its own.

use super::{
    frame::ErrorCode,
    header_block::{HeaderError, decode},
};
use crate::{client::compression, outcome::Code, plan::Compression};

/// The fields of a response's headers or trailers that decide anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Fields {
    /// `:status`.
    pub(super) http: Option<u16>,
    /// Whether `content-type` is gRPC's.
    pub(super) is_grpc: bool,
    /// `grpc-encoding`, where it is one of ours.
    pub(super) compression: Option<Compression>,
    /// `grpc-status`.
    pub(super) grpc: Option<Code>,
    /// `grpc-message`, decoded.
    pub(super) message: String,
}

impl Fields {
    /// # Errors
    /// When the block cannot be decoded.
    pub(super) fn read(block: &[u8]) -> Result<Self, HeaderError> {
        let mut fields = Self::default();
        decode(block, |name, value| match name {
            b":status" => fields.http = text(value).and_then(|text| text.parse().ok()),
            b"content-type" => fields.is_grpc = value.starts_with(b"application/grpc"),
            b"grpc-status" => {
                let number = text(value).and_then(|text| text.parse().ok());
                // A status that is no number is one that nobody knows.
                fields.grpc = Some(number.map_or(Code::UNKNOWN, Code::from_number));
            }
            b"grpc-encoding" => fields.compression = compression::named(value),
            b"grpc-message" => fields.message = percent_decoded(value),
            _ => {}
        })?;
        Ok(fields)
    }

    /// Whether these only say that the response is still to come (RFC 9113, 8.1).
    pub(super) fn is_informational(&self) -> bool {
        self.http.is_some_and(|status| (100..200).contains(&status))
    }
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

/// Where the bytes behind a `%` are no hexadecimal number, they stand for themselves.
fn percent_decoded(value: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((&first, behind)) = rest.split_first() {
        if first == b'%'
            && let [high, low, ..] = *behind
            && let (Some(high), Some(low)) = (char::from(high).to_digit(16), char::from(low).to_digit(16))
        {
            // Two digits are one byte.
            bytes.extend(u8::try_from(high * 16 + low));
            rest = &behind[2..];
        } else {
            bytes.push(first);
            rest = behind;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The code of a call whose stream was reset.
pub(super) fn code_of_reset(error: ErrorCode) -> Code {
    match error {
        ErrorCode::REFUSED_STREAM => Code::UNAVAILABLE,
        ErrorCode::CANCEL => Code::CANCELLED,
        ErrorCode::ENHANCE_YOUR_CALM => Code::RESOURCE_EXHAUSTED,
        ErrorCode::INADEQUATE_SECURITY => Code::PERMISSION_DENIED,
        _ => Code::INTERNAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::lean::header_block::Blocks;

    fn fields(list: &[(&str, &str)]) -> Fields {
        Fields::read(&Blocks::of(list).literal).expect("well formed")
    }

    #[test]
    fn a_response_is_read() {
        let headers = fields(&[(":status", "200"), ("content-type", "application/grpc+proto")]);
        assert_eq!((headers.http, headers.is_grpc, headers.grpc), (Some(200), true, None));
        let trailers = fields(&[("grpc-status", "8"), ("grpc-message", "not%20today%21 100%")]);
        assert_eq!(trailers.grpc, Some(Code::RESOURCE_EXHAUSTED));
        assert_eq!(trailers.message, "not today! 100%");
        assert_eq!(fields(&[("grpc-status", "yes")]).grpc, Some(Code::UNKNOWN));
        assert!(fields(&[(":status", "103")]).is_informational());
        assert_eq!(fields(&[(":status", "+-")]).http, None);
    }

    #[test]
    fn percents_that_encode_nothing_stand_for_themselves() {
        for (encoded, decoded) in [
            ("%", "%"),
            ("%4", "%4"),
            ("%zz", "%zz"),
            ("%C3%BC", "\u{fc}"),
            ("%ff", "\u{fffd}"),
            ("%+1", "%+1"),
        ] {
            assert_eq!(percent_decoded(encoded.as_bytes()), decoded);
        }
    }

    #[test]
    fn other_codes_are_mapped_as_grpc_says() {
        assert_eq!(code_of_reset(ErrorCode::NO_ERROR), Code::INTERNAL);
        assert_eq!(code_of_reset(ErrorCode::CANCEL), Code::CANCELLED);
    }
}
