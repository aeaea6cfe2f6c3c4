//! Splits a byte stream that arrives in pieces of any length into frames: RFC 9113, sections 4.1 and 4.2.
//!
//! DATA is passed on as it arrives, so that no reply is ever assembled. Every other frame is passed on whole:
//! directly from the piece that contains it, or from a buffer once its rest has arrived.

use super::frame::{ConnectionError, ErrorCode, HEAD_BYTES, Head, PADDING, flag, kind};

/// Part of the server's byte stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A frame other than DATA, with its payload. Frames of unknown types are skipped.
    Frame(Head, &'a [u8]),
    /// Part of a DATA frame.
    Data {
        /// Stream of the frame.
        stream: u32,
        /// Data without padding.
        bytes: &'a [u8],
        /// Bytes that count for flow control: the data and its padding.
        counted: u32,
        /// True if the frame, and with it the sender's side of the stream, ends here.
        ends_stream: bool,
    },
}

/// State of the reader between two pieces of the byte stream.
#[derive(Debug)]
pub struct FrameReader {
    stage: Stage,
    /// Bytes of a head that have arrived.
    head: Vec<u8>,
    /// Bytes of a payload that have arrived, or the whole payload until the next call.
    payload: Vec<u8>,
    max_frame: u32,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Head,
    Payload(Head),
    /// The length of a DATA frame's padding comes next.
    Padding(Head),
    Data {
        head: Head,
        left: u32,
        padding: u32,
    },
    /// The rest of a frame of unknown type.
    Unknown(u32),
}

impl FrameReader {
    /// Makes a reader that accepts payloads of up to `max_frame` bytes.
    #[must_use]
    pub fn new(max_frame: u32) -> Self {
        Self { stage: Stage::Head, head: Vec::new(), payload: Vec::new(), max_frame }
    }

    /// Returns the next piece and advances `bytes` past it; `None` if `bytes` are used up.
    ///
    /// # Errors
    /// Fails if a frame is larger than `max_frame`, or has more padding than payload.
    pub fn next<'a, 'b: 'a>(
        &'a mut self,
        bytes: &mut &'b [u8],
    ) -> Result<Option<Piece<'a>>, ConnectionError> {
        loop {
            match self.stage {
                Stage::Head => {
                    let Some(head) = self.head(bytes) else { return Ok(None) };
                    if head.length > self.max_frame {
                        return Err(ConnectionError::new(
                            ErrorCode::FRAME_SIZE_ERROR,
                            "a frame is larger than this client's MAX_FRAME_SIZE",
                        ));
                    }
                    self.stage = match head.kind {
                        kind::DATA if head.has(flag::PADDED) => Stage::Padding(head),
                        kind::DATA => Stage::Data { head, left: head.length, padding: 0 },
                        kind::HEADERS..=kind::CONTINUATION => Stage::Payload(head),
                        _ => Stage::Unknown(head.length),
                    };
                }
                Stage::Payload(head) => return Ok(self.payload(head, bytes)),
                Stage::Padding(head) => {
                    if head.length == 0 {
                        return Err(PADDING);
                    }
                    let Some((padding, rest)) = bytes.split_first() else { return Ok(None) };
                    *bytes = rest;
                    let (left, padding) = (head.length - 1, u32::from(*padding));
                    if padding > left {
                        return Err(PADDING);
                    }
                    self.stage = Stage::Data { head, left, padding };
                    // The padding's length byte counts like the padding itself (6.1).
                    return Ok(Some(Piece::Data {
                        stream: head.stream,
                        bytes: &[],
                        counted: 1,
                        ends_stream: left == 0 && self.data_ends(head),
                    }));
                }
                Stage::Data { head, left, padding } => return Ok(self.data(head, left, padding, bytes)),
                Stage::Unknown(left) => {
                    let left = left - length(prefix(bytes, left as usize));
                    self.stage = if left == 0 { Stage::Head } else { Stage::Unknown(left) };
                    if left > 0 {
                        return Ok(None);
                    }
                }
            }
        }
    }

    fn head(&mut self, bytes: &mut &[u8]) -> Option<Head> {
        self.payload.clear();
        if self.head.is_empty()
            && let Some((head, rest)) = bytes.split_first_chunk::<HEAD_BYTES>()
        {
            *bytes = rest;
            return Some(Head::parse(*head));
        }
        let missing = HEAD_BYTES - self.head.len();
        self.head.extend_from_slice(prefix(bytes, missing));
        let head = Head::parse(*self.head.first_chunk()?);
        self.head.clear();
        Some(head)
    }

    fn payload<'a, 'b: 'a>(&'a mut self, head: Head, bytes: &mut &'b [u8]) -> Option<Piece<'a>> {
        let whole = head.length as usize;
        if self.payload.is_empty() && bytes.len() >= whole {
            self.stage = Stage::Head;
            return Some(Piece::Frame(head, prefix(bytes, whole)));
        }
        let missing = whole - self.payload.len();
        self.payload.extend_from_slice(prefix(bytes, missing));
        if self.payload.len() < whole {
            return None;
        }
        self.stage = Stage::Head;
        Some(Piece::Frame(head, &self.payload))
    }

    fn data<'a>(&mut self, head: Head, left: u32, padding: u32, bytes: &mut &'a [u8]) -> Option<Piece<'a>> {
        if bytes.is_empty() && left > 0 {
            return None;
        }
        let data = prefix(bytes, (left - padding) as usize);
        let left = left - length(data);
        let skipped = if left == padding { length(prefix(bytes, padding as usize)) } else { 0 };
        let (left, padding) = (left - skipped, padding - skipped);
        self.stage = Stage::Data { head, left, padding };
        Some(Piece::Data {
            stream: head.stream,
            bytes: data,
            counted: length(data) + skipped,
            ends_stream: left == 0 && self.data_ends(head),
        })
    }

    /// Ends a DATA frame. Returns true if its stream ends too.
    fn data_ends(&mut self, head: Head) -> bool {
        self.stage = Stage::Head;
        head.has(flag::END_STREAM)
    }
}

