//! Frames as bytes: RFC 9113, sections 4.1 (format), 6 (definitions) and 7 (error codes).
//!
//! Pure functions. What a frame means for a connection or a stream is not decided here.

use std::fmt;

/// Length of a frame's head.
pub const HEAD_BYTES: usize = 9;

/// What each client sends first (3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Largest payload that every endpoint takes, and that holds until its SETTINGS say more (6.5.2).
pub const SMALLEST_MAX_FRAME: u32 = 16_384;

/// Largest payload that a head can tell (4.2).
pub const LARGEST_MAX_FRAME: u32 = (1 << 24) - 1;

/// Stream identifiers have 31 bits (5.1.1).
pub const LARGEST_STREAM: u32 = (1 << 31) - 1;

/// Types of frames (6).
pub mod kind {
    /// 6.1: the contents of messages.
    pub const DATA: u8 = 0;
    /// 6.2: opens a stream, or ends it with trailers.
    pub const HEADERS: u8 = 1;
    /// 6.3: deprecated; its length is checked and that is all.
    pub const PRIORITY: u8 = 2;
    /// 6.4: ends a stream at once.
    pub const RST_STREAM: u8 = 3;
    /// 6.5: how the sender wants to be spoken to.
    pub const SETTINGS: u8 = 4;
    /// 6.6: a stream that the server opens; refused here.
    pub const PUSH_PROMISE: u8 = 5;
    /// 6.7: is anybody there?
    pub const PING: u8 = 6;
    /// 6.8: no further streams.
    pub const GOAWAY: u8 = 7;
    /// 6.9: room for more DATA.
    pub const WINDOW_UPDATE: u8 = 8;
    /// 6.10: the rest of a header block.
    pub const CONTINUATION: u8 = 9;
}

/// Flags of frames (6).
pub mod flag {
    /// Of SETTINGS and PING: an answer.
    pub const ACK: u8 = 0x1;
    /// Of DATA and HEADERS: the sender's last frame on the stream.
    pub const END_STREAM: u8 = 0x1;
    /// Of HEADERS and CONTINUATION: no CONTINUATION follows.
    pub const END_HEADERS: u8 = 0x4;
    /// Of DATA and HEADERS: the payload starts with the length of its padding.
    pub const PADDED: u8 = 0x8;
    /// Of HEADERS: five bytes of priority come before the block.
    pub const PRIORITY: u8 = 0x20;
}

/// Identifiers of settings (6.5.2).
pub mod setting {
    /// Size of the table for header compression, in bytes.
    pub const HEADER_TABLE_SIZE: u16 = 1;
    /// Whether the server may push: 0 or 1.
    pub const ENABLE_PUSH: u16 = 2;
    /// Streams that may be open at once.
    pub const MAX_CONCURRENT_STREAMS: u16 = 3;
    /// Flow-control window that each new stream has, in bytes.
    pub const INITIAL_WINDOW_SIZE: u16 = 4;
    /// Largest payload of a frame, in bytes.
    pub const MAX_FRAME_SIZE: u16 = 5;
    /// Largest header block, in bytes, uncompressed.
    pub const MAX_HEADER_LIST_SIZE: u16 = 6;
}

/// What every frame begins with (4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Of the payload, in bytes: 24 bits.
    pub length: u32,
    /// One of [`kind`], or one that is not known.
    pub kind: u8,
    /// Some of [`flag`], and whatever else.
    pub flags: u8,
    /// 0 for the connection.
    pub stream: u32,
}

/// Why a stream or a connection ends (7).
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
    /// Nothing is wrong.
    pub const NO_ERROR: Self = Self(0);
    /// The other side broke a rule that has no code of its own.
    pub const PROTOCOL_ERROR: Self = Self(1);
    /// More DATA than the window had room for, or a window that is too large.
    pub const FLOW_CONTROL_ERROR: Self = Self(3);
    /// A frame that is too large, or of the wrong length.
    pub const FRAME_SIZE_ERROR: Self = Self(6);
    /// The stream was not processed.
    pub const REFUSED_STREAM: Self = Self(7);
    /// The stream is not needed any more.
    pub const CANCEL: Self = Self(8);
    /// A header block that cannot be read.
    pub const COMPRESSION_ERROR: Self = Self(9);
    /// Too much of something.
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

/// The server broke the protocol, and the connection with it (5.4.1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {code}")]
pub struct ConnectionError {
    /// What the server is told.
    pub code: ErrorCode,
    /// What it did.
    pub what: &'static str,
}

impl ConnectionError {
    /// An error of this code, over this.
    #[must_use]
    pub fn new(code: ErrorCode, what: &'static str) -> Self {
        Self { code, what }
    }
}

