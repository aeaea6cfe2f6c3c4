//! Messages of a run, and the choice of a message for call `k`.

use std::{str::FromStr, sync::Arc};

use crate::{
    rpc::{
        LARGEST_MESSAGE, Message,
        format_data::{self, TextKind, message_bytes_of},
    },
    units::{ByteSize, draw, grouped},
};

/// Upper bound for the memory of all texts and expected replies of a mix, in bytes.
pub const LARGEST_MIX: u64 = 6 << 30;

/// Most sizes in a mix. Each size has its own histogram in every worker.
pub const MOST_SIZES: usize = 64;

/// One size of a mix: exact message bytes and a relative weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Length of the encoded message, without gRPC's 5-byte prefix.
    pub message_bytes: ByteSize,
    /// Relative frequency of this size, from 1.
    pub weight: u32,
}

/// Sizes of a run with their weights. Written `64`, or `1KiB@90,5MiB@10`; the default weight is 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix(pub Vec<Share>);

/// Messages of a run with their relative weights.
#[derive(Debug, Clone, Default)]
pub struct Payload {
    messages: Arc<[Message]>,
    /// Sum of each message's weight and the weights before it.
    cumulative_weights: Vec<u64>,
    seed: u64,
}

/// Error for a payload that cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// A share of a mix has the wrong form.
    #[error(
        "`{got}` in the sizes: {reason}; write sizes with optional weights, such as `64` or `1KiB@90,5MiB@10`"
    )]
    Share {
        /// The share as written.
        got: String,
        /// The fault in the share.
        reason: String,
    },
    /// A message is over protobuf's size limit.
    #[error("a message of {} bytes is over protobuf's limit; use {} bytes at most", grouped(*.0), grouped(LARGEST_MESSAGE))]
    TooLarge(u64),
    /// All texts together would take too much memory.
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
                return Err(error("this size is listed twice".to_owned()));
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

impl Payload {
    /// Builds the messages of a mix. A size that no text encodes to becomes the nearest reachable size.
    ///
    /// # Errors
    /// Fails if the texts and replies would take more than [`LARGEST_MIX`] bytes.
    pub fn new(mix: &Mix, kind: TextKind, seed: u64) -> Result<Self, PayloadError> {
        let growth = if kind == TextKind::Expanding { 4 } else { 2 };
        let total = mix.0.iter().map(|share| share.message_bytes.0.saturating_mul(growth));
        let total = total.fold(0, u64::saturating_add);
        if total > LARGEST_MIX {
            return Err(PayloadError::MixTooLarge(total));
        }
        let mut sum = 0;
        Ok(Self {
            // A mix has at most 64 sizes.
            messages: (0_u8..)
                .zip(&mix.0)
                .map(|(class, share)| Message { class, ..format_data::of_size(kind, share.message_bytes.0) })
                .collect(),
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

    /// Builds a payload of one message with exactly this text.
    ///
    /// # Errors
    /// Fails if the message is larger than [`LARGEST_MESSAGE`].
    pub fn of_text(text: String) -> Result<Self, PayloadError> {
        let message_bytes = message_bytes_of(text.len() as u64);
        if message_bytes > LARGEST_MESSAGE {
            return Err(PayloadError::TooLarge(message_bytes));
        }
        Ok(Self { messages: [format_data::message(text)].into(), cumulative_weights: vec![1], seed: 0 })
    }

    /// The messages, in the order of the mix.
    #[must_use]
    pub fn messages(&self) -> &Arc<[Message]> {
        &self.messages
    }

    /// Number of rows of the result that the messages share: at least 1, unless there are no messages.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.messages.iter().map(|message| usize::from(message.class) + 1).max().unwrap_or(0)
    }

    /// Row of the result that counts the calls of this message.
    #[must_use]
    pub fn class_of(&self, message: usize) -> usize {
        self.messages.get(message).map_or(0, |message| usize::from(message.class))
    }

    /// Relative weights of the messages, in the order of the mix.
    #[must_use]
    pub fn weights(&self) -> Vec<u64> {
        let before = std::iter::once(0).chain(self.cumulative_weights.iter().copied());
        self.cumulative_weights.iter().zip(before).map(|(sum, before)| sum - before).collect()
    }

    /// Returns the index in [`Payload::messages`] of the message that call number `k` sends.
    #[must_use]
    pub fn pick(&self, k: u64) -> usize {
        let [.., total] = self.cumulative_weights[..] else { return 0 };
        if self.messages.len() == 1 {
            return 0;
        }
        let point = draw(self.seed, k) % total;
        self.cumulative_weights.partition_point(|sum| *sum <= point)
    }
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
