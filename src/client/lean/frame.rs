//! Frames as bytes: RFC 9113, sections 4.1 (format), 6 (definitions) and 7 (error codes).
//!
//! Pure functions. The effect of a frame on a connection or a stream is decided elsewhere.

use std::fmt;

/// Length of a frame's head, in bytes.
pub const HEAD_BYTES: usize = 9;

/// First bytes from every client (3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Largest payload that every endpoint accepts, in bytes: the limit until its SETTINGS allow more (6.5.2).
pub const SMALLEST_MAX_FRAME: u32 = 16_384;

/// Largest payload length that a head can encode, in bytes (4.2).
pub const LARGEST_MAX_FRAME: u32 = (1 << 24) - 1;

/// Largest stream number: stream identifiers have 31 bits (5.1.1).
pub const LARGEST_STREAM: u32 = (1 << 31) - 1;

/// Types of frames (6).
pub mod kind {
    /// DATA: the contents of messages (6.1).
    pub const DATA: u8 = 0;
    /// HEADERS: opens a stream, or ends it with trailers (6.2).
    pub const HEADERS: u8 = 1;
    /// PRIORITY: deprecated; only its length is checked (6.3).
    pub const PRIORITY: u8 = 2;
    /// RST_STREAM: ends a stream at once (6.4).
    pub const RST_STREAM: u8 = 3;
    /// SETTINGS: the sender's configuration (6.5).
    pub const SETTINGS: u8 = 4;
    /// PUSH_PROMISE: a stream that the server opens; refused by this client (6.6).
    pub const PUSH_PROMISE: u8 = 5;
    /// PING: a check that the peer is alive (6.7).
    pub const PING: u8 = 6;
    /// GOAWAY: ends a connection; no further streams (6.8).
    pub const GOAWAY: u8 = 7;
    /// WINDOW_UPDATE: room for more DATA (6.9).
    pub const WINDOW_UPDATE: u8 = 8;
    /// CONTINUATION: the rest of a header block (6.10).
    pub const CONTINUATION: u8 = 9;
}

/// Flags of frames (6).
pub mod flag {
    /// Acknowledges SETTINGS or PING.
    pub const ACK: u8 = 0x1;
    /// Marks the sender's last frame on a stream, on DATA and HEADERS.
    pub const END_STREAM: u8 = 0x1;
    /// Marks the end of a header block, on HEADERS and CONTINUATION: no CONTINUATION follows.
    pub const END_HEADERS: u8 = 0x4;
    /// Marks a payload that starts with the length of its padding, on DATA and HEADERS.
    pub const PADDED: u8 = 0x8;
    /// Marks five bytes of priority before the header block, on HEADERS.
    pub const PRIORITY: u8 = 0x20;
}

/// Identifiers of settings (6.5.2).
pub mod setting {
    /// Size of the header compression table, in bytes.
    pub const HEADER_TABLE_SIZE: u16 = 1;
    /// Permission for server push: 0 or 1.
    pub const ENABLE_PUSH: u16 = 2;
    /// Most streams open at once.
    pub const MAX_CONCURRENT_STREAMS: u16 = 3;
    /// Initial flow-control window of each stream, in bytes.
    pub const INITIAL_WINDOW_SIZE: u16 = 4;
    /// Largest payload of a frame, in bytes.
    pub const MAX_FRAME_SIZE: u16 = 5;
    /// Largest header block, in bytes, uncompressed.
    pub const MAX_HEADER_LIST_SIZE: u16 = 6;
}

/// Head of a frame: the first nine bytes (4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Length of the payload in bytes: 24 bits.
    pub length: u32,
    /// Type of the frame: one of [`kind`], or an unknown type.
    pub kind: u8,
    /// Flags of the frame: some of [`flag`], and unknown flags.
    pub flags: u8,
    /// Number of the stream; 0 for the connection.
    pub stream: u32,
}

/// Error code that ends a stream or a connection (7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode(pub u32);

const ERROR_NAMES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

impl ErrorCode {
    /// No error.
    pub const NO_ERROR: Self = Self(0);
    /// A violation of the protocol without a more specific code.
    pub const PROTOCOL_ERROR: Self = Self(1);
    /// More DATA than the window had room for, or a window that is too large.
    pub const FLOW_CONTROL_ERROR: Self = Self(3);
    /// A frame that is too large, or of the wrong length.
    pub const FRAME_SIZE_ERROR: Self = Self(6);
    /// The stream was not processed.
    pub const REFUSED_STREAM: Self = Self(7);
    /// The stream is no longer needed.
    pub const CANCEL: Self = Self(8);
    /// A header block that cannot be decoded.
    pub const COMPRESSION_ERROR: Self = Self(9);
    /// Excessive load from the peer.
    pub const ENHANCE_YOUR_CALM: Self = Self(11);
    /// The transport is not secure enough.
    pub const INADEQUATE_SECURITY: Self = Self(12);
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = usize::try_from(self.0).ok().and_then(|code| ERROR_NAMES.get(code));
        match name {
            Some(name) => write!(formatter, "{name} ({})", self.0),
            None => write!(formatter, "error {}", self.0),
        }
    }
}