impl Head {
    /// The head that these bytes are. Every nine bytes are one.
    #[must_use]
    pub fn parse(bytes: [u8; HEAD_BYTES]) -> Self {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = bytes;
        Self {
            length: u32::from_be_bytes([0, l0, l1, l2]),
            kind,
            flags,
            // The highest bit is reserved, and ignored (4.1).
            stream: u32::from_be_bytes([s0, s1, s2, s3]) & LARGEST_STREAM,
        }
    }

    /// The bytes of this head.
    #[must_use]
    pub fn bytes(self) -> [u8; HEAD_BYTES] {
        let [_, l0, l1, l2] = self.length.to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        [l0, l1, l2, self.kind, self.flags, s0, s1, s2, s3]
    }

    /// Whether a flag is set.
    #[must_use]
    pub fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// The part of a header block that a HEADERS frame carries: without padding and priority (6.2).
///
/// # Errors
/// When the padding, or the priority, is longer than the payload.
pub fn header_fragment(head: Head, payload: &[u8]) -> Result<&[u8], ConnectionError> {
    let unpadded = unpadded(head, payload)?;
    if !head.has(flag::PRIORITY) {
        return Ok(unpadded);
    }
    let missing =
        ConnectionError::new(ErrorCode::FRAME_SIZE_ERROR, "a HEADERS frame has no room for its priority");
    unpadded.get(5..).ok_or(missing)
}

/// A payload without its padding (6.1).
///
/// # Errors
/// When the padding is as long as the payload or longer.
pub fn unpadded(head: Head, payload: &[u8]) -> Result<&[u8], ConnectionError> {
    if !head.has(flag::PADDED) {
        return Ok(payload);
    }
    let padded = payload.split_first().and_then(|(padding, rest)| {
        rest.len().checked_sub(usize::from(*padding)).and_then(|length| rest.get(..length))
    });
    padded.ok_or(PADDING)
}

/// A frame that says it has more padding than payload.
pub const PADDING: ConnectionError =
    ConnectionError { code: ErrorCode::PROTOCOL_ERROR, what: "a frame has more padding than payload" };

/// The settings of a SETTINGS frame: identifiers and values, in order (6.5.1).
///
/// # Errors
/// When the payload is not a whole number of settings.
pub fn settings(payload: &[u8]) -> Result<impl Iterator<Item = (u16, u32)> + '_, ConnectionError> {
    let (settings, rest) = payload.as_chunks::<6>();
    if !rest.is_empty() {
        return Err(wrong_length("a SETTINGS frame has part of a setting"));
    }
    Ok(settings.iter().map(|[i0, i1, v0, v1, v2, v3]| {
        (u16::from_be_bytes([*i0, *i1]), u32::from_be_bytes([*v0, *v1, *v2, *v3]))
    }))
}

/// The number that a payload of exactly four bytes is: the error code of RST_STREAM, the increment of
/// WINDOW_UPDATE.
///
/// # Errors
/// When the payload has another length.
pub fn number(payload: &[u8]) -> Result<u32, ConnectionError> {
    let bytes = payload.try_into().map_err(|_| wrong_length("a frame of one number has not four bytes"))?;
    Ok(u32::from_be_bytes(bytes))
}

/// Last stream, error code and debugging text of a GOAWAY frame (6.8).
///
/// # Errors
/// When the payload is too short.
pub fn go_away(payload: &[u8]) -> Result<(u32, ErrorCode, &[u8]), ConnectionError> {
    let (head, text) = payload
        .split_first_chunk::<8>()
        .ok_or_else(|| wrong_length("a GOAWAY frame has less than eight bytes"))?;
    let [s0, s1, s2, s3, c0, c1, c2, c3] = *head;
    let last = u32::from_be_bytes([s0, s1, s2, s3]) & LARGEST_STREAM;
    Ok((last, ErrorCode(u32::from_be_bytes([c0, c1, c2, c3])), text))
}

/// A GOAWAY in words. Of a long text the beginning is enough.
pub(crate) fn go_away_message(code: ErrorCode, text: &[u8]) -> String {
    let message = format!("the server ended the connection: GOAWAY with {code}");
    if text.is_empty() {
        return message;
    }
    format!("{message}, `{}`", String::from_utf8_lossy(&text[..text.len().min(200)]))
}

/// A frame whose payload does not have the length that its kind asks for (4.2).
#[must_use]
pub fn wrong_length(what: &'static str) -> ConnectionError {
    ConnectionError::new(ErrorCode::FRAME_SIZE_ERROR, what)
}

/// Appends a frame.
pub fn write(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    // Only frames of this client's own making are written, and none is that long.
    let length = u32::try_from(payload.len()).unwrap_or(LARGEST_MAX_FRAME);
    out.extend_from_slice(&Head { length, kind, flags, stream }.bytes());
    out.extend_from_slice(payload);
}

/// Appends a frame whose payload is one number: RST_STREAM, WINDOW_UPDATE.
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

/// Appends a GOAWAY frame of a client, to which no stream of the server's was ever open.
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
