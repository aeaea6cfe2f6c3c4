//! Lengths of texts and of their encoded messages.

/// Length of the encoded message for a text: tag, length as a varint, and the text. An empty text takes 0
/// bytes.
#[must_use]
pub fn message_bytes_of(text_bytes: u64) -> u64 {
    match text_bytes {
        0 => 0,
        bytes => 1 + varint_bytes(bytes) + bytes,
    }
}

/// Length of the longest text whose message has at most `message_bytes`.
#[must_use]
pub fn longest_text_within(message_bytes: u64) -> u64 {
    // The text is at most ten bytes shorter than its message.
    let fits = |text_bytes: &u64| message_bytes_of(*text_bytes) <= message_bytes;
    (message_bytes.saturating_sub(11)..=message_bytes).rev().find(fits).unwrap_or(0)
}

/// Returns the largest reachable size up to `message_bytes` and the smallest reachable size from it on. A
/// size is reachable if some text encodes to it.
///
/// The two sizes are equal except where the length's varint grows by a byte (1, 2, 130, 16,387, ...).
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

/// Returns the reachable size nearest to `message_bytes`; of two equally near sizes, the smaller one.
#[must_use]
pub fn nearest_reachable(message_bytes: u64) -> u64 {
    let (below, above) = reachable_around(message_bytes);
    if message_bytes - below <= above - message_bytes { below } else { above }
}

/// Length of the text whose message has this reachable size.
pub(super) fn text_bytes_of(reachable: u64) -> u64 {
    // A varint has at most ten bytes, so the search ends within a few steps.
    (reachable.saturating_sub(11)..=reachable)
        .find(|text_bytes| message_bytes_of(*text_bytes) == reachable)
        .unwrap_or(0)
}

fn varint_bytes(number: u64) -> u64 {
    u64::from((u64::BITS - (number | 1).leading_zeros()).div_ceil(7))
}
