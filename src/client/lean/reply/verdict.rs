//! Results of reading a reply.

use crate::rpc::Difference;

/// Reason to stop reading a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The prefix claims more message bytes than the limit allows.
    OverLimit(u64),
    /// The reply decompresses to more message bytes than the limit allows.
    UnpacksOverLimit,
    /// The reply violates gRPC or protobuf.
    Malformed(&'static str),
}

/// Result of verifying a reply of a call with status OK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReplyCheck {
    Right,
    Wrong(Difference),
    Missing,
    /// The reply ended before the length that its prefix claims.
    Short,
}
