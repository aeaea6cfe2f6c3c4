//! Reasons to stop reading a reply.

/// Reason to stop reading a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The prefix claims more message bytes than the limit allows.
    OverLimit(u64),
    /// The reply decompresses to more message bytes than the limit allows.
    UnpacksOverLimit,
    /// The reply violates gRPC or protobuf, or is not of the expected type.
    Malformed(&'static str),
}
