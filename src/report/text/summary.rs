//! Text of a result for a person: one screen, readable in ten seconds.

use std::io::{self, Write};

use super::{
    cost,
    figures::{share, time},
    plan_words, shards, soundness, spread,
};
use crate::{
    report::{
        outside::{Colours, write_text},
        style::{BAD, DOUBTFUL, GOOD, HEADING, STRONG, heading, printable},
        table::Table,
    },
    result::{
        QUANTILES, samples_needed,
        summary::{LatencyFigures, LatencyRecord, Summary},
    },
    rpc::{Difference, outcome::OutcomeKind, status_words},
    units::{ByteSize, decimal, format_throughput, grouped},
};

/// Largest number of statuses in the text; the result has all of them.
const MOST_STATUSES: usize = 6;

/// Largest number of refusals in the text.
const MOST_REFUSALS: usize = 8;

/// Writes a summary as plain text.
///
/// # Errors
/// Errors of the writer.
pub fn write(summary: &Summary, out: impl Write) -> io::Result<()> {
    write_text(summary, Colours::Without, out, render)
}

/// Writes a summary with colours, as escape sequences.
///
/// # Errors
/// Errors of the writer.
pub fn write_coloured(summary: &Summary, out: impl Write) -> io::Result<()> {
    write_text(summary, Colours::With, out, render)
}

fn render(summary: &Summary, out: &mut Vec<u8>) -> io::Result<()> {
    for (name, words) in plan_words::lines(summary) {
        writeln!(out, "{}{words}", heading(name))?;
    }
    shards::write(summary, out)?;
    writeln!(out)?;
    goodput(summary, out)?;
    calls(summary, out)?;
    refusals(summary, out)?;
    statuses(summary, out)?;
    latency(summary, out)?;
    sizes(summary, out)?;
    spread::write(summary.main_latency(), out)?;
    cost::write(summary, out)?;
    objectives(summary, out)?;
    soundness::write(&summary.soundness, out)?;
    out.flush()
}

fn goodput(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    let words = goodput_words(summary);
    // Numbers have commas too.
    let (rate, rest) = words.split_once(", ").unwrap_or((&words, ""));
    writeln!(out, "{}{STRONG}{rate}{STRONG:#}, {rest}", heading("goodput"))
}

/// Returns the goodput in words: `52,061 calls/s, 3.178 MiB/s of requests and ...`.
pub(crate) fn goodput_words(summary: &Summary) -> String {
    let goodput = &summary.goodput;
    format!(
        "{} calls/s, {} of requests and {} of replies, over {}",
        decimal(goodput.calls_per_second),
        format_throughput(goodput.request_bytes_per_second),
        format_throughput(goodput.reply_bytes_per_second),
        time(summary.window_ns),
    )
}

fn calls(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    let planned = summary.calls.planned;
    let outcomes = &summary.calls.outcomes;
    let parts: Vec<String> = OutcomeKind::VALUES
        .iter()
        .map(|kind| (*kind, outcomes.of(*kind)))
        .filter(|(kind, count)| *count > 0 || *kind == OutcomeKind::Answered)
        .map(|(kind, count)| {
            let name = kind.name().replace('_', " ");
            let style = match kind {
                OutcomeKind::Answered => GOOD,
                OutcomeKind::Refused | OutcomeKind::Unfinished => DOUBTFUL,
                _ => BAD,
            };
            let share =
                if count == planned { String::new() } else { format!(" ({})", share(count, planned)) };
            format!("{style}{} {name}{style:#}{share}", grouped(count))
        })
        .collect();
    let interrupted = if summary.interrupted { ", interrupted" } else { "" };
    writeln!(out, "{}{} planned{interrupted}: {}", heading("calls"), grouped(planned), parts.join(", "))?;
    for Difference { at_byte, expected_bytes, got_bytes, expected, got } in &summary.wrong_replies {
        // A check of a value, or of the type, has no place.
        if (*at_byte, *expected_bytes) == (0, 0) && !expected.is_empty() {
            let size = grouped(*got_bytes);
            writeln!(out, "{:HEADING$} wrong: expected {expected}, got {got} (a reply of {size} bytes)", "")?;
            continue;
        }
        writeln!(
            out,
            "{:HEADING$} wrong at byte {} of {}: expected {expected:?}, got {got:?} (a reply of {} bytes)",
            "",
            grouped(*at_byte),
            grouped(*expected_bytes),
            grouped(*got_bytes),
        )?;
    }
    Ok(())
}

