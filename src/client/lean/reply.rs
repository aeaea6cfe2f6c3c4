//! A reply, verified as it arrives and never assembled: gRPC over HTTP/2 ("Length-Prefixed-Message")
//! and protobuf's encoding.
//!
//! As long as its bytes are those of the expected reply in protobuf's usual encoding, nothing is read
//! from them. From the first other byte on they are read field by field, in constant memory: a server
//! may encode the right text in another way, and a wrong text is to be shown.

use super::request::{PREFIX_BYTES, TEXT_FIELD};
use crate::outcome::Difference;

/// Bytes of a wrong text that are kept from where it differs: 16 characters.
const KEPT_BYTES: usize = 64;
/// Characters of a difference that are shown.
const SHOWN_CHARACTERS: usize = 16;

/// The reply that a call should bring.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    /// gRPC's prefix, protobuf's tag and length.
    pub(super) head: &'a [u8],
    pub(super) text: &'a [u8],
}

/// A reply, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Reply {
    /// Bytes that came, all of them as expected.
    as_expected: u64,
    otherwise: Option<Box<Reader>>,
}

/// Why a reply need not be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Its prefix claims more message bytes than the limit has.
    OverLimit(u64),
    /// It is not what gRPC or protobuf allow.
    Malformed(&'static str),
}

/// What a reply amounts to when the call has ended well.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Right,
    Wrong(Difference),
    Missing,
    /// It ended before the length that its prefix claims.
    Short,
}

impl Expected<'_> {
    fn message_bytes(&self) -> u64 {
        (self.head.len() - PREFIX_BYTES + self.text.len()) as u64
    }

    /// Whether these are the bytes from here on.
    fn has(&self, at: usize, bytes: &[u8]) -> bool {
        let edge = self.head.len();
        if at >= edge {
            return self.text.get(at - edge..).is_some_and(|rest| rest.starts_with(bytes));
        }
        let (in_head, in_text) = bytes.split_at(bytes.len().min(edge - at));
        self.head[at..].starts_with(in_head) && self.text.starts_with(in_text)
    }
}

impl Reply {
    /// Takes the next bytes. `limit` is the client's own, in message bytes.
    pub(super) fn take(&mut self, bytes: &[u8], expected: Expected<'_>, limit: u64) -> Result<(), Fault> {
        if self.otherwise.is_none() {
            let at = usize::try_from(self.as_expected).unwrap_or(usize::MAX);
            if expected.has(at, bytes) && expected.message_bytes() <= limit {
                self.as_expected += bytes.len() as u64;
                return Ok(());
            }
            self.otherwise = Some(Box::default());
            // What came before was as expected, and so it is known without having been kept.
            let edge = expected.head.len();
            self.read(&expected.head[..at.min(edge)], expected, limit)?;
            self.read(&expected.text[..at.max(edge) - edge], expected, limit)?;
        }
        self.read(bytes, expected, limit)
    }

    fn read(&mut self, bytes: &[u8], expected: Expected<'_>, limit: u64) -> Result<(), Fault> {
        self.otherwise.as_mut().map_or(Ok(()), |reader| reader.read(bytes, expected.text, limit))
    }

    /// What it amounts to, now that no more will come.
    pub(super) fn verdict(&self, expected: Expected<'_>) -> Verdict {
        let Some(reader) = &self.otherwise else {
            let whole = (expected.head.len() + expected.text.len()) as u64;
            return match self.as_expected {
                0 => Verdict::Missing,
                bytes if bytes == whole => Verdict::Right,
                _ => Verdict::Short,
            };
        };
        match reader.stage {
            Stage::Over => {}
            Stage::Prefix(0) => return Verdict::Missing,
            _ => return Verdict::Short,
        }
        let same = reader.text.differs_at.unwrap_or(reader.text.bytes);
        if reader.text.differs_at.is_none() && same == expected.text.len() as u64 {
            return Verdict::Right;
        }
        Verdict::Wrong(reader.text.difference(same, expected.text))
    }
}

/// Where in a message a reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Within gRPC's prefix, of which that many bytes have come.
    Prefix(usize),
    /// Within a field's key.
    Key,
    /// Within the length of a field with this key.
    Length(u64),
    /// Within a number that nobody needs.
    Number,
    /// Within the text, of which that many bytes are to come.
    Text(u64),
    /// Within a field that nobody knows.
    Unknown(u64),
    /// Behind the message.
    Over,
}

/// Reads a message in any encoding, and compares its text.
#[derive(Debug)]
struct Reader {
    stage: Stage,
    prefix: [u8; PREFIX_BYTES],
    /// Message bytes that are to come.
    left: u64,
    /// The varint that is being read, and how many of its bits have come.
    varint: (u64, u32),
    text: Text,
}

