//! A run over time as `OpenMetrics`: each interval with its time, for `promtool tsdb create-blocks-from openmetrics`.

use std::io::{self, Write};

use super::exposition::{family, labels, number};
use crate::{
    measure::{Latency, timestamp_of},
    result::summary::{IntervalRecord, Summary},
    rpc::outcome::OutcomeKind,
    units::as_f64,
};

/// Writes the intervals of a run: counters of calls by outcome, a histogram of latency, and gauges.
///
/// # Errors
/// Errors of the writer, or a histogram that cannot be decoded.
pub fn write(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let start = timestamp_of(&summary.started_at)
        .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
        .map_or(0.0, |at| at.as_secs_f64());
    let run = summary.label.as_deref().unwrap_or(&summary.started_at);
    let ends = ends(summary, start);
    // A counter that begins at 0 shows its first interval too, unless that one ends in the same millisecond.
    let first = ends.iter().flatten().next();
    let has_start = first.is_none_or(|first| format!("{first:.3}") != format!("{start:.3}"));
    family("plimsoll_calls", "counter", "Planned calls that ended, by outcome.", out)?;
    for kind in OutcomeKind::VALUES {
        let labels = labels(&[("run", run), ("outcome", kind.name())]);
        if has_start {
            writeln!(out, "plimsoll_calls_total{labels} 0 {start:.3}")?;
        }
        let mut total: u64 = 0;
        for (interval, end) in summary.intervals.iter().zip(&ends) {
            total = total.saturating_add(interval.calls.of(*kind));
            if let Some(end) = end {
                writeln!(out, "plimsoll_calls_total{labels} {total} {end:.3}")?;
            }
        }
    }
    latency(summary, run, has_start.then_some(start), &ends, out)?;
    cpu(summary, run, has_start.then_some(start), &ends, out)?;
    let gauge = |name: &str, help: &str, values: Vec<(f64, f64)>, out: &mut dyn Write| {
        if !values.is_empty() {
            family(name, "gauge", help, out)?;
        }
        let labels = labels(&[("run", run)]);
        values
            .into_iter()
            .try_for_each(|(value, end)| writeln!(out, "{name}{labels} {} {end:.3}", number(value)))
    };
    let rows = || summary.intervals.iter().zip(&ends);
    let in_flight = rows().filter_map(|(row, end)| Some((as_f64(row.in_flight?), (*end)?))).collect();
    gauge("plimsoll_in_flight", "Calls in flight at the end of the interval.", in_flight, out)?;
    gauge(
        "plimsoll_largest_lateness_seconds",
        "Largest lateness of a call since the last value.",
        lateness(summary, &ends),
        out,
    )?;
    writeln!(out, "# EOF")?;
    out.flush()
}

/// CPU time of one side.
type CpuOf = fn(&IntervalRecord) -> Option<u64>;

/// CPU time of both sides, as far as it was read.
fn cpu(
    summary: &Summary,
    run: &str,
    start: Option<f64>,
    ends: &[Option<f64>],
    out: &mut dyn Write,
) -> io::Result<()> {
    let sides: [(&str, CpuOf); 2] =
        [("generator", |interval| interval.client_cpu_ns), ("server", |interval| interval.server_cpu_ns)];
    let is_known = |side: CpuOf| summary.intervals.iter().any(|row| side(row).is_some());
    if sides.into_iter().any(|(_, side)| is_known(side)) {
        family("plimsoll_cpu_seconds", "counter", "CPU time of the generator, and of the server.", out)?;
    }
    for (name, side) in sides.into_iter().filter(|(_, side)| is_known(*side)) {
        let labels = labels(&[("run", run), ("side", name)]);
        if let Some(start) = start {
            writeln!(out, "plimsoll_cpu_seconds_total{labels} 0 {start:.3}")?;
        }
        let (mut total, mut is_known): (u64, bool) = (0, true);
        for (interval, end) in summary.intervals.iter().zip(ends) {
            total = total.saturating_add(side(interval).unwrap_or(0));
            is_known &= side(interval).is_some();
            if let Some(end) = end {
                // A second with an unknown part has no value.
                if std::mem::replace(&mut is_known, true) {
                    let seconds = number(as_f64(total) / 1e9);
                    writeln!(out, "plimsoll_cpu_seconds_total{labels} {seconds} {end:.3}")?;
                }
            }
        }
    }
    Ok(())
}

