//! Texts of an exact message size, by kind, with the reply that each must bring.
//!
//! Everything is built once, before the run. Which message of a mix call number `k` sends depends
//! on the seed and on `k` alone, so that workers and shards need not agree on anything.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    random::bits,
    units::{ByteSize, grouped},
};

/// The largest message that can be asked for: protobuf's own limit, 2 GiB - 1.
pub const LARGEST_MESSAGE: u64 = (1 << 31) - 1;

/// Texts and expected replies of a whole mix take at most this much memory.
pub const LARGEST_MIX: u64 = 6 << 30;

/// A mix has at most this many sizes: each has a histogram of its own in every worker.
pub const MOST_SIZES: usize = 64;

/// What a text is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextKind {
    /// Lower-case letters, digits and spaces.
    Ascii,
    /// One valid JSON value: a command object as soon as there is room for one.
    Json,
    /// Characters of one to four bytes; a few grow or shrink when upper-cased.
    Unicode,
    /// U+0390, whose two bytes become six when upper-cased: a reply three times as long.
    Expanding,
}

/// One size of a mix: exact message bytes, and how often it is sent relative to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Length of the encoded message, without gRPC's 5-byte prefix.
    pub message_bytes: ByteSize,
    /// From 1.
    pub weight: u32,
}

/// The sizes of a run. Written `64`, or `1KiB@90,5MiB@10`; the weight is 1 where it is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix(pub Vec<Share>);

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

/// The messages of a run, and how often each is sent.
#[derive(Debug, Clone)]
pub struct Payload {
    messages: Arc<[Message]>,
    /// For each message, the sum of its weight and of those before it.
    cumulative_weights: Vec<u64>,
    seed: u64,
}

/// Why there is no such payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// A share of a mix is not written as it must be.
    #[error(
        "`{got}` in the sizes: {reason}; write sizes with optional weights, such as `64` or `1KiB@90,5MiB@10`"
    )]
    Share {
        /// The share as it was written.
        got: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A message is over protobuf's limit.
    #[error("a message of {} bytes is over protobuf's limit; ask for {} bytes at most", grouped(*.0), grouped(LARGEST_MESSAGE))]
    TooLarge(u64),
    /// All the texts together would take too much memory.
    #[error("the texts and expected replies of these sizes take {} of memory; {} at most, so ask for smaller or fewer sizes", ByteSize(*.0), ByteSize(LARGEST_MIX))]
    MixTooLarge(u64),
}

impl FromStr for Mix {
    type Err = PayloadError;

    fn from_str(text: &str) -> Result<Self, PayloadError> {
        let mut shares: Vec<Share> = Vec::new();
        for written in text.split(',') {
            let error = |reason: String| PayloadError::Share { got: written.to_owned(), reason };
            let (size, weight) = written.split_once('@').unwrap_or((written, "1"));
            let message_bytes: ByteSize =
                size.parse().map_err(|cause: crate::units::QuantityError| error(cause.to_string()))?;
            let weight = weight.trim().parse().ok().filter(|weight| *weight > 0);
            let weight = weight.ok_or_else(|| error("the weight is not a whole number from 1".to_owned()))?;
            if message_bytes.0 > LARGEST_MESSAGE {
                return Err(PayloadError::TooLarge(message_bytes.0));
            }
            if shares.iter().any(|share| share.message_bytes == message_bytes) {
                return Err(error("this size stands twice".to_owned()));
            }
            shares.push(Share { message_bytes, weight });
        }
        if shares.len() > MOST_SIZES {
            let reason = format!("{} sizes are more than the {MOST_SIZES} that a mix can have", shares.len());
            return Err(PayloadError::Share { got: text.to_owned(), reason });
        }
        Ok(Self(shares))
    }
}

/// Message bytes of a text: tag, length as a varint, and the text; nothing at all when it is empty.
#[must_use]
pub fn message_bytes_of(text_bytes: u64) -> u64 {
    match text_bytes {
        0 => 0,
        bytes => 1 + varint_bytes(bytes) + bytes,
    }
}

/// Length of the longest text whose message is no larger than this.
#[must_use]
pub fn longest_text_within(message_bytes: u64) -> u64 {
    // The text is at most ten bytes shorter than its message.
    let fits = |text_bytes: &u64| message_bytes_of(*text_bytes) <= message_bytes;
    (message_bytes.saturating_sub(11)..=message_bytes).rev().find(fits).unwrap_or(0)
}

/// The largest size up to `message_bytes` that a text can make, and the smallest from it on.
///
/// The two are equal but where the length's varint grows by a byte (1, 2, 130, 16,387, ...).
#[must_use]
pub fn reachable_around(message_bytes: u64) -> (u64, u64) {
    if message_bytes == 0 {
        return (0, 0);
    }
    let fitting = longest_text_within(message_bytes);
    let below = message_bytes_of(fitting);
    let above = if below == message_bytes { below } else { message_bytes_of(fitting + 1) };
    (below, above)
}

/// The size nearest to `message_bytes` that a text can make, the smaller one of two equally near.
#[must_use]
pub fn nearest_reachable(message_bytes: u64) -> u64 {
    let (below, above) = reachable_around(message_bytes);
    if message_bytes - below <= above - message_bytes { below } else { above }
}