fn refusals(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    if summary.refusals.is_empty() {
        return Ok(());
    }
    let mut table =
        Table::new(&["calls", "side", "direction", "message bytes", "limit bytes", "code", "p50", "max"]);
    for refusal in summary.refusals.iter().take(MOST_REFUSALS) {
        let figure = |figure: fn(&LatencyFigures) -> u64| {
            refusal.latency.figures.as_ref().map_or_else(String::new, |figures| time(figure(figures)))
        };
        table.row([
            grouped(refusal.count),
            refusal.side.to_string(),
            refusal.direction.to_string(),
            grouped(refusal.message_bytes),
            refusal.limit_bytes.map_or_else(|| "unknown".to_owned(), grouped),
            refusal.status(),
            if refusal.count < samples_needed(0.5) {
                "-".to_owned()
            } else {
                figure(|figures| figures.p50_ns)
            },
            figure(|figures| figures.max_ns),
        ]);
    }
    writeln!(out)?;
    table.write(&heading("refusals"), HEADING, out)?;
    more(summary.refusals.len(), MOST_REFUSALS, "kinds of refusals", out)
}

fn statuses(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    if summary.statuses.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    for (row, status) in summary.statuses.iter().take(MOST_STATUSES).enumerate() {
        let first = if row == 0 { heading("statuses") } else { format!("{:HEADING$} ", "") };
        let outcome = status.outcome.name().replace('_', " ");
        writeln!(
            out,
            "{first}{} {outcome}, {}",
            grouped(status.count),
            status_words(format_args!("{} ({})", status.code, status.number), &printable(&status.message)),
        )?;
    }
    more(summary.statuses.len(), MOST_STATUSES, "kinds of statuses", out)
}

/// Writes the number of rows that the table above left out.
fn more(rows: usize, shown: usize, what: &str, out: &mut impl Write) -> io::Result<()> {
    match rows.checked_sub(shown) {
        Some(left @ 1..) => writeln!(out, "{:HEADING$} and {left} more {what} in the JSON", ""),
        _ => Ok(()),
    }
}

fn latency(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    let latency = &summary.latency;
    let mut names = vec!["min", "mean"];
    names.extend(QUANTILES.iter().map(|(name, _)| *name));
    names.push("max");
    let mut table = Table::new(&names);
    writeln!(out)?;
    let rows = [
        ("response", latency.response.as_ref()),
        ("service", Some(&latency.service)),
        ("lateness", latency.lateness.as_ref()),
    ];
    for (name, record) in rows.into_iter().filter_map(|(name, record)| Some((name, record?))) {
        table.named_row(name, latency_cells(record));
    }
    table.write(&heading("latency"), HEADING, out)?;
    if latency.response.is_none() {
        writeln!(out, "{:HEADING$} closed loop: service time only, measured from the send", "")?;
    }
    let beyond: u64 = [Some(&latency.service), latency.response.as_ref()]
        .into_iter()
        .flatten()
        .map(|record| record.out_of_range)
        .sum();
    if beyond > 0 {
        writeln!(out, "{:HEADING$} {} times were over an hour, and count as an hour", "", grouped(beyond))?;
    }
    Ok(())
}

/// Returns the cells of a latency; a quantile with too few samples stays empty.
pub(crate) fn latency_cells(record: &LatencyRecord) -> Vec<String> {
    let Some(figures) = &record.figures else { return vec!["-".to_owned(); 9] };
    let LatencyFigures {
        min_ns,
        mean_ns,
        stdev_ns: _,
        p50_ns,
        p90_ns,
        p95_ns,
        p99_ns,
        p99_9_ns,
        p99_99_ns,
        max_ns,
    } = *figures;
    let quantiles = [p50_ns, p90_ns, p95_ns, p99_ns, p99_9_ns, p99_99_ns];
    let mut cells = vec![time(min_ns), time(mean_ns)];
    cells.extend(quantiles.into_iter().zip(QUANTILES).map(|(figure, (_, quantile))| {
        if record.count < samples_needed(quantile) { "-".to_owned() } else { time(figure) }
    }));
    cells.push(time(max_ns));
    cells
}

fn sizes(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    if summary.sizes.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&["size", "planned", "answered", "refused", "other", "p50", "p99", "max"]);
    for size in &summary.sizes {
        let cells = latency_cells(&size.latency);
        let cell = |index: usize| cells.get(index).cloned().unwrap_or_default();
        let outcomes = &size.calls.outcomes;
        table.row([
            ByteSize(size.message_bytes).to_string(),
            grouped(size.calls.planned),
            grouped(outcomes.answered),
            grouped(outcomes.refused),
            grouped(outcomes.total().saturating_sub(outcomes.answered).saturating_sub(outcomes.refused)),
            cell(2),
            cell(5),
            cell(8),
        ]);
    }
    writeln!(out)?;
    table.write(&heading("by size"), HEADING, out)
}

fn objectives(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    for (row, objective) in summary.objectives.iter().enumerate() {
        let first = if row == 0 { heading("objectives") } else { format!("{:HEADING$} ", "") };
        let (style, word) = if objective.met { (GOOD, "met") } else { (BAD, "missed") };
        writeln!(out, "{first}{style}{word:<6}{style:#} {}: {}", objective.expression, objective.shown)?;
    }
    Ok(())
}