/// Error of a connection: the server broke the protocol (5.4.1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {code}")]
pub struct ConnectionError {
    /// Error code that the server receives.
    pub code: ErrorCode,
    /// Description of the violation.
    pub what: &'static str,
}

impl ConnectionError {
    /// Makes an error with this code and description.
    #[must_use]
    pub fn new(code: ErrorCode, what: &'static str) -> Self {
        Self { code, what }
    }
}

impl Head {
    /// Parses a head. Every nine bytes are a valid head.
    #[must_use]
    pub fn parse(bytes: [u8; HEAD_BYTES]) -> Self {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = bytes;
        Self {
            length: u32::from_be_bytes([0, l0, l1, l2]),
            kind,
            flags,
            // The highest bit is reserved and must be ignored (4.1).
            stream: u32::from_be_bytes([s0, s1, s2, s3]) & LARGEST_STREAM,
        }
    }

    /// Encodes the head.
    #[must_use]
    pub fn bytes(self) -> [u8; HEAD_BYTES] {
        let [_, l0, l1, l2] = self.length.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        [l0, l1, l2, self.kind, self.flags, s0, s1, s2, s3]
    }

    /// Returns true if a flag is set.
    #[must_use]
    pub fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Part of a header block in a HEADERS frame, without padding and priority (6.2).
///
/// # Errors
/// Fails if the padding or the priority is longer than the payload.
pub fn header_fragment(head: Head, payload: &[u8]) -> Result<&[u8], ConnectionError> {
    let unpadded = unpadded(head, payload)?;
    if !head.has(flag::PRIORITY) {
        return Ok(unpadded);
    }
    let missing =
        ConnectionError::new(ErrorCode::FRAME_SIZE_ERROR, "a HEADERS frame has no room for its priority");
    unpadded.get(5..).ok_or(missing)
}

/// Removes the padding from a payload (6.1).
///
/// # Errors
/// Fails if the padding is at least as long as the payload.
pub fn unpadded(head: Head, payload: &[u8]) -> Result<&[u8], ConnectionError> {
    if !head.has(flag::PADDED) {
        return Ok(payload);
    }
    let padded = payload.split_first().and_then(|(padding, rest)| {
        rest.len().checked_sub(usize::from(*padding)).and_then(|length| rest.get(..length))
    });
    padded.ok_or(PADDING)
}

/// Error for a frame with more padding than payload.
pub const PADDING: ConnectionError =
    ConnectionError { code: ErrorCode::PROTOCOL_ERROR, what: "a frame has more padding than payload" };

/// Iterates over the settings of a SETTINGS frame: identifiers and values, in order (6.5.1).
///
/// # Errors
/// Fails if the length of the payload is not a multiple of six bytes.
pub fn settings(payload: &[u8]) -> Result<impl Iterator<Item = (u16, u32)> + '_, ConnectionError> {
    let (settings, rest) = payload.as_chunks::<6>();
    if !rest.is_empty() {
        return Err(wrong_length("the length of a SETTINGS frame is not a multiple of six bytes"));
    }
    Ok(settings.iter().map(|[i0, i1, v0, v1, v2, v3]| {
        (u16::from_be_bytes([*i0, *i1]), u32::from_be_bytes([*v0, *v1, *v2, *v3]))
    }))
}

/// Decodes a payload of exactly four bytes: the error code of RST_STREAM, or the increment of WINDOW_UPDATE.
///
/// # Errors
/// Fails if the payload has another length.
pub fn number(payload: &[u8]) -> Result<u32, ConnectionError> {
    let bytes =
        payload.try_into().map_err(|_| wrong_length("a frame with one number is not four bytes long"))?;
    Ok(u32::from_be_bytes(bytes))
}

/// Decodes a GOAWAY frame: last stream, error code and debugging text (6.8).
///
/// # Errors
/// Fails if the payload is too short.
pub fn go_away(payload: &[u8]) -> Result<(u32, ErrorCode, &[u8]), ConnectionError> {
    let (head, text) = payload
        .split_first_chunk::<8>()
        .ok_or_else(|| wrong_length("a GOAWAY frame is shorter than eight bytes"))?;
    let [s0, s1, s2, s3, c0, c1, c2, c3] = *head;
    let last = u32::from_be_bytes([s0, s1, s2, s3]) & LARGEST_STREAM;
    Ok((last, ErrorCode(u32::from_be_bytes([c0, c1, c2, c3])), text))
}

