//! One message: its text, the expected reply, and the encoded length of both.

use std::fmt;

use super::{
    size::{message_bytes_of, nearest_reachable, text_bytes_of},
    text::TextKind,
};

/// One text, the reply it must bring, and the encoded length of both.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The text of the request.
    pub text: String,
    /// The text that the reply must have.
    pub expected: String,
    /// Message bytes of the request.
    pub request_bytes: u64,
    /// Message bytes of the reply.
    pub reply_bytes: u64,
}

impl Message {
    /// A message with this text.
    #[must_use]
    pub fn new(text: String) -> Self {
        let expected = text.to_uppercase();
        let request_bytes = message_bytes_of(text.len() as u64);
        let reply_bytes = message_bytes_of(expected.len() as u64);
        Self { text, expected, request_bytes, reply_bytes }
    }

    /// A message with letters, digits and spaces of this length, which its reply has too.
    #[must_use]
    pub fn plain(text_bytes: u64) -> Self {
        Self::new(TextKind::Ascii.text(usize::try_from(text_bytes).unwrap_or(usize::MAX)))
    }

    /// A message whose text has at most `room` bytes, and the reply's text exactly `reply_text_bytes`: with
    /// as few characters that grow when upper-cased as it takes. `None` where they do not grow enough.
    #[must_use]
    pub fn growing(reply_text_bytes: u64, room: u64) -> Option<Self> {
        // U+0390 has two bytes, and six in upper case.
        let growing = reply_text_bytes.saturating_sub(room).div_ceil(4);
        let plain = reply_text_bytes.checked_sub(growing * 6)?;
        let to_usize = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
        Some(Self::new(
            TextKind::Expanding.text(to_usize(growing * 2)) + &TextKind::Ascii.text(to_usize(plain)),
        ))
    }

    /// A message of the reachable size nearest to `message_bytes`.
    pub(crate) fn of_size(kind: TextKind, message_bytes: u64) -> Self {
        let text_bytes = text_bytes_of(nearest_reachable(message_bytes));
        Self::new(kind.text(usize::try_from(text_bytes).unwrap_or(usize::MAX)))
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Message of {} B, reply of {} B", self.request_bytes, self.reply_bytes)
    }
}