/// Takes up to `most` bytes from the front.
fn prefix<'a>(bytes: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (front, rest) = bytes.split_at(most.min(bytes.len()));
    *bytes = rest;
    front
}

/// Length of bytes within a frame, which fits into 24 bits.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::client::lean::frame;

    /// The frames, the data of all DATA frames, the bytes counted for flow control, and the number of ended
    /// streams.
    type Read = (Vec<(Head, Vec<u8>)>, Vec<u8>, u32, u32);

    /// Reads these bytes in pieces of this size.
    fn read(bytes: &[u8], piece: usize) -> Result<Read, ConnectionError> {
        let mut reader = FrameReader::new(1_000);
        let (mut frames, mut data, mut counted, mut ends) = (Vec::new(), Vec::new(), 0, 0);
        for mut piece in bytes.chunks(piece) {
            while let Some(piece) = reader.next(&mut piece)? {
                match piece {
                    Piece::Frame(head, payload) => frames.push((head, payload.to_vec())),
                    Piece::Data { bytes, counted: more, ends_stream, .. } => {
                        data.extend_from_slice(bytes);
                        counted += more;
                        ends += u32::from(ends_stream);
                    }
                }
            }
        }
        Ok((frames, data, counted, ends))
    }

    #[test]
    fn frames_are_the_same_in_pieces_of_any_length() {
        let mut bytes = Vec::new();
        frame::write_settings(&mut bytes, &[(1, 2)]);
        frame::write(&mut bytes, kind::DATA, flag::PADDED, 1, b"\x03abcdef\0\0\0");
        frame::write(&mut bytes, 0x77, 0xff, 5, b"nobody knows");
        frame::write(&mut bytes, kind::DATA, 0, 1, b"");
        frame::write(&mut bytes, kind::DATA, flag::PADDED | flag::END_STREAM, 1, b"\x02\0\0");
        frame::write(&mut bytes, kind::PING, 0, 0, &[7; 8]);
        frame::write(&mut bytes, kind::DATA, flag::END_STREAM, 1, b"g");
        for piece in 1..=bytes.len() {
            let (frames, data, counted, ends) = read(&bytes, piece).expect("well formed");
            let kinds: Vec<u8> = frames.iter().map(|(head, _)| head.kind).collect();
            assert_eq!(kinds, [kind::SETTINGS, kind::PING], "{piece}");
            assert_eq!((frames[0].1.len(), frames[1].1.len()), (6, 8));
            assert_eq!((data.as_slice(), counted, ends), (b"abcdefg".as_slice(), 10 + 3 + 1, 2), "{piece}");
        }
    }

    #[test]
    fn a_frame_that_is_too_large_or_has_too_much_padding_is_an_error() {
        let code = |bytes: &[u8]| read(bytes, 1).expect_err("malformed").code;
        let mut large = Vec::new();
        frame::write(&mut large, kind::DATA, 0, 1, &[0; 1_001]);
        assert_eq!(code(&large[..HEAD_BYTES]), ErrorCode::FRAME_SIZE_ERROR);
        for payload in [&[][..], &[1], &[9, 0, 0]] {
            let mut padded = Vec::new();
            frame::write(&mut padded, kind::DATA, flag::PADDED, 1, payload);
            assert_eq!(code(&[padded.as_slice(), &[0; 9]].concat()), ErrorCode::PROTOCOL_ERROR);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_out_alike_in_any_pieces(bytes: Vec<u8>, piece in 1_usize..60) {
            prop_assert_eq!(read(&bytes, piece), read(&bytes, bytes.len().max(1)));
        }
    }
}
