//! A connection that ends.

use std::time::Duration;

use crate::rpc::Failure;

/// How often a call that was sent is given back because the server did not process it, before it fails.
/// gRFC A6 has one such transparent retry; a call that was never sent is given back without limit.
pub(crate) const MOST_RETURNS: u8 = 2;

/// How long a call's last try is held on a connection on which nothing is in flight.
pub(super) const LONGEST_HOLD: Duration = Duration::from_millis(10);

/// Why no further stream may be opened on a connection.
#[derive(Debug, Clone)]
pub(super) struct Closing {
    pub(super) failure: Failure,
    /// Whether calls that the server took are still answered: GOAWAY with `NO_ERROR`, or no stream number left.
    pub(super) is_graceful: bool,
}
