//! Fields of a header block that decide a call's outcome: gRPC over HTTP/2 ("Responses") and gRPC's mapping
//! of HTTP/2 error codes to its own.

use super::{
    frame::ErrorCode,
    header_block::{HeaderError, decode},
};
use crate::rpc::{self, Code, Compression, not_a_code};

/// Fields of a response's headers or trailers that decide an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Fields {
    /// Value of `:status`.
    pub(super) http: Option<u16>,
    /// True if `content-type` is gRPC's.
    pub(super) is_grpc: bool,
    /// Value of `grpc-encoding`, if this client supports it.
    pub(super) compression: Option<Compression>,
    /// Value of `grpc-status`.
    pub(super) grpc: Option<Code>,
    /// Value of `grpc-message`, decoded. If `grpc-status` is not a gRPC code, a sentence about it comes
    /// first.
    pub(super) message: String,
    /// Reason why the response is malformed, if it is.
    pub(super) malformed: Option<&'static str>,
}

impl Fields {
    /// Decodes the fields of a header block.
    ///
    /// # Errors
    /// Fails if the block cannot be decoded.
    pub(super) fn read(block: &[u8]) -> Result<Self, HeaderError> {
        let mut fields = Self::default();
        let mut no_code = None;
        let take = |name: &[u8], value: &[u8]| match name {
            b":status" => fields.http = text(value).and_then(|text| text.parse().ok()),
            b"content-type" => fields.is_grpc = value.starts_with(b"application/grpc"),
            b"grpc-status" => {
                no_code = not_a_code(value);
                let number = text(value).and_then(|text| text.parse().ok()).filter(|_| no_code.is_none());
                fields.grpc = Some(number.map_or(Code::UNKNOWN, Code::from_number));
            }
            b"grpc-encoding" => fields.compression = rpc::of_encoding(value),
            b"grpc-message" => fields.message = percent_decoded(value),
            _ => {}
        };
        let mut take = take;
        let mut malformed = None;
        decode(block, |name, value| {
            malformed = malformed.or(malformation(name, value));
            take(name, value);
        })?;
        if let Some(words) = no_code {
            fields.message =
                if fields.message.is_empty() { words } else { format!("{words}: {}", fields.message) };
        }
        fields.malformed = malformed;
        Ok(fields)
    }

    /// Returns true if the fields only announce that the response follows (RFC 9113, 8.1).
    pub(super) fn is_informational(&self) -> bool {
        self.http.is_some_and(|status| (100..200).contains(&status))
    }
}

/// Reason why a field makes the response malformed (RFC 9113, 8.2.1, 8.2.2 and 8.3).
///
/// Spaces at the edges of a value are accepted: servers send status messages that end with a space, and other
/// clients accept them.
fn malformation(name: &[u8], value: &[u8]) -> Option<&'static str> {
    let is_of_a_name = |byte: &u8| matches!(byte, b'!'..=b'~') && *byte != b':' && !byte.is_ascii_uppercase();
    match name {
        b":status" => {}
        [b':', ..] => return Some("the server sent a pseudo-header that is not valid in a response"),
        [] => return Some("the server sent a header without a name"),
        b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" => {
            return Some(
                "the server sent a header about the connection, which HTTP/2 forbids (RFC 9113, 8.2.2)",
            );
        }
        _ if name.iter().any(u8::is_ascii_uppercase) => {
            return Some(
                "the server sent a header name with uppercase letters, which HTTP/2 forbids (RFC 9113, 8.2.1)",
            );
        }
        _ if !name.iter().all(is_of_a_name) => {
            return Some(
                "the server sent a header name with a character that HTTP/2 forbids (RFC 9113, 8.2.1)",
            );
        }
        _ => {}
    }
    value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | b'\0')).then_some(
        "the server sent a header value with CR, LF or NUL, which HTTP/2 forbids (RFC 9113, 8.2.1)",
    )
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

/// Decodes a message in gRPC's percent-encoding. A `%` without a hexadecimal number stays as it is.
fn percent_decoded(value: &[u8]) -> String {
    percent_encoding::percent_decode(value).decode_utf8_lossy().into_owned()
}

/// gRPC code of a call whose stream was reset.
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
        assert!(fields(&[(":status", "103")]).is_informational());
        assert_eq!(fields(&[(":status", "+-")]).http, None);
    }

    #[test]
    fn a_status_that_is_no_code_is_shown() {
        for status in ["banana", "", "+1", "-1", "17", "99999999999", "0 "] {
            let fields = fields(&[("grpc-status", status), ("grpc-message", "why")]);
            assert_eq!(fields.grpc, Some(Code::UNKNOWN), "{status}");
            assert!(fields.message.contains(&format!("`grpc-status: {status}`")), "{}", fields.message);
            assert!(fields.message.ends_with(": why"), "{}", fields.message);
        }
        let long = fields(&[("grpc-status", &"\u{1b}[31m".repeat(99))]).message;
        assert!(long.len() < 200 && !long.contains('\u{1b}') && !long.ends_with(": "), "{long}");
    }

    #[test]
    fn malformed_fields_are_noticed() {
        for (name, value, word) in [
            ("Grpc-Status", "0", "uppercase"),
            ("x y", "1", "character"),
            ("x:y", "1", "character"),
            ("x\0", "1", "character"),
            ("\u{fc}", "1", "character"),
            ("", "1", "without a name"),
            (":path", "/", "pseudo-header"),
            ("connection", "close", "about the connection"),
            ("transfer-encoding", "chunked", "about the connection"),
            ("x", "a\r\nb", "CR, LF or NUL"),
            ("x", "a\0", "CR, LF or NUL"),
            ("grpc-message", "\n", "CR, LF or NUL"),
        ] {
            let malformed = fields(&[("grpc-status", "0"), (name, value)]).malformed.expect(name);
            assert!(malformed.contains(word), "{name}: {malformed}");
        }
        let usual = [("grpc-status", "0"), ("x-y_z.1", " \u{fc}\t"), ("grpc-message", "ends ")];
        assert_eq!(fields(&usual).malformed, None);
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
