//! Events in words.

use std::time::Duration;

use crate::{
    engine::{Change, Event, Expected, INTERRUPTED_DRAIN},
    measure::{Interval, Outcomes},
    report::verdict_words::{metric_name, percent},
    units::{as_f64, counted, exact_duration, format_duration, format_nanoseconds, grouped},
};

/// Returns the step of an experiment that an event starts; `None` for events within a step.
pub(super) fn step(event: &Event) -> Option<String> {
    Some(match event {
        Event::Limit { side, direction } => format!("looking for the {side}'s limit for {direction}s"),
        Event::Point { number, of, point, left } => {
            format!("point {number} of {of}: {point}; about {} left", format_duration(*left))
        }
        Event::RefusedSizes => "looking which sizes are refused".to_owned(),
        Event::Round { number, of, is_with_refused } => {
            let with = if *is_with_refused { "with" } else { "without" };
            format!("round {number} of {of}: {with} refused calls")
        }
        Event::Merged { results, of } => {
            let of = of.map(|of| format!(" of {}", grouped(of as u64))).unwrap_or_default();
            format!("{}{of} results merged", grouped(*results as u64))
        }
        Event::GateLimits { contender } => format!("looking for the limits of the {contender}"),
        Event::Repetition { scenario, number, of, is_confirming, so_far } => {
            let again = if *is_confirming { ", second run" } else { "" };
            let known = changes(so_far);
            let known = if known.is_empty() { known } else { format!(": {known}") };
            format!("{number} of {of}{again}, {scenario}{known}")
        }
        Event::Flagged { scenarios } => format!("flagged: {}; measuring again", scenarios.join(", ")),
        _ => return None,
    })
}

/// Returns the state of a run that an event starts; `None` for events without a state to display.
pub(super) fn state(event: &Event, expected: &Expected) -> Option<String> {
    let warm_up = exact_duration(expected.warm_up);
    match event {
        Event::Connected { window_in: Some(left) } => {
            Some(format!("connected; the measured window starts in {}", format_duration(*left)))
        }
        Event::Connected { window_in: None } if !expected.warm_up.is_zero() => {
            Some(format!("connected; warming up for {warm_up}"))
        }
        Event::AwaitingStart { file } => Some(format!("connected; waiting for the start in `{file}`")),
        Event::Started => Some(match (expected.calls, expected.duration) {
            (Some(calls), _) => format!("measuring {} calls", grouped(calls)),
            (None, duration) => format!("measuring for {}", exact_duration(duration.unwrap_or_default())),
        }),
        Event::Draining { is_interrupted: true } => {
            let drain = exact_duration(expected.drain.min(INTERRUPTED_DRAIN));
            Some(format!(
                "interrupted: waiting up to {drain} for calls in flight; interrupt again to end at once"
            ))
        }
        _ => None,
    }
}

/// Returns the position of a run: `5s of 10s`, `200 of 1,000 calls`.
pub(super) fn position(expected: &Expected, elapsed: Duration, so_far: &Outcomes) -> String {
    match (expected.calls, expected.duration) {
        (Some(calls), _) => format!("{} of {} calls", grouped(so_far.total()), grouped(calls)),
        (None, duration) => {
            format!("{} of {}", exact_duration(elapsed), exact_duration(duration.unwrap_or_default()))
        }
    }
}

/// Returns the rest of a run: `5 s left`, `800 calls left`.
pub(super) fn left(expected: &Expected, elapsed: Duration, so_far: &Outcomes) -> String {
    match (expected.calls, expected.duration) {
        (Some(calls), _) => format!("{} left", counted(calls.saturating_sub(so_far.total()), "call")),
        (None, duration) => {
            let left = duration.unwrap_or_default().saturating_sub(elapsed);
            format!("{} s left", left.as_secs_f64().ceil())
        }
    }
}

/// Returns true for a second after the window, which belongs to the drain.
pub(super) fn is_after_window(expected: &Expected, elapsed: Duration) -> bool {
    expected.calls.is_none() && expected.duration.is_some_and(|duration| elapsed > duration)
}

/// Returns the last second's rate and latency, and the refusals and failures since the start.
pub(super) fn figures(second: &Interval, in_flight: u64, so_far: &Outcomes) -> String {
    let rate = grouped(second.outcomes.answered);
    let mut parts = vec![format!("{rate} calls/s"), format!("{} in flight", grouped(in_flight))];
    if second.latency().count() > 0 {
        for (name, quantile) in [("p50", 0.5), ("p99", 0.99)] {
            let nanoseconds = as_f64(second.latency().quantile_ns(quantile));
            parts.push(format!("{name} {}", format_nanoseconds(nanoseconds)));
        }
    }
    let failed = so_far.errors() - so_far.refused - so_far.shed - so_far.unfinished;
    parts.push(format!("{} refused", grouped(so_far.refused)));
    parts.push(format!("{} failed", grouped(failed)));
    if so_far.shed > 0 {
        parts.push(format!("{} shed", grouped(so_far.shed)));
    }
    parts.join(", ")
}

/// Returns the changes that the repetitions of a scenario have shown so far.
fn changes(so_far: &[Change]) -> String {
    let known: Vec<String> = so_far
        .iter()
        .map(|change| {
            let interval = change
                .interval
                .map(|(low, high)| format!(" ({} to {})", percent(low), percent(high)))
                .unwrap_or_default();
            format!("{} {}{interval}", metric_name(change.metric), percent(change.ratio))
        })
        .collect();
    known.join(", ")
}
