//! Classification of tonic's errors: deadlines, lost connections, reset streams.

use std::error::Error;

use tonic::{Status, TimeoutExpired};

use crate::{
    client::lean::frame::ErrorCode,
    rpc::{Code, Outcome, TONIC_TIMEOUT},
};

/// Adds tonic's error to an outcome that HTTP or HTTP/2 decided. An application's log contains tonic's text.
pub(super) fn in_both_words(mut outcome: Outcome, status: &Status) -> Outcome {
    let heard =
        format!("; tonic reports {}, `{}`", Code::from_number(status.code().into()), status.message());
    match &mut outcome {
        Outcome::Refused(refusal) => refusal.message += &heard,
        Outcome::Failed(failure) => failure.message += &heard,
        _ => {}
    }
    outcome
}

/// Returns true for an expired deadline. A server built with tonic ends a late call with the same text as
/// tonic's client.
pub(crate) fn is_timeout(status: &Status) -> bool {
    status.message() == TONIC_TIMEOUT || sources(status).any(<dyn Error>::is::<TimeoutExpired>)
}

/// Returns true if the connection was lost, rather than one stream reset or one reply malformed.
///
/// The code does not show it: calls on a lost connection get CANCELLED, UNKNOWN, INTERNAL or
/// `RESOURCE_EXHAUSTED` from tonic.
pub(super) fn is_broken(status: &Status) -> bool {
    let mut has_source = false;
    for source in sources(status) {
        has_source = true;
        if let Some(error) = source.downcast_ref::<h2::Error>() {
            return !error.is_reset();
        }
        if let Some(error) = source.downcast_ref::<hyper::Error>()
            && (error.is_canceled()
                || error.is_closed()
                || error.is_incomplete_message()
                || error.is_timeout())
        {
            return true;
        }
    }
    // The remaining errors come from connecting and from reading or writing the socket. A status without a
    // source is about the reply's contents.
    has_source
}

/// Error code with which the server reset the call's stream, or `None`.
pub(super) fn reset_by_server(status: &Status) -> Option<ErrorCode> {
    let error = sources(status).find_map(|source| source.downcast_ref::<h2::Error>())?;
    error.reason().filter(|_| error.is_reset() && error.is_remote()).map(|reason| ErrorCode(reason.into()))
}

pub(super) fn sources<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |error| (*error).source())
}

/// Describes an error with its causes, each of them once.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = match error.downcast_ref::<Status>() {
        Some(status) => status.message().to_owned(),
        None => error.to_string(),
    };
    for source in sources(error) {
        let cause = source.to_string();
        if !text.contains(&cause) {
            text = if text.is_empty() { cause } else { format!("{text}: {cause}") };
        }
    }
    text
}
