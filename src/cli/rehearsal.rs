//! Rehearsal: one call before the load, so that a missing method is reported at once and not after a run.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::{
    client::{self, CallError, Reply},
    endpoint::Located,
    load::{ClientKind, Expect, Options, Plan},
    rpc::{Code, Difference, Expectation, Message, metadata::Pair, reply::difference},
    units::Limit,
};

/// Longest time of the rehearsal call. A slower server is tested anyway: the run shows that it is slow.
const PATIENCE: Duration = Duration::from_secs(1);

/// Longest time of the rehearsal call of another method, without a deadline of the calls.
const LONG_PATIENCE: Duration = Duration::from_secs(10);

/// Makes the first call of another method.
///
/// # Errors
/// The call does not end with OK, or cannot be made with these options.
pub(super) fn rehearse_other(target: &Located, plan: &Plan) -> Result<()> {
    let Some(message) = plan.payload().messages().first() else { return Ok(()) };
    let any = Message { expectation: Expectation::Any, ..message.clone() };
    let timeout = plan.options.timeout.or(Some(LONG_PATIENCE));
    let options = Options { timeout, client: ClientKind::Lean, ..plan.options.clone() };
    match client::call_method(target, &options, plan.method(), &any) {
        Ok(Reply { bytes: Some(bytes), .. }) if plan.expect != Some(Expect::Same) => {
            let Some(Difference { expected, got, .. }) = difference(message, &bytes) else { return Ok(()) };
            bail!(
                "the first reply is wrong: expected {expected}, got {got}; nothing was measured; --no-rehearsal measures it anyway"
            )
        }
        Ok(reply) if !reply.is_ok() => refuse_mistaken(target, &reply).and_then(|()| {
            bail!(
                "the first call ended with {}; nothing was measured; --no-rehearsal measures it anyway",
                reply.status
            )
        }),
        Err(error @ (CallError::Plan(_) | CallError::Setup(_))) => Err(error.into()),
        Ok(_) | Err(CallError::Open(_)) => Ok(()),
    }
}

/// Returns true for codes that clients use for a connection that ended: the lean client's, and tonic's.
pub(super) fn is_lost(code: &str) -> bool {
    [Code::UNAVAILABLE, Code::UNKNOWN, Code::INTERNAL].iter().any(|lost| lost.name() == code)
}

/// Fails if a call ended because the server has TLS and the client has none.
pub(super) fn refuse_mistaken(target: &Located, reply: &Reply) -> Result<()> {
    match is_lost(reply.status.code).then(|| target.diagnosis()).flatten() {
        Some(mistake) => bail!(mistake),
        None => Ok(()),
    }
}

/// Makes a call of one letter.
///
/// # Errors
/// The server does not have the method, or the call cannot be made with these options. The run counts any
/// other end of the call.
pub(super) fn rehearse(target: &Located, metadata: &[Pair]) -> Result<()> {
    let options = Options {
        max_recv_message_size: Limit::Unlimited,
        timeout: Some(PATIENCE),
        metadata: metadata.to_vec(),
        ..Options::default()
    };
    match client::call(target, &options, "a".to_owned()) {
        Ok(reply) if reply.status.number == Code::UNIMPLEMENTED.number() => bail!(
            "this server has no example.FormatData/DoFormat: one call ended with {}; nothing was measured (--no-rehearsal skips this check)",
            reply.status
        ),
        Err(error @ (CallError::Plan(_) | CallError::Setup(_))) => Err(error.into()),
        Ok(reply) => refuse_mistaken(target, &reply),
        Err(CallError::Open(_)) => Ok(()),
    }
}
