//! A message: an encoded request, and the condition that its reply must meet.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use prost::bytes::Bytes;

use super::{
    schema::{Check, Scalar, Types},
    shape::Shape,
};

/// Largest message size: protobuf's own limit, 2 GiB - 1.
pub const LARGEST_MESSAGE: u64 = (1 << 31) - 1;

/// Length of gRPC's message prefix, in bytes: a compression flag and the message's length.
pub const PREFIX_BYTES: usize = 5;

/// One request, and the condition that its reply must meet.
#[derive(Clone, PartialEq)]
pub struct Message {
    /// The encoded request, without gRPC's prefix.
    pub request: Bytes,
    /// The condition that makes a reply verified.
    pub expectation: Expectation,
    /// Row of the result that counts the calls of this message, from 0.
    pub class: u8,
}

/// Condition that makes a reply verified, besides the status OK.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Expectation {
    /// One message with any contents.
    Any,
    /// One message that decodes as this type.
    Decodes(Arc<Shape>),
    /// One message with this text in a field, in any of protobuf's encodings.
    Text(Arc<ExpectedText>),
    /// One message that decodes as the type of these checks, and passes them.
    Checks(Arc<Checks>),
    /// One message that equals this one, in any of protobuf's encodings.
    Equal(Arc<ExpectedReply>),
    /// One message that equals the first reply to the same message.
    Same(Arc<FirstReply>),
}

/// Checks of values of a reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Checks {
    pub(crate) shape: Arc<Shape>,
    pub(crate) all: Arc<[Check]>,
    /// Values to compare with, in the order of the checks.
    pub(crate) expected: Box<[Scalar]>,
}

impl Checks {
    /// Makes the checks of the reply to this request.
    pub(crate) fn of(types: &Types, checks: &Arc<[Check]>, request: &[u8]) -> Self {
        let expected = types.expected_values(checks, request).into();
        Self { shape: types.reply_shape(), all: Arc::clone(checks), expected }
    }
}

/// An expected reply.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedReply {
    /// The encoded reply.
    pub(crate) message: Bytes,
    /// Types of the method; without them, a reply must be the same bytes.
    pub(crate) types: Option<Arc<Types>>,
}

/// The first reply to a message, once it has arrived.
#[derive(Debug, Default)]
pub struct FirstReply {
    pub(crate) message: OnceLock<Bytes>,
    /// Types of the method; without them, a reply must be the same bytes.
    pub(crate) types: Option<Arc<Types>>,
}

impl PartialEq for FirstReply {
    fn eq(&self, other: &Self) -> bool {
        self.types == other.types
    }
}

impl ExpectedReply {
    /// Makes the expectation of this encoded reply. With types, another encoding of the same message is right too.
    #[must_use]
    pub fn new(message: Bytes, types: Option<Arc<Types>>) -> Self {
        Self { message, types }
    }
}

impl FirstReply {
    /// Makes the expectation of a first reply that has not arrived yet.
    #[must_use]
    pub fn new(types: Option<Arc<Types>>) -> Self {
        Self { message: OnceLock::new(), types }
    }
}

/// An expected reply with one text.
#[derive(Clone, PartialEq, Eq)]
pub struct ExpectedText {
    /// The reply in protobuf's usual encoding, behind gRPC's prefix.
    framed: Bytes,
    /// Offset of the text in `framed`.
    text_at: usize,
    /// Number of the field with the text.
    field: u32,
}

/// Message bytes of a request, and of its reply if they are known before the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// Message bytes of the request.
    pub(crate) request: u64,
    /// Message bytes of the expected reply.
    pub(crate) reply: Option<u64>,
}

impl Message {
    /// Message bytes of the request.
    #[must_use]
    pub fn request_bytes(&self) -> u64 {
        self.request.len() as u64
    }

    /// Message bytes of the reply, if they are known before the call.
    #[must_use]
    pub fn reply_bytes(&self) -> Option<u64> {
        match &self.expectation {
            Expectation::Any | Expectation::Decodes(_) | Expectation::Same(_) | Expectation::Checks(_) => {
                None
            }
            Expectation::Equal(expected) => Some(expected.message.len() as u64),
            Expectation::Text(expected) => Some((expected.framed.len() - PREFIX_BYTES) as u64),
        }
    }

    pub(crate) fn sizes(&self) -> Sizes {
        Sizes { request: self.request_bytes(), reply: self.reply_bytes() }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Message of {} B", self.request.len())
    }
}

impl ExpectedText {
    /// Makes the expectation of this reply behind gRPC's prefix, which ends with the text of field `field`.
    pub(super) fn new(framed: Bytes, text_at: usize, field: u32) -> Self {
        Self { framed, text_at, field }
    }

    /// The reply in protobuf's usual encoding, behind gRPC's prefix.
    pub(crate) fn framed(&self) -> &[u8] {
        &self.framed
    }

    /// The reply in protobuf's usual encoding.
    pub(crate) fn message(&self) -> &[u8] {
        &self.framed[PREFIX_BYTES..]
    }

    /// The text, which is UTF-8.
    pub(crate) fn text(&self) -> &[u8] {
        &self.framed[self.text_at..]
    }

    /// Number of the field with the text.
    pub(crate) fn field(&self) -> u32 {
        self.field
    }
}

impl fmt::Debug for ExpectedText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "text of {} B", self.text().len())
    }
}

/// gRPC's prefix of a message.
pub(crate) fn prefix(flag: u8, message_bytes: usize) -> [u8; PREFIX_BYTES] {
    // Messages are at most 2 GiB.
    let [first, second, third, fourth] = u32::try_from(message_bytes).unwrap_or(u32::MAX).to_be_bytes();
    [flag, first, second, third, fourth]
}
