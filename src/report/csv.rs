//! Rows for other programs: a header, integers in ns and bytes, and an empty cell for a missing figure.

use std::io::{self, Write};

use super::outside::on_one_line;
use crate::{
    experiment::{
        compare::Comparison,
        limits::Limits,
        sweep::{GridLoad, Sweep},
    },
    result::{
        samples_needed,
        summary::{LatencyFigures, Summary},
    },
    rpc::OutcomeKind,
};

/// Names of the columns of a run's intervals before those of the outcomes.
const INTERVAL_COLUMNS: [&str; 2] = ["start_ns", "length_ns"];

/// Names of the columns of a run's intervals after those of the outcomes.
const INTERVAL_FIGURES: [&str; 10] = [
    "in_flight",
    "largest_lateness_ns",
    "client_cpu_ns",
    "server_cpu_ns",
    "replies",
    "min_ns",
    "p50_ns",
    "p90_ns",
    "p99_ns",
    "max_ns",
];

/// Writes one row per interval of a run. Times are response times in an open loop, service times in a closed one. A
/// quantile with too few replies is empty.
///
/// # Errors
/// Errors of the writer.
pub fn run(summary: &Summary, mut out: impl Write) -> io::Result<()> {
    let outcomes = OutcomeKind::VALUES.iter().map(|kind| kind.name());
    row(INTERVAL_COLUMNS.into_iter().chain(outcomes).chain(INTERVAL_FIGURES), &mut out)?;
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    for interval in &summary.intervals {
        let figures = interval.latency.figures;
        let quantile = |quantile: f64, of: fn(&LatencyFigures) -> u64| {
            figures.filter(|_| interval.latency.count >= samples_needed(quantile)).map(|figures| of(&figures))
        };
        let times: [String; INTERVAL_COLUMNS.len()] =
            [interval.start_ns.to_string(), interval.length_ns.to_string()];
        let outcomes = OutcomeKind::VALUES.iter().map(|kind| interval.calls.of(*kind).to_string());
        let of_figures: [String; INTERVAL_FIGURES.len()] = [
            number(interval.in_flight),
            number(interval.largest_lateness_ns),
            number(interval.client_cpu_ns),
            number(interval.server_cpu_ns),
            interval.latency.count.to_string(),
            number(figures.map(|figures| figures.min_ns)),
            number(quantile(0.5, |figures| figures.p50_ns)),
            number(quantile(0.9, |figures| figures.p90_ns)),
            number(quantile(0.99, |figures| figures.p99_ns)),
            number(figures.map(|figures| figures.max_ns)),
        ];
        row(times.into_iter().chain(outcomes).chain(of_figures), &mut out)?;
    }
    out.flush()
}

/// Writes one row per limit of a server and its client.
///
/// # Errors
/// Errors of the writer.
pub fn limits(limits: &Limits, mut out: impl Write) -> io::Result<()> {
    let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    row(
        [
            "side",
            "direction",
            "largest_passed_bytes",
            "smallest_refused_bytes",
            "limit_bytes",
            "code",
            "refusal_ns",
            "searched_to_bytes",
        ],
        &mut out,
    )?;
    for record in &limits.limits {
        let cells = [
            record.side.name().to_owned(),
            record.direction.name().to_owned(),
            number(record.largest_passed_bytes),
            number(record.smallest_refused_bytes),
            number(record.limit_bytes),
            record.code.as_deref().map(cell).unwrap_or_default(),
            number(record.refusal_ns),
            number(record.searched_to_bytes),
        ];
        row(cells, &mut out)?;
    }
    out.flush()
}

/// Writes one row per figure of a comparison.
///
/// # Errors
/// Errors of the writer.
pub fn comparison(comparison: &Comparison, mut out: impl Write) -> io::Result<()> {
    row(["figure", "base", "candidate", "ratio", "from", "to", "p", "p_adjusted"], &mut out)?;
    for figure in &comparison.figures {
        let float = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
        let cells = [
            cell(&figure.name),
            figure.base.to_string(),
            figure.candidate.to_string(),
            figure.ratio.to_string(),
            float(figure.interval.map(|(low, _)| low)),
            float(figure.interval.map(|(_, high)| high)),
            float(figure.p),
            float(figure.p_adjusted),
        ];
        row(cells, &mut out)?;
    }
    out.flush()
}