/// A text, compared with the expected one.
#[derive(Debug, Default)]
struct Text {
    bytes: u64,
    differs_at: Option<u64>,
    /// From there on.
    kept: Vec<u8>,
}

impl Default for Reader {
    fn default() -> Self {
        let text = Text::default();
        Self { stage: Stage::Prefix(0), prefix: [0; PREFIX_BYTES], left: 0, varint: (0, 0), text }
    }
}

impl Reader {
    fn read(&mut self, mut bytes: &[u8], expected: &[u8], limit: u64) -> Result<(), Fault> {
        while let Some((&first, rest)) = bytes.split_first() {
            bytes = match self.stage {
                Stage::Over => return Err(Fault::Malformed("the server sent more than one reply")),
                Stage::Prefix(have) => {
                    self.prefix[have] = first;
                    self.stage = Stage::Prefix(have + 1);
                    if have + 1 == PREFIX_BYTES {
                        self.begin(limit)?;
                    }
                    rest
                }
                Stage::Text(left) => {
                    let (text, rest) = split(bytes, left);
                    self.text.take(text, expected);
                    self.stage = Stage::Text(left - text.len() as u64);
                    self.pass(text.len())?;
                    rest
                }
                Stage::Unknown(left) => {
                    let (skipped, rest) = split(bytes, left);
                    self.stage = Stage::Unknown(left - skipped.len() as u64);
                    self.pass(skipped.len())?;
                    rest
                }
                Stage::Key | Stage::Length(_) | Stage::Number => {
                    self.varint_byte(first)?;
                    self.pass(1)?;
                    rest
                }
            };
        }
        Ok(())
    }

    /// The prefix has come.
    fn begin(&mut self, limit: u64) -> Result<(), Fault> {
        let [flag, length @ ..] = self.prefix;
        self.left = u64::from(u32::from_be_bytes(length));
        if flag != 0 {
            return Err(Fault::Malformed("the reply is compressed, although no compression was offered"));
        }
        if self.left > limit {
            return Err(Fault::OverLimit(self.left));
        }
        self.stage = if self.left == 0 { Stage::Over } else { Stage::Key };
        Ok(())
    }

    fn varint_byte(&mut self, byte: u8) -> Result<(), Fault> {
        let (value, bits) = self.varint;
        if bits >= 64 {
            return Err(Fault::Malformed("the reply is no protobuf message: a number is too long"));
        }
        let value = value | u64::from(byte & 0x7f) << bits;
        if byte & 0x80 != 0 {
            self.varint = (value, bits + 7);
            return Ok(());
        }
        self.varint = (0, 0);
        self.stage = match self.stage {
            Stage::Key => match value & 7 {
                0 => Stage::Number,
                1 => Stage::Unknown(8),
                2 => Stage::Length(value),
                5 => Stage::Unknown(4),
                _ => {
                    return Err(Fault::Malformed(
                        "the reply is no protobuf message: a field has no known type",
                    ));
                }
            },
            // The last one counts where a field stands twice.
            Stage::Length(key) if key == u64::from(TEXT_FIELD) => {
                self.text = Text::default();
                Stage::Text(value)
            }
            Stage::Length(_) => Stage::Unknown(value),
            other => {
                if other == Stage::Number {
                    Stage::Key
                } else {
                    other
                }
            }
        };
        Ok(())
    }

    /// Counts bytes of the message, and goes on behind a field that has ended.
    fn pass(&mut self, bytes: usize) -> Result<(), Fault> {
        self.left -= bytes as u64;
        if let Stage::Text(left) | Stage::Unknown(left) = self.stage {
            if left > self.left {
                return Err(Fault::Malformed("the reply is no protobuf message: a field is longer than it"));
            }
            if left == 0 {
                self.stage = Stage::Key;
            }
        }
        if self.left > 0 {
            return Ok(());
        }
        if self.stage != Stage::Key || self.varint.1 > 0 {
            return Err(Fault::Malformed("the reply is no protobuf message: it ends within a field"));
        }
        self.stage = Stage::Over;
        Ok(())
    }
}

/// The first `at` bytes, or all where there are fewer, and the rest.
fn split(bytes: &[u8], at: u64) -> (&[u8], &[u8]) {
    bytes.split_at(usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len()))
}

impl Text {
    fn take(&mut self, bytes: &[u8], expected: &[u8]) {
        let mut rest = bytes;
        if self.differs_at.is_none() {
            let at = usize::try_from(self.bytes).unwrap_or(usize::MAX);
            let expected = expected.get(at..).unwrap_or_default();
            let same = bytes.iter().zip(expected).take_while(|(left, right)| left == right).count();
            rest = &bytes[same..];
            if !rest.is_empty() {
                self.differs_at = Some(self.bytes + same as u64);
            }
        }
        let room = KEPT_BYTES - self.kept.len();
        self.kept.extend_from_slice(&rest[..rest.len().min(room)]);
        self.bytes += bytes.len() as u64;
    }