/// Largest lateness by its time: that of all intervals since the value before.
fn lateness(summary: &Summary, ends: &[Option<f64>]) -> Vec<(f64, f64)> {
    let (mut values, mut largest) = (Vec::new(), None);
    for (interval, end) in summary.intervals.iter().zip(ends) {
        largest = largest.max(interval.largest_lateness_ns);
        if let Some(end) = end {
            values.extend(largest.take().map(|late| (as_f64(late) / 1e9, *end)));
        }
    }
    values
}

/// Ends of the intervals that have a value: the last one of each second, and of the run. Prometheus reads values every
/// few seconds, and shorter intervals would make a file of megabytes. `None` for the others, and where the next interval
/// ends in the same millisecond: a series has one value per millisecond.
fn ends(summary: &Summary, start: f64) -> Vec<Option<f64>> {
    let second_of = |interval: &IntervalRecord| {
        interval.start_ns.saturating_add(interval.length_ns).saturating_sub(1) / 1_000_000_000
    };
    let is_within = |index: usize| {
        let next = summary.intervals.get(index + 1);
        next.is_some_and(|next| second_of(next) == second_of(&summary.intervals[index]))
    };
    let end_of = |interval: &IntervalRecord| {
        start + as_f64(interval.start_ns.saturating_add(interval.length_ns)) / 1e9
    };
    let ends: Vec<f64> = summary.intervals.iter().map(end_of).collect();
    let is_same = |index: usize| {
        ends.get(index + 1).is_some_and(|next| format!("{next:.3}") == format!("{:.3}", ends[index]))
    };
    let has_value = |index: usize| !is_within(index) && !is_same(index);
    ends.iter().enumerate().map(|(index, end)| has_value(index).then_some(*end)).collect()
}

/// The histogram of latency, cumulative in its bounds and in time.
fn latency(
    summary: &Summary,
    run: &str,
    start: Option<f64>,
    ends: &[Option<f64>],
    out: &mut dyn Write,
) -> io::Result<()> {
    let which = if summary.plan.is_open() { "Response time" } else { "Service time" };
    family("plimsoll_latency_seconds", "histogram", &format!("{which} of verified replies."), out)?;
    let bounds = bounds(summary);
    let write = |sum: &Latency, at: f64, out: &mut dyn Write| {
        let with_rest: Vec<u64> = bounds.iter().copied().chain([u64::MAX]).collect();
        let mut below = 0;
        for (bound, count) in with_rest.iter().zip(sum.counts_up_to(&with_rest)) {
            below += count;
            let bound = if *bound == u64::MAX { "+Inf".to_owned() } else { number(as_f64(*bound) / 1e9) };
            let labels = labels(&[("run", run), ("le", &bound)]);
            writeln!(out, "plimsoll_latency_seconds_bucket{labels} {below} {at:.3}")?;
        }
        let labels = labels(&[("run", run)]);
        writeln!(out, "plimsoll_latency_seconds_count{labels} {below} {at:.3}")?;
        let seconds = number(sum.mean_ns() * as_f64(sum.count()) / 1e9);
        writeln!(out, "plimsoll_latency_seconds_sum{labels} {seconds} {at:.3}")
    };
    let mut sum = Latency::new();
    if let Some(start) = start {
        write(&sum, start, out)?;
    }
    for (interval, end) in summary.intervals.iter().zip(ends) {
        sum.add(&interval.latency.decode().map_err(io::Error::other)?);
        if let Some(end) = end {
            write(&sum, *end, out)?;
        }
    }
    Ok(())
}

/// Bounds of 1, 2 and 5 of each decade from the shortest to the longest time, in ns.
fn bounds(summary: &Summary) -> Vec<u64> {
    let Some(figures) = summary.main_latency().figures else { return Vec::new() };
    let decades = (0..13).map(|power| 10_u64.pow(power));
    let all: Vec<u64> = decades.flat_map(|decade| [decade, 2 * decade, 5 * decade]).collect();
    let first = all.iter().rposition(|bound| *bound <= figures.min_ns).unwrap_or(0);
    let last = all.iter().position(|bound| *bound >= figures.max_ns).unwrap_or(all.len() - 1);
    all[first..=last.max(first)].to_vec()
}
