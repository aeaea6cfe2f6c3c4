//! Results of reading a reply.

use crate::rpc::Difference;

/// Why a reply need not be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Its prefix claims more message bytes than the limit has.
    OverLimit(u64),
    /// It decompresses to more message bytes than the limit has.
    UnpacksOverLimit,
    /// It is not what gRPC or protobuf allow.
    Malformed(&'static str),
}

/// What a reply amounts to when the call has ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReplyCheck {
    Right,
    Wrong(Difference),
    Missing,
    /// It ended before the length that its prefix claims.
    Short,
}