/// Describes a GOAWAY in words, with at most 200 bytes of its text.
pub(crate) fn go_away_message(code: ErrorCode, text: &[u8]) -> String {
    let message = format!("the server ended the connection: GOAWAY with {code}");
    if text.is_empty() {
        return message;
    }
    format!("{message}, `{}`", String::from_utf8_lossy(&text[..text.len().min(200)]))
}

/// Makes the error for a payload whose length is wrong for its frame type (4.2).
#[must_use]
pub fn wrong_length(what: &'static str) -> ConnectionError {
    ConnectionError::new(ErrorCode::FRAME_SIZE_ERROR, what)
}

/// Appends a frame.
pub fn write(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    // This client writes only its own frames, and none is that long.
    let length = u32::try_from(payload.len()).unwrap_or(LARGEST_MAX_FRAME);
    out.extend_from_slice(&Head { length, kind, flags, stream }.bytes());
    out.extend_from_slice(payload);
}

/// Appends a frame whose payload is one number: RST_STREAM or WINDOW_UPDATE.
pub fn write_number(out: &mut Vec<u8>, kind: u8, stream: u32, number: u32) {
    write(out, kind, 0, stream, &number.to_be_bytes());
}

/// Appends a SETTINGS frame.
pub fn write_settings(out: &mut Vec<u8>, settings: &[(u16, u32)]) {
    let length = u32::try_from(settings.len() * 6).unwrap_or_default();
    out.extend_from_slice(&Head { length, kind: kind::SETTINGS, flags: 0, stream: 0 }.bytes());
    for (identifier, value) in settings {
        out.extend_from_slice(&identifier.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Appends a GOAWAY frame of a client. Its last stream is 0, because a server never opens streams.
pub fn write_go_away(out: &mut Vec<u8>, error: &ConnectionError) {
    let mut payload = vec![0; 4];
    payload.extend_from_slice(&error.code.0.to_be_bytes());
    payload.extend_from_slice(error.what.as_bytes());
    write(out, kind::GOAWAY, 0, 0, &payload);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(kind: u8, flags: u8, length: usize) -> Head {
        Head { length: u32::try_from(length).expect("short"), kind, flags, stream: 1 }
    }

    #[test]
    fn padding_and_priority_are_left_out() {
        let padded = [2, b'a', b'b', 0, 0];
        assert_eq!(unpadded(head(kind::DATA, flag::PADDED, 5), &padded), Ok(b"ab".as_slice()));
        let both = [1, 0, 0, 0, 0, 9, b'x', 0];
        let flags = flag::PADDED | flag::PRIORITY;
        assert_eq!(header_fragment(head(kind::HEADERS, flags, 8), &both), Ok(b"x".as_slice()));
    }

    #[test]
    fn padding_that_is_too_long_is_an_error() {
        for wrong in [&[][..], &[1], &[5, 0, 0, 0, 0]] {
            let error = unpadded(head(kind::DATA, flag::PADDED, wrong.len()), wrong).expect_err("too long");
            assert_eq!(error.code, ErrorCode::PROTOCOL_ERROR);
        }
        assert!(header_fragment(head(kind::HEADERS, flag::PRIORITY, 4), &[0; 4]).is_err());
    }

    #[test]
    fn settings_are_pairs() {
        let mut bytes = Vec::new();
        write_settings(&mut bytes, &[(1, 0), (4, 1 << 20)]);
        let read: Vec<_> = settings(&bytes[HEAD_BYTES..]).expect("whole").collect();
        assert_eq!(read, [(1, 0), (4, 1 << 20)]);
        assert!(settings(&[0; 7]).is_err());
    }

    #[test]
    fn a_farewell_reads_back() {
        let error = ConnectionError::new(ErrorCode::COMPRESSION_ERROR, "why");
        let mut bytes = Vec::new();
        write_go_away(&mut bytes, &error);
        assert_eq!(go_away(&bytes[HEAD_BYTES..]), Ok((0, ErrorCode::COMPRESSION_ERROR, b"why".as_slice())));
        assert!(go_away(&[0; 7]).is_err());
    }

    #[test]
    fn codes_have_the_names_of_the_specification() {
        assert_eq!(ErrorCode::ENHANCE_YOUR_CALM.to_string(), "ENHANCE_YOUR_CALM (11)");
        assert_eq!(ErrorCode(77).to_string(), "error 77");
    }

    proptest! {
        #[test]
        fn heads_read_back(length in 0..=LARGEST_MAX_FRAME, kind: u8, flags: u8, stream in 0..=LARGEST_STREAM) {
            let head = Head { length, kind, flags, stream };
            prop_assert_eq!(Head::parse(head.bytes()), head);
        }
    }
}
