//! Check of a reply's message against the expectation of its call, as the message arrives.

use super::{
    reader::Reader,
    text::{Text, TextWatch},
    verdict::ReplyCheck,
};
use crate::rpc::{
    message::{Expectation, ExpectedText},
    shape::Shape,
};

/// State of the check of one message. It can be used again for the next message.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    /// Number of message bytes so far.
    bytes: u64,
    /// True while all bytes were those of the expected reply, so that they need not be read.
    is_as_expected: bool,
    reader: Reader,
    text: Text,
    is_inside_text: bool,
}

impl Checker {
    /// Begins a message with this length; `u64::MAX` if it is unknown.
    pub(crate) fn begin(&mut self, length: u64) {
        (self.bytes, self.is_as_expected, self.is_inside_text) = (0, true, false);
        self.reader.begin(length);
        self.text.begin();
    }

    /// Number of message bytes so far.
    pub(crate) fn message_bytes(&self) -> u64 {
        self.bytes
    }

    /// Checks the next bytes of the message.
    ///
    /// # Errors
    /// Fails if the bytes cannot be part of a message, or not of a message of the expected type.
    pub(crate) fn take(&mut self, bytes: &[u8], expectation: &Expectation) -> Result<(), &'static str> {
        let before = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        self.bytes += bytes.len() as u64;
        match expectation {
            Expectation::Any => Ok(()),
            Expectation::Decodes(shape) => self.reader.read(bytes, shape, &mut ()),
            Expectation::Text(expected) => {
                if std::mem::take(&mut self.is_as_expected) {
                    let message = expected.message();
                    if message.get(before..).is_some_and(|rest| rest.starts_with(bytes)) {
                        self.is_as_expected = true;
                        return Ok(());
                    }
                    // The bytes so far were as expected, so they are known without having been kept.
                    self.read_text(&message[..before.min(message.len())], expected)?;
                }
                self.read_text(bytes, expected)
            }
        }
    }

    fn read_text(&mut self, bytes: &[u8], expected: &ExpectedText) -> Result<(), &'static str> {
        const UNTYPED: Shape = Shape::untyped();
        let mut watch = TextWatch {
            text: &mut self.text,
            field: expected.field(),
            expected: expected.text(),
            is_inside: &mut self.is_inside_text,
        };
        self.reader.read(bytes, &UNTYPED, &mut watch)
    }

    /// Judges the message, which ends here.
    ///
    /// # Errors
    /// Fails if a message cannot end here.
    pub(crate) fn finish(&mut self, expectation: &Expectation) -> Result<ReplyCheck, &'static str> {
        match expectation {
            Expectation::Any => Ok(ReplyCheck::Right),
            Expectation::Decodes(_) => self.reader.fault_at_end().map_or(Ok(ReplyCheck::Right), Err),
            Expectation::Text(expected) => {
                let message = expected.message();
                if self.is_as_expected {
                    if self.bytes == message.len() as u64 {
                        return Ok(ReplyCheck::Right);
                    }
                    let known = usize::try_from(self.bytes).unwrap_or(usize::MAX).min(message.len());
                    self.is_as_expected = false;
                    self.read_text(&message[..known], expected)?;
                }
                if let Some(fault) = self.reader.fault_at_end() {
                    return Err(fault);
                }
                Ok(self.text.difference(expected.text()).map_or(ReplyCheck::Right, ReplyCheck::Wrong))
            }
        }
    }
}
