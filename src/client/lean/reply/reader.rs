//! Decoder for a message in any of protobuf's encodings, in constant memory, that compares its text.

use super::verdict::{Fault, ReplyCheck};
use crate::{
    client::lean::request::{PREFIX_BYTES, TEXT_FIELD},
    rpc::Difference,
};

/// Bytes of a wrong text that are kept from the first difference on: 16 characters.
const KEPT_BYTES: usize = 64;

/// Characters of a difference that are shown.
const SHOWN_CHARACTERS: usize = 16;

/// Placeholder for an unknown message length: larger than any message, and so large that no message can count
/// it down by half.
const UNKNOWN: u64 = u64::MAX;

/// Position of the reader in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// In gRPC's prefix, after this many of its bytes.
    Prefix(usize),
    /// In a field's key.
    Key,
    /// In the length of a field with this key.
    Length(u64),
    /// In a number that is not used.
    Number,
    /// In the text, before this many of its bytes.
    Text(u64),
    /// In an unknown field.
    Unknown(u64),
    /// After the message.
    Over,
}

/// Decoder for a message in any encoding that compares its text.
#[derive(Debug)]
pub(super) struct FieldReader {
    stage: Position,
    prefix: [u8; PREFIX_BYTES],
    /// Message bytes still to come.
    left: u64,
    /// The current varint: its value and its number of bits so far.
    varint: (u64, u32),
    text: Text,
}

/// A text and its comparison with the expected one.
#[derive(Debug, Default)]
struct Text {
    bytes: u64,
    differs_at: Option<u64>,
    /// Bytes from the difference on.
    kept: Vec<u8>,
}

impl Default for FieldReader {
    fn default() -> Self {
        let text = Text::default();
        Self { stage: Position::Prefix(0), prefix: [0; PREFIX_BYTES], left: 0, varint: (0, 0), text }
    }
}

impl FieldReader {
    /// Makes a reader for a message without a prefix, whose length is unknown.
    pub(super) fn behind_the_prefix() -> Self {
        Self { stage: Position::Key, left: UNKNOWN, ..Self::default() }
    }

    pub(super) fn read(&mut self, mut bytes: &[u8], expected: &[u8], limit: u64) -> Result<(), Fault> {
        while let Some((&first, rest)) = bytes.split_first() {
            bytes = match self.stage {
                Position::Over => return Err(Fault::Malformed("the server sent more than one reply")),
                Position::Prefix(have) => {
                    self.prefix[have] = first;
                    self.stage = Position::Prefix(have + 1);
                    if have + 1 == PREFIX_BYTES {
                        self.begin(limit)?;
                    }
                    rest
                }
                Position::Text(left) => {
                    let (text, rest) = split(bytes, left);
                    self.text.take(text, expected);
                    self.stage = Position::Text(left - text.len() as u64);
                    self.pass(text.len())?;
                    rest
                }
                Position::Unknown(left) => {
                    let (skipped, rest) = split(bytes, left);
                    self.stage = Position::Unknown(left - skipped.len() as u64);
                    self.pass(skipped.len())?;
                    rest
                }
                Position::Key | Position::Length(_) | Position::Number => {
                    self.varint_byte(first)?;
                    self.pass(1)?;
                    rest
                }
            };
        }
        Ok(())
    }

    /// Judges the bytes so far, if no more will come.
    pub(super) fn verdict(&self, expected: &[u8]) -> ReplyCheck {
        match self.stage {
            Position::Over => {}
            Position::Key if self.left > UNKNOWN / 2 && self.varint.1 == 0 => {}
            Position::Prefix(0) => return ReplyCheck::Missing,
            _ => return ReplyCheck::Short,
        }
        let same = self.text.differs_at.unwrap_or(self.text.bytes);
        if self.text.differs_at.is_none() && same == expected.len() as u64 {
            return ReplyCheck::Right;
        }
        ReplyCheck::Wrong(self.text.difference(same, expected))
    }

    /// Evaluates the complete prefix.
    fn begin(&mut self, limit: u64) -> Result<(), Fault> {
        let [flag, length @ ..] = self.prefix;
        self.left = u64::from(u32::from_be_bytes(length));
        if flag != 0 {
            return Err(Fault::Malformed(
                "the reply is compressed with a method that this client did not offer",
            ));
        }
        if self.left > limit {
            return Err(Fault::OverLimit(self.left));
        }
        self.stage = if self.left == 0 { Position::Over } else { Position::Key };
        Ok(())
    }

    fn varint_byte(&mut self, byte: u8) -> Result<(), Fault> {
        let (value, bits) = self.varint;
        if bits >= 64 {
            return Err(Fault::Malformed("the reply is not a protobuf message: a number is too long"));
        }
        let value = value | u64::from(byte & 0x7f) << bits;
        if byte & 0x80 != 0 {
            self.varint = (value, bits + 7);
            return Ok(());
        }
        self.varint = (0, 0);
        self.stage = match self.stage {
            Position::Key => match value & 7 {
                0 => Position::Number,
                1 => Position::Unknown(8),
                2 => Position::Length(value),
                5 => Position::Unknown(4),
                _ => {
                    return Err(Fault::Malformed(
                        "the reply is not a protobuf message: a field has no known type",
                    ));
                }
            },
            // If a field occurs twice, the last one counts.
            Position::Length(key) if key == u64::from(TEXT_FIELD) => {
                self.text = Text::default();
                Position::Text(value)
            }
            Position::Length(_) => Position::Unknown(value),
            other => {
                if other == Position::Number {
                    Position::Key
                } else {
                    other
                }
            }
        };
        Ok(())
    }

    /// Counts bytes of the message, and moves on after a completed field.
    fn pass(&mut self, bytes: usize) -> Result<(), Fault> {
        self.left -= bytes as u64;
        if let Position::Text(left) | Position::Unknown(left) = self.stage {
            if left > self.left {
                return Err(Fault::Malformed(
                    "the reply is not a protobuf message: a field is longer than the message",
                ));
            }
            if left == 0 {
                self.stage = Position::Key;
            }
        }
        if self.left > 0 {
            return Ok(());
        }
        if self.stage != Position::Key || self.varint.1 > 0 {
            return Err(Fault::Malformed(
                "the reply is not a protobuf message: the message ends within a field",
            ));
        }
        self.stage = Position::Over;
        Ok(())
    }
}

/// Splits bytes after the first `at` ones, or at the end if there are fewer.
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
        // Two different characters may begin with the same byte, so both are shown from their start.
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