/// Names of a sweep's columns before those of the outcomes.
const POINT_COLUMNS: [&str; 5] = ["message_bytes", "concurrency", "rate_per_second", "repetition", "planned"];

/// Names of a sweep's columns after those of the outcomes.
const FIGURE_COLUMNS: [&str; 10] = [
    "calls_per_second",
    "request_bytes_per_second",
    "reply_bytes_per_second",
    "p50_ns",
    "p90_ns",
    "p99_ns",
    "max_ns",
    "client_cpu_ns_per_call",
    "server_cpu_ns_per_call",
    "soundness",
];

/// Returns a text from outside as a cell: on one line. A spreadsheet reads a text that begins with one of four
/// characters as a formula; such a text gets a quote in front.
pub(super) fn cell(text: &str) -> String {
    let text = on_one_line(text);
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text }
}

/// Writes a row (RFC 4180), with quotes around the cells that need them.
///
/// # Errors
/// Errors of the writer.
pub(super) fn row<T: AsRef<[u8]>>(
    cells: impl IntoIterator<Item = T>,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut row = csv::Writer::from_writer(Vec::new());
    row.write_record(cells)?;
    // The error of `out` keeps its kind: a closed pipe is not a failure.
    out.write_all(&row.into_inner().map_err(csv::IntoInnerError::into_error)?)
}

/// Writes one row per point of a sweep, in the order of the runs.
///
/// # Errors
/// Errors of the writer.
pub fn sweep(sweep: &Sweep, mut out: impl Write) -> io::Result<()> {
    let outcomes = OutcomeKind::VALUES.iter().map(|kind| kind.name());
    row(POINT_COLUMNS.into_iter().chain(outcomes).chain(FIGURE_COLUMNS), &mut out)?;
    for (point, summary) in sweep.order.iter().zip(&sweep.points) {
        let (concurrency, rate) = match point.load {
            GridLoad::Concurrency(calls) => (calls.to_string(), String::new()),
            GridLoad::RatePerSecond(rate) => (String::new(), rate.to_string()),
        };
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let figures = summary.main_latency().figures;
        let of_point: [String; POINT_COLUMNS.len()] = [
            point.message_bytes.to_string(),
            concurrency,
            rate,
            point.repetition.to_string(),
            summary.calls.planned.to_string(),
        ];
        let outcomes = OutcomeKind::VALUES.iter().map(|kind| summary.calls.outcomes.of(*kind).to_string());
        let of_figures: [String; FIGURE_COLUMNS.len()] = [
            summary.goodput.calls_per_second.to_string(),
            summary.goodput.request_bytes_per_second.to_string(),
            summary.goodput.reply_bytes_per_second.to_string(),
            number(figures.map(|figures| figures.p50_ns)),
            number(figures.map(|figures| figures.p90_ns)),
            number(figures.map(|figures| figures.p99_ns)),
            number(figures.map(|figures| figures.max_ns)),
            number(summary.cost.client_cpu_ns_per_call),
            number(summary.cost.server_cpu_ns_per_call),
            summary.soundness.verdict.name().to_owned(),
        ];
        row(of_point.into_iter().chain(outcomes).chain(of_figures), &mut out)?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_cell_and_no_formula() {
        for (text, shown) in [
            ("small", "small"),
            ("a, \"b\"", "\"a, \"\"b\"\"\""),
            ("a\nb", "a\\nb"),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("-1", "'-1"),
            ("@x,y", "\"'@x,y\""),
            ("", ""),
            ("a\rb c\t", "a\\rb c\\t"),
        ] {
            let mut out = Vec::new();
            row([cell(text), "1".to_owned()], &mut out).expect("memory takes any bytes");
            assert_eq!(String::from_utf8(out).expect("UTF-8"), format!("{shown},1\n"));
        }
    }
}
