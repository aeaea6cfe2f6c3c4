//! Findings about connections: waits for them, and servers that are away.

use crate::{
    client::Connections,
    load::{ClientKind, Plan},
    measure::Measurement,
    result::finding::{Finding, FindingKind, Weight},
    units::{format_nanoseconds, format_share, grouped},
};

/// Share of the window in which no call ended while connections failed, from which a closed loop's figures are of another
/// load.
const PAUSED: f64 = 0.01;

/// Share of the window with calls waiting for a connection that is worth a note. A smaller share is the
/// normal cost of a few connections.
const UNCONNECTED_NOTED: f64 = 0.05;

/// Returns the share of the window (0..1) during which calls waited for a connection, because the server had closed
/// the last one. For the stub, which connects on its own: the share during which it was connecting. Returns `None`
/// below the share worth a note.
pub(super) fn unconnected(run: &Measurement) -> Option<f64> {
    let window = run.window.as_secs_f64();
    let part = run.connections.unconnected.as_secs_f64() / window;
    (window > 0.0 && part >= UNCONNECTED_NOTED).then_some(part.min(1.0))
}

pub(super) fn connections_limited(run: &Measurement) -> Option<Finding> {
    let part = unconnected(run)?;
    let Connections { made: _, closed, lost, failed_attempts } = run.connections.connections;
    let counts = [
        (closed, "closed by the server in order (GOAWAY)"),
        (lost, "lost"),
        (failed_attempts, "attempts to connect failed"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", grouped(*count)))
        .collect();
    let counts = if counts.is_empty() { "no connection became ready".to_owned() } else { counts.join(", ") };
    Some(Finding::note(
        FindingKind::ConnectionsLimited,
        match run.plan.options.client {
            ClientKind::Lean => {
                format!("calls waited for a connection for {} of the time: {counts}", format_share(part))
            }
            // The stub's channel connects by itself, and does not report how long calls waited.
            ClientKind::Stub => {
                format!("the stub client was connecting for {} of the time: {counts}", format_share(part))
            }
        },
        "new connections set the pace, not the service: check the server or its proxy for a maximum of requests or age per connection (nginx: keepalive_requests; gRPC: max connection age), or use more --connections",
    ))
}

/// Returns the share of the window (0..1) in whose intervals no call ended.
fn silent(run: &Measurement) -> f64 {
    let window = run.window.as_secs_f64();
    let rows = run
        .timeline
        .outcomes(run.window)
        .filter(|(start, _, outcomes)| *start < run.window && outcomes.total() == 0);
    let silent: f64 =
        rows.map(|(start, length, _)| length.min(run.window.saturating_sub(start)).as_secs_f64()).sum();
    if window > 0.0 { (silent / window).min(1.0) } else { 0.0 }
}

pub(super) fn paused(run: &Measurement, plan: &Plan) -> Option<Finding> {
    let paused = run.connections.paused;
    let silent = silent(run);
    (!paused.is_zero() && !plan.is_open()).then(|| {
        Finding::new(
            FindingKind::ClosedLoopPaused,
            if silent >= PAUSED { Weight::Warning } else { Weight::Note },
            format!(
                "attempts to connect failed; a connection's share of the closed loop started no call for up to {}, and no call ended for {} of the window",
                format_nanoseconds(paused.as_secs_f64() * 1e9),
                format_share(silent),
            ),
            "find out why the server was away; an open loop (--rate) keeps its rate meanwhile, and counts the calls",
        )
    })
}
