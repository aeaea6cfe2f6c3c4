//! Messages of a run, and the choice of a message for call `k`.

use std::{str::FromStr, sync::Arc};

use prost::bytes::Bytes;

use super::{
    corpus::{Corpus, Expect, Pick},
    payload_error::{LARGEST_MIX, PayloadError},
};
use crate::{
    rpc::{
        Checks, Expectation, FirstReply, LARGEST_MESSAGE, Message, Method,
        format_data::{self, TextKind, message_bytes_of},
    },
    units::{ByteSize, draw},
};

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
    choice: Choice,
    seed: u64,
}

/// Choice of the message for a call.
#[derive(Debug, Clone)]
enum Choice {
    /// By weight. Each number is the sum of a message's weight and the weights before it.
    Weights(Vec<u64>),
    /// By the user's wish.
    Pick(Pick),
}

impl Default for Choice {
    fn default() -> Self {
        Self::Pick(Pick::Cycle)
    }
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
            choice: Choice::Weights(
                mix.0
                    .iter()
                    .map(|share| {
                        sum += u64::from(share.weight);
                        sum
                    })
                    .collect(),
            ),
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
        Ok(Self { messages: [format_data::message(text)].into(), choice: Choice::default(), seed: 0 })
    }

    /// Builds the messages of the user's data, for calls of this method.
    ///
    /// # Errors
    /// Fails if the check of replies does not fit the method.
    pub fn of_corpus(corpus: &Corpus, method: &Method, seed: u64) -> Result<Self, PayloadError> {
        let expectation = corpus.expectation(method).ok_or_else(|| {
            let why = match corpus.expect() {
                Expect::Upper => "is for example.FormatData/DoFormat alone; use `decodes` or `ok`",
                _ => "needs the method's schema; give --proto or --protoset, or use `ok`",
            };
            PayloadError::Expect { expect: corpus.expect().name(), why }
        })?;
        let message = |request: &Bytes| Message {
            request: request.clone(),
            // Each message has a first reply of its own.
            expectation: match &expectation {
                Expectation::Same(_) => {
                    Expectation::Same(Arc::new(FirstReply::new(method.shared_types().cloned())))
                }
                other => match method.types().filter(|_| !corpus.checks().is_empty()) {
                    Some(types) => Expectation::Checks(Arc::new(Checks::of(types, corpus.checks(), request))),
                    None => other.clone(),
                },
            },
            class: 0,
        };
        let messages = corpus.requests().iter().map(message).collect();
        Ok(Self { messages, choice: Choice::Pick(corpus.pick()), seed })
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
    pub fn class_of(&self, message: usize) -> u8 {
        self.messages.get(message).map_or(0, |message| message.class)
    }

    /// Relative weights of the messages, in the order of the mix.
    #[must_use]
    pub fn weights(&self) -> Vec<u64> {
        let Choice::Weights(sums) = &self.choice else { return vec![1; self.messages.len()] };
        let before = std::iter::once(0).chain(sums.iter().copied());
        sums.iter().zip(before).map(|(sum, before)| sum - before).collect()
    }

    /// Returns the index in [`Payload::messages`] of the message that call number `k` sends.
    #[must_use]
    pub fn pick(&self, k: u64) -> usize {
        if self.messages.len() <= 1 {
            return 0;
        }
        let messages = self.messages.len() as u64;
        let place = match &self.choice {
            Choice::Weights(sums) => {
                let point = draw(self.seed, k) % sums.last().copied().unwrap_or(1);
                return sums.partition_point(|sum| *sum <= point);
            }
            Choice::Pick(Pick::Random) => draw(self.seed, k) % messages,
            Choice::Pick(Pick::Cycle) => k % messages,
        };
        usize::try_from(place).unwrap_or(0)
    }
}

#[cfg(test)]
#[path = "payload_tests.rs"]
mod tests;
