//! Comparison of a text with the expected one, piece by piece.

use super::reader::Watch;
use crate::rpc::Difference;

/// Bytes of a wrong text that are kept from the first difference on: 16 characters.
const KEPT_BYTES: usize = 64;

/// Characters of a difference that are shown.
const SHOWN_CHARACTERS: usize = 16;

/// A text and its comparison with the expected one.
#[derive(Debug, Default)]
pub(super) struct Text {
    bytes: u64,
    differs_at: Option<u64>,
    /// Bytes from the difference on.
    kept: Vec<u8>,
}

/// Watcher of the field with the text. If the field occurs twice, the last one counts.
#[derive(Debug)]
pub(super) struct TextWatch<'a> {
    pub(super) text: &'a mut Text,
    /// Number of the field.
    pub(super) field: u32,
    pub(super) expected: &'a [u8],
    /// True in the field with the text.
    pub(super) is_inside: &'a mut bool,
}

impl Watch for TextWatch<'_> {
    fn begins(&mut self, number: u32, depth: usize) {
        *self.is_inside = depth == 0 && number == self.field;
        if *self.is_inside {
            self.text.begin();
        }
    }

    fn takes(&mut self, bytes: &[u8]) {
        if *self.is_inside {
            self.text.take(bytes, self.expected);
        }
    }
}

impl Text {
    /// Begins a text. Keeps the memory of the last one.
    pub(super) fn begin(&mut self) {
        self.kept.clear();
        (self.bytes, self.differs_at) = (0, None);
    }

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

    /// Returns the difference from the expected text, if there is one.
    pub(super) fn difference(&self, expected: &[u8]) -> Option<Difference> {
        let same = self.differs_at.unwrap_or(self.bytes);
        if self.differs_at.is_none() && same == expected.len() as u64 {
            return None;
        }
        let at = usize::try_from(same).unwrap_or(usize::MAX).min(expected.len());
        // Two different characters may begin with the same byte, so both are shown from their start.
        let is_start = |at: &usize| expected.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
        let start = (0..=at).rev().find(is_start).unwrap_or(0);
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().take(SHOWN_CHARACTERS).collect();
        Some(Difference {
            at_byte: same,
            expected_bytes: expected.len() as u64,
            got_bytes: self.bytes,
            expected: shown(&expected[start..expected.len().min(start + KEPT_BYTES)]),
            got: shown(&[&expected[start..at], &self.kept].concat()),
        })
    }
}
