//! Reader that checks a message against its type as it arrives: in constant memory, in any of protobuf's
//! encodings.
//!
//! It accepts what a decoder accepts: keys, lengths and nesting are right, texts are UTF-8, and each known
//! field has the wire type of its declaration. Unknown fields are skipped.

use super::utf8::Utf8;
use crate::rpc::shape::{Content, Field, Shape};

/// Deepest nesting of messages, as in prost and in other implementations.
const DEEPEST: usize = 100;

const TOO_LONG: &str = "the reply is not a protobuf message: a number is too long";
const NO_TYPE: &str = "the reply is not a protobuf message: a field has no known type";
const NO_NUMBER: &str = "the reply is not a protobuf message: a field has no valid number";
const PAST_END: &str = "the reply is not a protobuf message: a field is longer than the message";
const CUT: &str = "the reply is not a protobuf message: the message ends within a field";
const WRONG_GROUP: &str = "the reply is not a protobuf message: a group ends that has not begun";
const TOO_DEEP: &str = "the reply is not a message that can be read: it is nested more than 100 levels deep";
const OTHER_TYPE: &str = "the reply does not decode as its type: a field has another wire type";
const NOT_UTF8: &str = "the reply does not decode as its type: a string is not UTF-8";

/// Watcher of a message's fields.
pub(super) trait Watch {
    /// True if the watcher needs numbers. Without it, fields of a fixed length are skipped.
    const IS_WATCHING: bool = false;

    /// A message or a group begins within the current one.
    fn enters(&mut self, _number: u32) {}
    /// The current message or group ends.
    fn leaves(&mut self) {}
    /// A number: its bits as on the wire.
    fn number(&mut self, _number: u32, _raw: u64) {}
    /// Several numbers of a fixed length in one field.
    fn numbers(&mut self, _number: u32, _values: u64) {}
    /// A text or bytes begin, within this many messages.
    fn begins(&mut self, _number: u32, _depth: usize) {}
    /// The next bytes of the text or of the bytes that began last.
    fn takes(&mut self, _bytes: &[u8]) {}
}

impl Watch for () {}

/// Position of the reader in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// In a field's key, or before it.
    Key,
    /// In the length of this field.
    Length(u32, Field),
    /// In this field's number.
    Number(u32),
    /// In bytes that are not used, before this many of them.
    Skipped(u64),
    /// In a number of this field with a fixed length, before this many of its bytes.
    Fixed(u32, u32),
    /// In bytes, before this many of them.
    Bytes(u64),
    /// In a text, before this many of its bytes.
    Text(u64),
    /// In a row of this field's varints that ends at this offset.
    Row(u32, u64),
}

/// A message or a group that has begun.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// Offset of its end; for a group, the end of the message around it.
    end: u64,
    /// Index of its type.
    of_type: u32,
    /// Number of a group's field; 0 for a message with a length.
    group: u32,
    /// Number of messages and groups around it, without entries of maps.
    depth: usize,
}

/// Reader that checks a message as it arrives.
#[derive(Debug)]
pub(crate) struct Reader {
    position: Position,
    /// Number of bytes so far.
    at: u64,
    /// The current varint: its value and its number of bits so far.
    varint: (u64, u32),
    utf8: Utf8,
    /// The innermost message.
    inner: Open,
    /// The messages around it.
    around: Vec<Open>,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            position: Position::Key,
            at: 0,
            varint: (0, 0),
            utf8: Utf8::default(),
            inner: Open { end: u64::MAX, of_type: 0, group: 0, depth: 0 },
            around: Vec::new(),
        }
    }
}

impl Reader {
    /// Begins a message with this length; `u64::MAX` if it is unknown. Keeps the memory of the last message.
    pub(super) fn begin(&mut self, length: u64) {
        let mut around = std::mem::take(&mut self.around);
        around.clear();
        *self = Self { around, ..Self::default() };
        self.inner.end = length;
    }

