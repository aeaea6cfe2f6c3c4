//! Text of a sweep for a person: a table of medians, and two heat maps.

use std::io::{self, Write};

use anstyle::{Ansi256Color, Color, Style};

use super::{
    outside::{Colours, write_text},
    style::{DOUBTFUL, HEADING, NONE, heading},
    table::Table,
};
use crate::{
    experiment::{
        limits::State,
        sweep::{Cell, GridLoad, Sweep},
    },
    units::{
        ByteSize, as_f64, decimal, exact_duration, format_nanoseconds, format_share, format_throughput,
        grouped,
    },
};

/// Backgrounds from small to large figures: dark blue to yellow, readable with white and then black letters.
const SHADES: [u8; 7] = [17, 18, 24, 30, 36, 142, 220];

/// Marks from small to large figures, for texts without colours.
const MARKS: [&str; 7] = [" ", ".", ":", "-", "=", "+", "#"];

/// Width of a cell of a heat map.
const CELL: usize = 14;

/// Writes a sweep as plain text.
///
/// # Errors
/// Errors of the writer.
pub fn write(sweep: &Sweep, out: impl Write) -> io::Result<()> {
    write_text(sweep, Colours::Without, out, render)
}

/// Writes a sweep with colours, as escape sequences.
///
/// # Errors
/// Errors of the writer.
pub fn write_coloured(sweep: &Sweep, out: impl Write) -> io::Result<()> {
    write_text(sweep, Colours::With, out, render)
}

fn render(sweep: &Sweep, out: &mut Vec<u8>) -> io::Result<()> {
    what_was_run(sweep, out)?;
    let cells = sweep.cells();
    if cells.is_empty() {
        return writeln!(out, "{}no point was measured", heading("points"));
    }
    writeln!(out)?;
    table(&cells, out)?;
    writeln!(out)?;
    let shown = |bytes_per_second: f64| format_throughput(bytes_per_second);
    heat_map(
        "goodput of requests and replies",
        sweep,
        &cells,
        |cell| Some(cell.bytes_per_second),
        &shown,
        out,
    )?;
    writeln!(out)?;
    let p99 = |cell: &Cell| cell.p99_ns.map(as_f64);
    heat_map("p99", sweep, &cells, p99, &format_nanoseconds, out)?;
    out.flush()
}

fn what_was_run(sweep: &Sweep, out: &mut impl Write) -> io::Result<()> {
    let asked = &sweep.asked;
    let (done, all) = (sweep.points.len(), sweep.order.len());
    let client = asked.settings.options.client;
    writeln!(
        out,
        "{}{done} of {all} points, {} each{}",
        heading("sweep"),
        exact_duration(asked.settings.duration.unwrap_or_default()),
        match asked.repetitions {
            1 => String::new(),
            many => format!("; medians of up to {many} repetitions"),
        }
    )?;
    let own = if asked.server.as_ref().is_some_and(|server| server.tls) {
        "own server, over TLS"
    } else {
        "own server"
    };
    let target = asked.target.as_deref().unwrap_or(own);
    writeln!(out, "{}{target}; {client} client", heading("target"))?;
    let Some(limits) = &sweep.limits else { return Ok(()) };
    let found: Vec<String> = limits
        .limits
        .iter()
        .filter(|limit| limit.state == State::Found)
        .filter_map(|limit| {
            let what = format!("{} {} {}", limit.side, limit.direction, ByteSize(limit.limit_bytes?));
            let behind = limit.behind.as_ref().map(|behind| ByteSize(behind.limit_bytes));
            Some(match behind {
                Some(behind) => format!("{what} (in front of {behind}, by prefix)"),
                None if limit.confirmed => what,
                None => format!("{what} (by prefix)"),
            })
        })
        .collect();
    if found.is_empty() { Ok(()) } else { writeln!(out, "{}{}", heading("limits"), found.join(", ")) }
}

fn table(cells: &[Cell], out: &mut impl Write) -> io::Result<()> {
    let mut table = Table::new(&[
        "load", "calls/s", "from", "to", "goodput", "p50", "p99", "refused", "errors", "unsound",
    ]);
    let mut before = None;
    for cell in cells {
        let time =
            |time: Option<u64>| time.map_or_else(|| NONE.to_owned(), |time| format_nanoseconds(as_f64(time)));
        let name = if before == Some(cell.message_bytes) { String::new() } else { size(cell.message_bytes) };
        before = Some(cell.message_bytes);
        let share = |share: f64| if share == 0.0 { NONE.to_owned() } else { format_share(share) };
        let unsound = match cell.unsound {
            0 => NONE.to_owned(),
            some => format!("{some} of {}", cell.repetitions),
        };
        table.named_row(
            &name,
            [
                cell.load.to_string(),
                decimal(cell.calls_per_second),
                decimal(cell.spread.0),
                decimal(cell.spread.1),
                format_throughput(cell.bytes_per_second),
                time(cell.p50_ns),
                time(cell.p99_ns),
                share(cell.refused),
                share(cell.errors),
                unsound,
            ],
        );
    }
    table.write(&format!("{:width$}", "", width = HEADING + 5), HEADING + 4, out)
}

/// Writes sizes downwards and loads to the right; the shade follows the logarithm of the figure.
fn heat_map(
    name: &str,
    sweep: &Sweep,
    cells: &[Cell],
    figure: impl Fn(&Cell) -> Option<f64>,
    shown: &dyn Fn(f64) -> String,
    out: &mut impl Write,
) -> io::Result<()> {
    let figures = cells.iter().filter_map(&figure).filter(|figure| *figure > 0.0).map(f64::ln);
    let (least, most) = figures.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), figure| {
        (least.min(figure), most.max(figure))
    });
    writeln!(out, "{}{name}", heading("heat map"))?;
    write!(out, "{:width$}", "", width = HEADING + 5)?;
    for load in &sweep.asked.loads {
        let name = match load {
            GridLoad::Concurrency(in_flight) => grouped(*in_flight),
            GridLoad::RatePerSecond(rate) => format!("{}/s", decimal(*rate)),
        };
        write!(out, "{name:>CELL$}")?;
    }
    writeln!(out)?;
    for row in cells.chunk_by(|left, right| left.message_bytes == right.message_bytes) {
        write!(out, "  {:<width$}", size(row[0].message_bytes), width = HEADING + 3)?;
        for load in &sweep.asked.loads {
            let cell = row.iter().find(|cell| cell.load == *load);
            let value = cell.and_then(&figure).filter(|figure| *figure > 0.0);
            match (cell, value) {
                (Some(cell), None) if cell.refused > 0.0 => {
                    write!(out, "{DOUBTFUL}{:>CELL$}{DOUBTFUL:#}", "refused")?;
                }
                (_, None) => write!(out, "{NONE:>CELL$}")?,
                (_, Some(value)) => {
                    let (style, mark) = shade(value.ln(), least, most);
                    write!(out, "{style}{:>width$} {mark}{style:#}", shown(value), width = CELL - 2)?;
                }
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

fn shade(value: f64, least: f64, most: f64) -> (Style, &'static str) {
    let share = if most > least { (value - least) / (most - least) } else { 0.5 };
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 6"
    )]
    let index = ((share * SHADES.len() as f64) as usize).min(SHADES.len() - 1);
    let letters = if index < 5 { 15 } else { 16 };
    let style = Style::new()
        .bg_color(Some(Color::Ansi256(Ansi256Color(SHADES[index]))))
        .fg_color(Some(Color::Ansi256(Ansi256Color(letters))));
    (style, MARKS[index])
}

fn size(bytes: u64) -> String {
    ByteSize(bytes).to_string()
}
