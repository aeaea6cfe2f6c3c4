//! Custom metadata: names and values that gRPC over HTTP/2 can carry.

use std::str::FromStr;

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::pair::Pair;

/// Base64 with or without padding: gRPC accepts both.
const EITHER_PADDING: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Connection headers, which HTTP/2 forbids (RFC 9113, 8.2.2).
const OF_THE_CONNECTION: [&str; 6] =
    ["connection", "http2-settings", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

/// Headers that gRPC or HTTP sets itself.
const RESERVED: [&str; 5] = ["content-length", "content-type", "host", "te", "user-agent"];

/// Error for a text that is not a valid pair of metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// The text has no name before a colon. The message omits the text, which may be a secret.
    #[error("it has no colon after a name; write `name: value`, such as `ip: 127.0.0.1`")]
    Form,
    /// The pair cannot be sent.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

impl FromStr for Pair {
    type Err = PairError;

    /// Parses `name: value` and checks that gRPC can carry it.
    fn from_str(text: &str) -> Result<Self, PairError> {
        let pair = Self::unchecked(text)?;
        pair.check()?;
        Ok(pair)
    }
}

impl Pair {
    /// Parses `name: value` without checking the name or the value.
    pub(crate) fn unchecked(text: &str) -> Result<Self, PairError> {
        let (name, value) = match text.strip_prefix(':') {
            None => text.split_once(':').filter(|(name, _)| !name.trim().is_empty()),
            // A pseudo-header begins with a colon, which belongs to the name. The check rejects it.
            Some(rest) => rest.find(':').map(|colon| (&text[..=colon], &rest[colon + 1..])),
        }
        .ok_or(PairError::Form)?;
        Ok(Self::new(name.trim().to_ascii_lowercase(), value.trim()))
    }
}

/// Error for a pair of metadata that cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("metadata `{name}` cannot be sent: {reason}")]
pub struct MetadataError {
    name: String,
    reason: String,
}

impl Pair {
    /// Checks that gRPC can carry the pair as custom metadata.
    ///
    /// # Errors
    /// Fails if HTTP/2 forbids the name, gRPC reserves it, or it is no valid name. Fails if the value is not
    /// printable ASCII, or, for a name that ends with `-bin`, is not base64.
    pub fn check(&self) -> Result<(), MetadataError> {
        let error =
            |reason: String| Err(MetadataError { name: self.name.escape_debug().to_string(), reason });
        let name = self.name.to_ascii_lowercase();
        if name.is_empty() {
            return error("it has no name".to_owned());
        }
        if name.starts_with(':') {
            return error("names with a colon in front are HTTP/2's own".to_owned());
        }
        let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if !name.bytes().all(is_of_a_name) {
            return error("a name has only ASCII letters, digits, `-`, `_` and `.`".to_owned());
        }
        if OF_THE_CONNECTION.contains(&name.as_str()) {
            return error("HTTP/2 forbids headers about the connection; use another name".to_owned());
        }
        if name.starts_with("grpc-") || RESERVED.contains(&name.as_str()) {
            return error(
                "the name belongs to gRPC itself; use another one, or --timeout for a deadline".to_owned(),
            );
        }
        if name.ends_with("-bin") {
            return match bytes_of(&self.value) {
                Some(_) => Ok(()),
                None => error(
                    "the value of a `-bin` name is base64, with or without padding, such as `AP8=`"
                        .to_owned(),
                ),
            };
        }
        if let Some(character) = self.value.chars().find(|character| !matches!(character, ' '..='~')) {
            let character = character.escape_debug();
            // One character of a secret reveals nothing.
            return error(format!(
                "`{character}` in its value is not printable ASCII; send such a value as base64 under a name that ends with `-bin`"
            ));
        }
        if self.value.starts_with(' ') || self.value.ends_with(' ') {
            return error("a value neither starts nor ends with a space".to_owned());
        }
        Ok(())
    }
}

/// Decodes a binary value. Returns `None` if it is not base64, with or without padding.
pub(crate) fn bytes_of(value: &str) -> Option<Vec<u8>> {
    EITHER_PADDING.decode(value).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(name: &str, value: &str) -> Result<(), String> {
        Pair::new(name, value).check().map_err(|error| error.to_string())
    }

    #[test]
    fn what_grpc_can_carry_passes() {
        for (name, value) in [
            ("ip", "127.0.0.1"),
            ("x_y-z.1", "a b ~!"),
            ("empty", ""),
            ("authorization", "Bearer a.b-c"),
            ("key-bin", "AP8="),
            ("key-bin", "AP8"),
            ("key-bin", ""),
        ] {
            assert_eq!(check(name, value), Ok(()), "{name}: {value}");
        }
    }

    #[test]
    fn what_it_cannot_carry_says_why() {
        for (name, value, reason) in [
            ("connection", "close", "HTTP/2 forbids"),
            ("Keep-Alive", "timeout=5", "HTTP/2 forbids"),
            ("proxy-connection", "close", "HTTP/2 forbids"),
            ("transfer-encoding", "chunked", "HTTP/2 forbids"),
            ("upgrade", "h2c", "HTTP/2 forbids"),
            ("http2-settings", "AAAA", "HTTP/2 forbids"),
            ("content-length", "5", "belongs to gRPC"),
            ("te", "trailers", "belongs to gRPC"),
            ("host", "x", "belongs to gRPC"),
            ("grpc-timeout", "1S", "belongs to gRPC"),
            ("grpc-anything", "1", "belongs to gRPC"),
            (":authority", "x", "HTTP/2's own"),
            ("", "x", "no name"),
            ("a b", "x", "ASCII letters"),
            ("a\r\nb", "x", "ASCII letters"),
            ("\u{fc}", "x", "ASCII letters"),
            ("x", "\u{fc}", "not printable ASCII"),
            ("x", "a\tb", "not printable ASCII"),
            ("x", "a\r\nb", "not printable ASCII"),
            ("x", "\0", "not printable ASCII"),
            ("x", " a", "space"),
            ("key-bin", "?", "base64"),
            ("key-bin", "AP8==", "base64"),
            ("key-bin", "A", "base64"),
        ] {
            let error = check(name, value).expect_err(name);
            assert!(error.contains(reason), "{name}: {value}: {error}");
            assert!(!error.contains(['\r', '\n', '\0']), "{error:?}");
        }
    }

    #[test]
    fn a_pair_is_written_with_a_colon() {
        let pair = |name: &str, value: &str| Ok(Pair::new(name, value));
        assert_eq!("IP: 127.0.0.1".parse(), pair("ip", "127.0.0.1"));
        assert_eq!("url:http://x:1/".parse(), pair("url", "http://x:1/"));
        for (text, reason) in [
            ("ip", "write `name: value`"),
            (":", "write `name: value`"),
            (" : x", "write `name: value`"),
            (":path: /x", "HTTP/2's own"),
            ("upgrade: h2c", "HTTP/2 forbids"),
        ] {
            let error = text.parse::<Pair>().expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,20}") {
            let _ = text.parse::<Pair>();
        }

        #[test]
        fn what_passes_is_a_valid_header(name in "\\PC{0,12}", value in "\\PC{0,12}") {
            if check(&name, &value).is_ok() {
                prop_assert!(http::HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes()).is_ok());
                prop_assert!(http::HeaderValue::from_str(&value).is_ok());
            }
        }
    }
}
