//! Messages of the built-in method: texts of exact size, and the expected replies.

use std::sync::Arc;

use prost::{
    Message as _,
    bytes::Bytes,
    encoding::{WireType, encode_key, encode_varint},
};

use super::{
    pb::Data,
    size::{nearest_reachable, text_bytes_of},
    text::TextKind,
};
use crate::rpc::{
    message::{Expectation, ExpectedText, Message, prefix},
    outcome::Difference,
};

/// Number of the field with the text, in the request and in the reply.
const TEXT_FIELD: u32 = 1;

/// Makes a message with this text.
#[must_use]
pub fn message(text: String) -> Message {
    let upper = text.to_uppercase();
    let (request, _) = behind(head_of(text.len()), text);
    let head = head_of(upper.len());
    let prefix = prefix(0, head.len() + upper.len());
    let (framed, text_at) = behind([prefix.as_slice(), &head].concat(), upper);
    let expected = ExpectedText::new(framed, text_at, TEXT_FIELD);
    Message { request, expectation: Expectation::Text(Arc::new(expected)), class: 0 }
}

/// Makes a message of letters, digits and spaces with this text length. The reply has the same length.
#[must_use]
pub fn plain(text_bytes: u64) -> Message {
    message(TextKind::Ascii.text(usize::try_from(text_bytes).unwrap_or(usize::MAX)))
}

/// Makes a message whose request text has at most `room` bytes and whose reply text has exactly
/// `reply_text_bytes`. The text has the fewest characters that grow when upper-cased. Returns `None` if the
/// growth is too small.
#[must_use]
pub fn growing(reply_text_bytes: u64, room: u64) -> Option<Message> {
    // U+0390 has two bytes, and six bytes in upper case.
    let growing = reply_text_bytes.saturating_sub(room).div_ceil(4);
    let plain = reply_text_bytes.checked_sub(growing * 6)?;
    let to_usize = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
    Some(message(TextKind::Expanding.text(to_usize(growing * 2)) + &TextKind::Ascii.text(to_usize(plain))))
}

/// Makes a message of the reachable size nearest to `message_bytes`.
pub(crate) fn of_size(kind: TextKind, message_bytes: u64) -> Message {
    let text_bytes = text_bytes_of(nearest_reachable(message_bytes));
    message(kind.text(usize::try_from(text_bytes).unwrap_or(usize::MAX)))
}

/// Decodes the request of a message that [`message`] made.
pub(crate) fn data(message: &Message) -> Data {
    Data::decode(message.request.clone()).unwrap_or_default()
}

/// Returns the first difference between the reply's text and the expected text of a message that [`message`]
/// made, if there is one.
pub(crate) fn difference(message: &Message, got: &str) -> Option<Difference> {
    let Expectation::Text(expected) = &message.expectation else { return None };
    if expected.text() == got.as_bytes() {
        return None;
    }
    Difference::between(&String::from_utf8_lossy(expected.text()), got)
}

/// Bytes of a message before its text. An empty text has no tag.
fn head_of(text_bytes: usize) -> Vec<u8> {
    let mut head = Vec::new();
    if text_bytes > 0 {
        encode_key(TEXT_FIELD, WireType::LengthDelimited, &mut head);
        encode_varint(text_bytes as u64, &mut head);
    }
    head
}

/// Puts a text behind these bytes, without a second copy of it. Returns the bytes and the offset of the text.
fn behind(head: Vec<u8>, text: String) -> (Bytes, usize) {
    let text_at = head.len();
    let mut bytes = text.into_bytes();
    bytes.splice(0..0, head);
    bytes.shrink_to_fit();
    (bytes.into(), text_at)
}
