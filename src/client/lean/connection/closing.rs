//! State of a connection that is closing.

use std::time::Duration;

use crate::rpc::Failure;

/// Most retries of a sent call that the server did not process. gRFC A6 has one such transparent retry. A
/// call that was never sent is given back without limit.
pub(crate) const MOST_RETURNS: u8 = 2;

/// Longest time for which a call's last try is held on a connection with nothing in flight.
pub(super) const LONGEST_HOLD: Duration = Duration::from_millis(10);

/// Reason why no further stream may be opened on a connection.
#[derive(Debug, Clone)]
pub(super) struct Closing {
    pub(super) failure: Failure,
    /// True if the server still answers the calls that it took: GOAWAY with `NO_ERROR`, or no stream number
    /// left.
    pub(super) is_graceful: bool,
}
