//! Results of reading a reply.

use crate::rpc::Difference;

/// Result of verifying a reply of a call with status OK.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReplyCheck {
    /// The reply is as expected.
    Right,
    /// The reply is another one.
    Wrong(Difference),
    /// There is no reply.
    Missing,
    /// The reply ended before the length that its prefix claims.
    Short,
}