    fn difference(&self, same: u64, expected: &[u8]) -> Difference {
        let at = usize::try_from(same).unwrap_or(usize::MAX).min(expected.len());
        // Two different characters may begin with the same byte: both are shown from their start.
        let is_start = |at: &usize| expected.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
        let start = (0..=at).rev().find(is_start).unwrap_or(0);
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().take(SHOWN_CHARACTERS).collect();
        Difference {
            at_byte: same,
            expected_bytes: expected.len() as u64,
            got_bytes: self.bytes,
            expected: shown(&expected[start..expected.len().min(start + KEPT_BYTES)]),
            got: shown(&[&expected[start..at], &self.kept].concat()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{pb::Data, units::grouped};
    use proptest::prelude::*;
    use prost::Message as _;

    const LIMIT: u64 = 4 << 20;

    fn framed(message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(message.len()).expect("short").to_be_bytes();
        [&[0], length.as_slice(), message].concat()
    }

    fn encoded(text: &str) -> Vec<u8> {
        framed(&Data { text: text.to_owned() }.encode_to_vec())
    }

    /// What these bytes amount to, taken in pieces of this size.
    fn verdict(expected: &str, bytes: &[u8], piece: usize) -> Result<Verdict, Fault> {
        let whole = encoded(expected);
        let head = whole[..whole.len() - expected.len()].to_vec();
        let expected = Expected { head: &head, text: expected.as_bytes() };
        let mut reply = Reply::default();
        for piece in bytes.chunks(piece) {
            reply.take(piece, expected, LIMIT)?;
        }
        Ok(reply.verdict(expected))
    }

    #[test]
    fn other_encodings_of_the_right_text_are_right() {
        let text = b"\x0a\x03ABC";
        for message in [
            [b"\x10\x96\x01".as_slice(), text].concat(),
            [text.as_slice(), b"\x11\0\0\0\0\0\0\0\0\x1d\0\0\0\0"].concat(),
            [text.as_slice(), b"\x22\x02xy"].concat(),
            [b"\x0a\x02XY".as_slice(), text].concat(),
            b"\x0a\x83\x00ABC".to_vec(),
        ] {
            for piece in [1, 2, 100] {
                assert_eq!(verdict("ABC", &framed(&message), piece), Ok(Verdict::Right), "{message:?}");
            }
        }
    }

    #[test]
    fn what_is_no_reply_is_said() {
        for (bytes, words) in [
            (framed(b"\x0a\x09ABC"), "longer than it"),
            (framed(b"\x0a\x03ABC\x0a"), "ends within"),
            (framed(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "too long"),
            (framed(b"\x0b"), "no known type"),
            ([encoded("ABC"), encoded("ABC")].concat(), "more than one"),
            (vec![1, 0, 0, 0, 0], "compressed"),
        ] {
            for piece in [1, 100] {
                match verdict("ABC", &bytes, piece) {
                    Err(Fault::Malformed(said)) => assert!(said.contains(words), "{said}"),
                    other => panic!("{bytes:?}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn a_claimed_length_over_the_limit_is_known_from_the_prefix() {
        let claim = [0, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(verdict("ABC", &claim, 1), Err(Fault::OverLimit(u64::from(u32::MAX))));
        let expected = "A".repeat(5 << 20);
        let result = verdict(&expected, &encoded(&expected), 1_000);
        assert_eq!(result, Err(Fault::OverLimit((5 << 20) + 5)), "{}", grouped(LIMIT));
    }

    #[test]
    fn what_is_missing_or_cut_off_is_told_apart() {
        assert_eq!(verdict("ABC", &[], 1), Ok(Verdict::Missing));
        assert_eq!(verdict("ABC", &encoded("ABC")[..8], 1), Ok(Verdict::Short));
        assert_eq!(verdict("ABC", &encoded("XBC")[..9], 1), Ok(Verdict::Short));
        assert_eq!(verdict("", &encoded(""), 1), Ok(Verdict::Right));
    }

    proptest! {
        #[test]
        fn a_text_in_any_pieces_differs_where_it_does(
            expected in "[aä火]{0,8}",
            got in "[aä火]{0,8}",
            piece in 1_usize..40,
        ) {
            let right = Difference::between(&expected, &got).map_or(Verdict::Right, Verdict::Wrong);
            prop_assert_eq!(verdict(&expected, &encoded(&got), piece), Ok(right));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, piece in 1_usize..40) {
            let _ = verdict("ABC", &bytes, piece);
            let _ = verdict("ABC", &framed(&bytes), piece);
        }
    }
}