    /// Reads the next bytes of the message.
    ///
    /// # Errors
    /// Fails if the bytes cannot be part of such a message.
    pub(super) fn read<W: Watch>(
        &mut self,
        mut bytes: &[u8],
        shape: &Shape,
        watch: &mut W,
    ) -> Result<(), &'static str> {
        loop {
            match self.position {
                Position::Key => {
                    self.leave(watch);
                    let Some(key) = self.varint(&mut bytes)? else { return Ok(()) };
                    self.position = self.field(key, shape, watch)?;
                }
                Position::Number(number) => {
                    let Some(raw) = self.varint(&mut bytes)? else { return Ok(()) };
                    watch.number(number, raw);
                    self.position = Position::Key;
                }
                Position::Length(number, field) => {
                    let Some(length) = self.varint(&mut bytes)? else { return Ok(()) };
                    self.position = self.enter(number, field, length, shape, watch)?;
                }
                Position::Skipped(left) => {
                    let (taken, rest) = split(bytes, left);
                    self.at += taken.len() as u64;
                    if (taken.len() as u64) < left {
                        self.position = Position::Skipped(left - taken.len() as u64);
                        return Ok(());
                    }
                    bytes = rest;
                    self.position = Position::Key;
                }
                Position::Fixed(number, left) => {
                    let [byte, rest @ ..] = bytes else { return Ok(()) };
                    bytes = rest;
                    self.at += 1;
                    let (value, bits) = self.varint;
                    self.varint = (value | u64::from(*byte) << bits, bits + 8);
                    self.position = Position::Fixed(number, left - 1);
                    if left == 1 {
                        let (raw, _) = std::mem::take(&mut self.varint);
                        watch.number(number, raw);
                        self.position = Position::Key;
                    }
                }
                Position::Bytes(left) => {
                    let (taken, rest) = split(bytes, left);
                    self.at += taken.len() as u64;
                    watch.takes(taken);
                    if (taken.len() as u64) < left {
                        self.position = Position::Bytes(left - taken.len() as u64);
                        return Ok(());
                    }
                    bytes = rest;
                    self.position = Position::Key;
                }
                Position::Text(left) => {
                    let (taken, rest) = split(bytes, left);
                    let is_last = taken.len() as u64 == left;
                    self.at += taken.len() as u64;
                    if !self.utf8.take(taken, is_last) {
                        return Err(NOT_UTF8);
                    }
                    watch.takes(taken);
                    if !is_last {
                        self.position = Position::Text(left - taken.len() as u64);
                        return Ok(());
                    }
                    bytes = rest;
                    self.position = Position::Key;
                }
                Position::Row(number, end) => {
                    while self.at < end || self.varint.1 > 0 {
                        let Some(raw) = self.varint(&mut bytes)? else { return Ok(()) };
                        watch.number(number, raw);
                    }
                    if self.at > end {
                        return Err(PAST_END);
                    }
                    self.position = Position::Key;
                }
            }
        }
    }

    /// Returns the fault of a message that ends here, if there is one.
    pub(super) fn fault_at_end(&mut self) -> Option<&'static str> {
        self.leave(&mut ());
        let is_whole = self.position == Position::Key
            && self.varint.1 == 0
            && self.around.is_empty()
            && (self.inner.end == u64::MAX || self.inner.end == self.at);
        (!is_whole).then_some(CUT)
    }

    /// Leaves the messages that end here.
    #[inline]
    fn leave<W: Watch>(&mut self, watch: &mut W) {
        while self.at == self.inner.end && self.inner.group == 0 && self.varint.1 == 0 {
            let Some(around) = self.around.pop() else { return };
            watch.leaves();
            self.inner = around;
        }
    }

    /// Reads the next bytes of a varint. Returns it when it is complete.
    #[inline]
    fn varint(&mut self, bytes: &mut &[u8]) -> Result<Option<u64>, &'static str> {
        if let (0, [first @ ..0x80, rest @ ..]) = (self.varint.1, *bytes) {
            *bytes = rest;
            self.at += 1;
            return if self.at > self.inner.end { Err(PAST_END) } else { Ok(Some(u64::from(*first))) };
        }
        self.long_varint(bytes)
    }

    fn long_varint(&mut self, bytes: &mut &[u8]) -> Result<Option<u64>, &'static str> {
        while let [byte, rest @ ..] = *bytes {
            *bytes = rest;
            self.at += 1;
            if self.at > self.inner.end {
                return Err(PAST_END);
            }
            let (value, bits) = self.varint;
            // The tenth byte has room for one bit.
            if bits == 63 && *byte > 1 {
                return Err(TOO_LONG);
            }
            let value = value | u64::from(byte & 0x7f) << bits;
            if byte & 0x80 == 0 {
                self.varint = (0, 0);
                return Ok(Some(value));
            }
            self.varint = (value, bits + 7);
        }
        Ok(None)
    }

    /// Evaluates a key. Returns the position behind it.
    #[inline]
    fn field<W: Watch>(&mut self, key: u64, shape: &Shape, watch: &mut W) -> Result<Position, &'static str> {
        let number = u32::try_from(key).map_err(|_| NO_NUMBER)? >> 3;
        if number == 0 {
            return Err(NO_NUMBER);
        }
        let field = shape.field(self.inner.of_type, number);
        let is_of = |content: Content| field.content == content || field.content == Content::Unknown;
        match key & 7 {
            0 if is_of(Content::Varint) => Ok(Position::Number(number)),
            1 if is_of(Content::Fixed64) => self.fixed::<W>(number, 8),
            5 if is_of(Content::Fixed32) => self.fixed::<W>(number, 4),
            2 => match field.content {
                Content::Varint | Content::Fixed32 | Content::Fixed64 if !field.is_packable => {
                    Err(OTHER_TYPE)
                }
                Content::Group(_) => Err(OTHER_TYPE),
                _ => Ok(Position::Length(number, field)),
            },
            3 => match field.content {
                Content::Group(of_type) => {
                    watch.enters(number);
                    self.open(self.inner.end, of_type, number, true)
                }
                Content::Unknown => {
                    watch.enters(number);
                    self.open(self.inner.end, Shape::UNTYPED, number, true)
                }
                _ => Err(OTHER_TYPE),
            },
            4 if self.inner.group == number => {
                if let Some(around) = self.around.pop() {
                    watch.leaves();
                    self.inner = around;
                }
                Ok(Position::Key)
            }
            4 => Err(WRONG_GROUP),
            0 | 1 | 5 => Err(OTHER_TYPE),
            _ => Err(NO_TYPE),
        }
    }

    /// Begins a number of this many bytes.
    fn fixed<W: Watch>(&self, number: u32, length: u32) -> Result<Position, &'static str> {
        if u64::from(length) > self.inner.end - self.at {
            return Err(PAST_END);
        }
        Ok(if W::IS_WATCHING {
            Position::Fixed(number, length)
        } else {
            Position::Skipped(u64::from(length))
        })
    }

    /// Begins a field of this length.
    #[inline]
    fn enter<W: Watch>(
        &mut self,
        number: u32,
        field: Field,
        length: u64,
        shape: &Shape,
        watch: &mut W,
    ) -> Result<Position, &'static str> {
        if length > self.inner.end - self.at {
            return Err(PAST_END);
        }
        let end = self.at + length;
        match field.content {
            Content::Bytes | Content::Unknown => {
                watch.begins(number, self.around.len());
                Ok(Position::Bytes(length))
            }
            Content::Text => {
                watch.begins(number, self.around.len());
                Ok(Position::Text(length))
            }
            Content::Message(of_type) => {
                watch.enters(number);
                self.open(end, of_type, 0, !shape.is_entry(of_type))
            }
            Content::Varint => Ok(Position::Row(number, end)),
            Content::Fixed32 if length.is_multiple_of(4) => {
                watch.numbers(number, length / 4);
                Ok(Position::Skipped(length))
            }
            Content::Fixed64 if length.is_multiple_of(8) => {
                watch.numbers(number, length / 8);
                Ok(Position::Skipped(length))
            }
            Content::Fixed32 | Content::Fixed64 => Err(PAST_END),
            Content::Group(_) => Err(OTHER_TYPE),
        }
    }

    /// Enters a message or a group. An entry of a map does not count as a level.
    fn open(&mut self, end: u64, of_type: u32, group: u32, is_level: bool) -> Result<Position, &'static str> {
        let depth = self.inner.depth + usize::from(is_level);
        if depth > DEEPEST {
            return Err(TOO_DEEP);
        }
        let around = std::mem::replace(&mut self.inner, Open { end, of_type, group, depth });
        self.around.push(around);
        Ok(Position::Key)
    }
}

/// Splits bytes after the first `at` ones, or at the end if there are fewer.
fn split(bytes: &[u8], at: u64) -> (&[u8], &[u8]) {
    bytes.split_at(usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len()))
}
