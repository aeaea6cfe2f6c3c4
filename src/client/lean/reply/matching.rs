//! Comparison of a message with the expected bytes.

use super::{
    reader::FieldReader,
    verdict::{Fault, ReplyCheck},
};
use crate::client::lean::request::PREFIX_BYTES;

/// The expected reply of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// Bytes before the text: gRPC's prefix, protobuf's tag and length.
    pub(crate) head: &'a [u8],
    pub(crate) text: &'a [u8],
}

/// State of the comparison with the expected bytes.
#[derive(Debug, Default)]
pub(super) struct Matching {
    /// Number of bytes so far that were as expected.
    as_expected: u64,
    /// True if the message comes without gRPC's prefix, and thus without its length.
    is_bare: bool,
    otherwise: Option<Box<FieldReader>>,
}

impl Expected<'_> {
    fn message_bytes(&self) -> u64 {
        (self.head.len() - PREFIX_BYTES + self.text.len()) as u64
    }

    /// Returns true if these are the expected bytes from offset `at` on.
    fn has(&self, at: usize, bytes: &[u8]) -> bool {
        let edge = self.head.len();
        if at >= edge {
            return self.text.get(at - edge..).is_some_and(|rest| rest.starts_with(bytes));
        }
        let (in_head, in_text) = bytes.split_at(bytes.len().min(edge - at));
        self.head[at..].starts_with(in_head) && self.text.starts_with(in_text)
    }
}

impl Matching {
    /// Makes the state for a message without its prefix.
    pub(super) fn behind_the_prefix() -> Self {
        Self { as_expected: PREFIX_BYTES as u64, is_bare: true, otherwise: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.as_expected == 0 && self.otherwise.is_none()
    }

    pub(super) fn take_within(
        &mut self,
        bytes: &[u8],
        expected: Expected<'_>,
        limit: u64,
    ) -> Result<(), Fault> {
        if self.otherwise.is_none() {
            let at = usize::try_from(self.as_expected).unwrap_or(usize::MAX);
            if expected.has(at, bytes) && expected.message_bytes() <= limit {
                self.as_expected += bytes.len() as u64;
                return Ok(());
            }
            let reader = if self.is_bare { FieldReader::behind_the_prefix() } else { FieldReader::default() };
            self.otherwise = Some(Box::new(reader));
            // The bytes so far were as expected, so they are known without having been kept.
            let edge = expected.head.len();
            let from = if self.is_bare { PREFIX_BYTES } else { 0 };
            self.read(&expected.head[from..at.min(edge)], expected, limit)?;
            self.read(&expected.text[..at.max(edge) - edge], expected, limit)?;
        }
        self.read(bytes, expected, limit)
    }

    /// Compares the next bytes without a limit; the caller checks the limit.
    pub(super) fn take(&mut self, bytes: &[u8], expected: Expected<'_>) -> Result<(), Fault> {
        self.take_within(bytes, expected, u64::MAX)
    }

    fn read(&mut self, bytes: &[u8], expected: Expected<'_>, limit: u64) -> Result<(), Fault> {
        self.otherwise.as_mut().map_or(Ok(()), |reader| reader.read(bytes, expected.text, limit))
    }

    pub(super) fn verdict(&self, expected: Expected<'_>) -> ReplyCheck {
        let Some(reader) = &self.otherwise else {
            let whole = (expected.head.len() + expected.text.len()) as u64;
            return match self.as_expected {
                0 => ReplyCheck::Missing,
                bytes if bytes == whole => ReplyCheck::Right,
                _ if self.is_bare => self.cut_off(expected),
                _ => ReplyCheck::Short,
            };
        };
        reader.verdict(expected.text)
    }

    /// Judges a message of unknown length that ended while it was as expected. It may be another message, or
    /// a part of this one.
    fn cut_off(&self, expected: Expected<'_>) -> ReplyCheck {
        let at = usize::try_from(self.as_expected).unwrap_or(usize::MAX);
        let mut reader = FieldReader::behind_the_prefix();
        let edge = expected.head.len();
        let parts = [&expected.head[PREFIX_BYTES..at.min(edge)], &expected.text[..at.max(edge) - edge]];
        for part in parts {
            if reader.read(part, expected.text, u64::MAX).is_err() {
                return ReplyCheck::Short;
            }
        }
        reader.verdict(expected.text)
    }
}
