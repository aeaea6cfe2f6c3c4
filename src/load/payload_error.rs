//! Errors of messages that cannot be built.

use crate::{
    rpc::LARGEST_MESSAGE,
    units::{ByteSize, grouped},
};

/// Upper bound for the memory of all texts and expected replies of a mix, in bytes.
pub(super) const LARGEST_MIX: u64 = 6 << 30;

/// Most messages of the user's data.
pub(super) const MOST_MESSAGES: usize = 1_000_000;

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
    /// There is no message.
    #[error("there is no message to send; give at least one")]
    NoMessages,
    /// There are too many messages.
    #[error("the data has {} messages; {} at most", grouped(*.0), grouped(MOST_MESSAGES as u64))]
    TooMany(u64),
    /// The check of replies does not fit the method.
    #[error("the check `{expect}` {why}")]
    Expect {
        /// The check.
        expect: &'static str,
        /// The reason, and the way out.
        why: &'static str,
    },
    /// All texts together would take too much memory.
    #[error("the messages and expected replies take {} of memory; {} at most, so ask for smaller or fewer messages", ByteSize(*.0), ByteSize(LARGEST_MIX))]
    MixTooLarge(u64),
}
