//! Check of a reply's message against the expectation of its call, as the message arrives.

use prost::bytes::Bytes;

use super::{
    reader::Reader,
    text::{Text, TextWatch},
    values::{Values, ValuesWatch},
    verdict::ReplyCheck,
};
use crate::rpc::{
    message::{Checks, Expectation, ExpectedText},
    outcome::Difference,
    schema::Types,
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
    values: Values,
    /// Reason why the message is not of the expected type.
    fault: Option<&'static str>,
    /// The message so far, where it must be compared as a whole.
    collected: Vec<u8>,
}

impl Checker {
    /// Begins a message with this length; `u64::MAX` if it is unknown.
    pub(crate) fn begin(&mut self, length: u64) {
        (self.bytes, self.is_as_expected, self.is_inside_text) = (0, true, false);
        self.reader.begin(length);
        self.text.begin();
        self.collected.clear();
        self.fault = None;
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
            // The rest of a message of another type is only counted.
            Expectation::Decodes(_) | Expectation::Checks(_) if self.fault.is_some() => Ok(()),
            Expectation::Decodes(shape) => {
                self.fault = self.reader.read(bytes, shape, &mut ()).err();
                Ok(())
            }
            Expectation::Checks(of_values) => {
                if before == 0 {
                    self.values.begin(of_values.all.len());
                }
                let Checks { shape, all: checks, expected } = &**of_values;
                let mut watch = ValuesWatch { values: &mut self.values, checks, expected };
                self.fault = self.reader.read(bytes, shape, &mut watch).err();
                Ok(())
            }
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
            Expectation::Equal(expected) => {
                self.compare(before, bytes, &expected.message);
                Ok(())
            }
            Expectation::Same(first) => {
                match first.message.get() {
                    // It may have arrived in the middle of this reply.
                    Some(message) if self.collected.is_empty() => self.compare(before, bytes, message),
                    _ => self.collect(bytes),
                }
                Ok(())
            }
        }
    }

    /// Compares the next bytes, and collects the message from the first difference on.
    fn compare(&mut self, before: usize, bytes: &[u8], expected: &[u8]) {
        if self.is_as_expected && expected.get(before..).is_some_and(|rest| rest.starts_with(bytes)) {
            return;
        }
        if std::mem::take(&mut self.is_as_expected) {
            self.collected.extend_from_slice(&expected[..before.min(expected.len())]);
        }
        self.collected.extend_from_slice(bytes);
    }

    fn collect(&mut self, bytes: &[u8]) {
        self.is_as_expected = false;
        self.collected.extend_from_slice(bytes);
    }

    /// Returns the difference of a message that ends here and is not of the expected type.
    fn typed(&mut self) -> Option<Difference> {
        let fault = self.fault.or_else(|| self.reader.fault_at_end())?;
        Some(Difference {
            at_byte: 0,
            expected_bytes: 0,
            got_bytes: self.bytes,
            expected: "a message of the reply's type".to_owned(),
            got: fault.to_owned(),
        })
    }

    /// Judges a message that was compared with this one.
    fn compared(&self, expected: &[u8], types: Option<&Types>) -> ReplyCheck {
        let known = usize::try_from(self.bytes).unwrap_or(usize::MAX).min(expected.len());
        let got = if self.is_as_expected { &expected[..known] } else { &self.collected };
        if got == expected {
            return ReplyCheck::Right;
        }
        let difference = match types {
            Some(types) => types.difference(expected, got),
            None => Difference::of_bytes(expected, got),
        };
        difference.map_or(ReplyCheck::Right, ReplyCheck::Wrong)
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
            Expectation::Decodes(_) => Ok(self.typed().map_or(ReplyCheck::Right, ReplyCheck::Wrong)),
            Expectation::Checks(of_values) => {
                if self.bytes == 0 {
                    self.values.begin(of_values.all.len());
                }
                if let Some(difference) = self.typed() {
                    return Ok(ReplyCheck::Wrong(difference));
                }
                let failed = self.values.failed(&of_values.all, &of_values.expected);
                Ok(failed.map_or(ReplyCheck::Right, |(check, value)| {
                    ReplyCheck::Wrong(Difference {
                        at_byte: 0,
                        expected_bytes: 0,
                        got_bytes: self.bytes,
                        expected: check.to_string(),
                        got: value.to_string(),
                    })
                }))
            }
            Expectation::Equal(expected) => Ok(self.compared(&expected.message, expected.types.as_deref())),
            Expectation::Same(first) => {
                let got = if self.is_as_expected { &[] } else { self.collected.as_slice() };
                let message = first.message.get_or_init(|| Bytes::copy_from_slice(got));
                Ok(self.compared(message, first.types.as_deref()))
            }
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

#[cfg(test)]
#[path = "checker_tests.rs"]
mod tests;
