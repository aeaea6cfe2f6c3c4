//! Text of a comparison for a person: limits first, then ratios.

use std::io::{self, Write};

use super::{
    outside::{Colours, write_text},
    style::{BAD, GOOD, HEADING, NONE, STRONG, broken, findings, heading, plain},
    table::Table,
};
use crate::{
    experiment::compare::{Comparison, Figure, Method},
    units::{decimal, format_nanoseconds},
};

/// Width of the first column of the table.
const NAMES: usize = 24;

/// Writes a comparison as plain text.
///
/// # Errors
/// Errors of the writer.
pub fn write(comparison: &Comparison, out: impl Write) -> io::Result<()> {
    write_text(comparison, Colours::Without, out, render)
}

/// Writes a comparison with colours, as escape sequences.
///
/// # Errors
/// Errors of the writer.
pub fn write_coloured(comparison: &Comparison, out: impl Write) -> io::Result<()> {
    write_text(comparison, Colours::With, out, render)
}

fn render(comparison: &Comparison, out: &mut Vec<u8>) -> io::Result<()> {
    for (name, side) in [("base", &comparison.base), ("candidate", &comparison.candidate)] {
        let all = plain(&side.join(", "));
        for (row, line) in broken(&all).iter().enumerate() {
            let first = if row == 0 { heading(name) } else { format!("{:HEADING$} ", "") };
            writeln!(out, "{first}{line}")?;
        }
    }
    writeln!(out)?;
    if comparison.limits.is_empty() {
        writeln!(out, "{}{GOOD}the same{GOOD:#} on both sides, as far as calls met them", heading("limits"))?;
    }
    for (row, moved) in comparison.limits.iter().enumerate() {
        let first = if row == 0 { heading("limits") } else { format!("{:HEADING$} ", "") };
        writeln!(
            out,
            "{first}{BAD}{}{BAD:#}: {} -> {}",
            moved.what,
            plain(&moved.base),
            plain(&moved.candidate)
        )?;
    }
    writeln!(out)?;
    figures(&comparison.figures, out)?;
    writeln!(out)?;
    let found = comparison.findings.iter().map(|finding| (finding.detail.as_str(), finding.advice.as_str()));
    findings(found, out)?;
    out.flush()
}

fn figures(figures: &[Figure], out: &mut impl Write) -> io::Result<()> {
    let mut table = Table::new(&["base", "candidate", "ratio", "from", "to", "p", "p adjusted"]);
    let ratio = |ratio: f64| format!("{ratio:.3}");
    for figure in figures {
        let shown = |value: f64| shown(figure, value);
        let p = |p: Option<f64>| p.map_or_else(|| NONE.to_owned(), |p| format!("{p:.4}"));
        let (low, high) = figure
            .interval
            .map_or_else(|| (NONE.to_owned(), NONE.to_owned()), |(low, high)| (ratio(low), ratio(high)));
        table.named_row(
            words(&figure.name),
            [
                shown(figure.base),
                shown(figure.candidate),
                ratio(figure.ratio),
                low,
                high,
                p(figure.p),
                p(figure.p_adjusted),
            ],
        );
    }
    table.write(&" ".repeat(NAMES + 1), NAMES, out)?;
    writeln!(out)?;
    for figure in figures {
        writeln!(out, "  {STRONG}{}{STRONG:#}: {}", words(&figure.name), verdict(figure))?;
    }
    Ok(())
}

/// Returns a value of a figure with its unit.
pub(crate) fn shown(figure: &Figure, value: f64) -> String {
    match figure.name.as_str() {
        "calls_per_second" => decimal(value),
        _ => format_nanoseconds(value),
    }
}

/// Returns the words for a figure's name.
pub(crate) fn words(name: &str) -> &str {
    match name {
        "calls_per_second" => "calls/s",
        "p50_ns" => "p50",
        "p90_ns" => "p90",
        "p99_ns" => "p99",
        "server_cpu_ns_per_call" => "server's CPU per call",
        "client_cpu_ns_per_call" => "client's CPU per call",
        other => other,
    }
}

/// Returns the interval in words.
pub(crate) fn verdict(figure: &Figure) -> String {
    let Some((low, high)) = figure.interval else {
        return "no interval: too few seconds, or too few runs".to_owned();
    };
    let percent = |ratio: f64| format!("{:+.1} %", (ratio - 1.0) * 100.0);
    let range = format!("{} to {}", percent(low), percent(high));
    let within = match figure.method {
        Some(Method::Seconds) => "in these two runs, which need not be how their servers differ",
        _ => "with a confidence of 95 %",
    };
    let is_more = if low > 1.0 {
        true
    } else if high < 1.0 {
        false
    } else {
        return format!("no difference seen; one of {range} is not excluded, {within}");
    };
    let word = if is_more == figure.more_is_better { "better" } else { "worse" };
    format!("{word} by {range}, {within}")
}