/// Length of the text whose message has this reachable size.
fn text_bytes_of(reachable: u64) -> u64 {
    // A varint has at most ten bytes, so the search ends within a few steps.
    (reachable.saturating_sub(11)..=reachable)
        .find(|text_bytes| message_bytes_of(*text_bytes) == reachable)
        .unwrap_or(0)
}

fn varint_bytes(number: u64) -> u64 {
    u64::from((u64::BITS - (number | 1).leading_zeros()).div_ceil(7))
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
    fn of_size(kind: TextKind, message_bytes: u64) -> Self {
        let text_bytes = text_bytes_of(nearest_reachable(message_bytes));
        Self::new(kind.text(usize::try_from(text_bytes).unwrap_or(usize::MAX)))
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Message of {} B, reply of {} B", self.request_bytes, self.reply_bytes)
    }
}

impl Payload {
    /// The messages of a mix. Sizes that no text can make become the nearest that can.
    ///
    /// # Errors
    /// When the texts and replies would take more than [`LARGEST_MIX`] bytes.
    pub fn new(mix: &Mix, kind: TextKind, seed: u64) -> Result<Self, PayloadError> {
        let growth = if kind == TextKind::Expanding { 4 } else { 2 };
        let total = mix.0.iter().map(|share| share.message_bytes.0.saturating_mul(growth));
        let total = total.fold(0, u64::saturating_add);
        if total > LARGEST_MIX {
            return Err(PayloadError::MixTooLarge(total));
        }
        let mut sum = 0;
        Ok(Self {
            messages: mix.0.iter().map(|share| Message::of_size(kind, share.message_bytes.0)).collect(),
            cumulative_weights: mix
                .0
                .iter()
                .map(|share| {
                    sum += u64::from(share.weight);
                    sum
                })
                .collect(),
            seed,
        })
    }

    /// A payload of one message with this very text.
    ///
    /// # Errors
    /// When the message is larger than [`LARGEST_MESSAGE`].
    pub fn of_text(text: String) -> Result<Self, PayloadError> {
        let message_bytes = message_bytes_of(text.len() as u64);
        if message_bytes > LARGEST_MESSAGE {
            return Err(PayloadError::TooLarge(message_bytes));
        }
        Ok(Self { messages: [Message::new(text)].into(), cumulative_weights: vec![1], seed: 0 })
    }

    /// The messages, in the order of the mix.
    #[must_use]
    pub fn messages(&self) -> &Arc<[Message]> {
        &self.messages
    }

    /// How often each message is sent, relative to the others, in the order of the mix.
    #[must_use]
    pub fn weights(&self) -> Vec<u64> {
        let before = std::iter::once(0).chain(self.cumulative_weights.iter().copied());
        self.cumulative_weights.iter().zip(before).map(|(sum, before)| sum - before).collect()
    }

    /// Which message call number `k` sends, as an index of [`Payload::messages`].
    #[must_use]
    pub fn pick(&self, k: u64) -> usize {
        let [.., total] = self.cumulative_weights[..] else { return 0 };
        if self.messages.len() == 1 {
            return 0;
        }
        let point = bits(self.seed ^ bits(k)) % total;
        self.cumulative_weights.partition_point(|sum| *sum <= point)
    }
}

impl TextKind {
    /// A text of exactly this many bytes.
    fn text(self, bytes: usize) -> String {
        match self {
            Self::Ascii => {
                filled("the load line shows how deep she may lie in salt water 0123456789 ", bytes)
            }
            Self::Json => json(bytes),
            // Upper-casing these is the same in every Unicode version since 4.0.
            Self::Unicode => filled(
                "gr\u{fc}\u{df}e \u{3bd}\u{3b1}\u{3cd}\u{3c4}\u{3b7}\u{3c2} \u{390} \u{43c}\u{43e}\u{440}\u{435} \u{fb01}n \u{131} \u{8239} \u{1f6a2} \u{10428} ",
                bytes,
            ),
            Self::Expanding => filled("\u{390}", bytes),
        }
    }
}

/// The pattern over and over; where the next character has no room any more, the letter a.
fn filled(pattern: &str, bytes: usize) -> String {
    let mut text = pattern.repeat(bytes / pattern.len());
    text.reserve_exact(bytes - text.len());
    for character in pattern.chars() {
        if text.len() + character.len_utf8() > bytes {
            break;
        }
        text.push(character);
    }
    text.extend(std::iter::repeat_n('a', bytes - text.len()));
    text
}

/// A JSON value of exactly this many bytes; an empty text when there are none.
fn json(bytes: usize) -> String {
    const HEAD: &str = r#"{"command":"format","cargo":["#;
    const ITEM: &str = r#"{"name":"salt","tonnes":12.5,"hold":"fore"}"#;
    const TAIL: &str = r#"],"note":""#;
    const END: &str = r#""}"#;
    const FRAME: usize = HEAD.len() + ITEM.len() + TAIL.len() + END.len();
    match bytes {
        0 => String::new(),
        1 => "7".to_owned(),
        2..FRAME => format!("\"{}\"", filled("salt ", bytes - 2)),
        _ => {
            let further = (bytes - FRAME) / (ITEM.len() + 1);
            let items = format!("{ITEM},").repeat(further);
            let note = filled("deep ", bytes - FRAME - items.len());
            [HEAD, &items, ITEM, TAIL, &note, END].concat()
        }
    }
}

#[cfg(test)]
mod tests;
