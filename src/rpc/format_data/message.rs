//! One message: its text, the expected reply, and the encoded length of both.

use std::fmt;

use super::{
    size::{message_bytes_of, nearest_reachable, text_bytes_of},
    text::TextKind,
};

/// One request text, the expected reply text, and the encoded length of both messages.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// The text of the request.
    pub text: String,
    /// The expected text of the reply.
    pub expected: String,
    /// Length of the encoded request, in message bytes.
    pub request_bytes: u64,
    /// Length of the encoded reply, in message bytes.
    pub reply_bytes: u64,
}

impl Message {
    /// Makes a message with this text.
    #[must_use]
    pub fn new(text: String) -> Self {
        let expected = text.to_uppercase();
        let request_bytes = message_bytes_of(text.len() as u64);
        let reply_bytes = message_bytes_of(expected.len() as u64);
        Self { text, expected, request_bytes, reply_bytes }
    }

    /// Makes a message of letters, digits and spaces with this text length. The reply has the same length.
    #[must_use]
    pub fn plain(text_bytes: u64) -> Self {
        Self::new(TextKind::Ascii.text(usize::try_from(text_bytes).unwrap_or(usize::MAX)))
    }

    /// Makes a message whose request text has at most `room` bytes and whose reply text has exactly
    /// `reply_text_bytes`. The text has the fewest characters that grow when upper-cased. Returns `None` if
    /// the growth is too small.
    #[must_use]
    pub fn growing(reply_text_bytes: u64, room: u64) -> Option<Self> {
        // U+0390 has two bytes, and six bytes in upper case.
        let growing = reply_text_bytes.saturating_sub(room).div_ceil(4);
        let plain = reply_text_bytes.checked_sub(growing * 6)?;
        let to_usize = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
        Some(Self::new(
            TextKind::Expanding.text(to_usize(growing * 2)) + &TextKind::Ascii.text(to_usize(plain)),
        ))
    }

    /// Makes a message of the reachable size nearest to `message_bytes`.
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
