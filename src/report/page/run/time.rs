//! The run over its window: calls, quantiles, a heat map and CPU time on one axis of time.

use super::{
    columns::{Column, Columns},
    time_charts,
};
use crate::{
    report::{
        page::content::{Figure, Table},
        text::figures::time,
    },
    result::{
        samples_needed,
        summary::{LatencyFigures, Summary},
    },
    units::{as_f64, decimal, grouped},
};

pub(super) fn figure(summary: &Summary) -> Option<Figure> {
    let columns = Columns::of(summary)?;
    Some(Figure {
        question: "Did it stay the same over the run?".to_owned(),
        answer: answer(summary, &columns),
        charts: time_charts::charts(summary, &columns),
        point: point(summary, &columns),
        table: Some(table(summary, &columns)),
        has_columns: true,
        ..Figure::default()
    })
}

fn answer(summary: &Summary, columns: &Columns) -> String {
    let rates = || columns.whole(summary.window_ns).map(Column::per_second);
    if summary.calls.outcomes.answered == 0 {
        return "No call was answered.".to_owned();
    }
    if rates().nth(1).is_none() {
        return "The run has too few whole intervals to compare them.".to_owned();
    }
    let (least, most) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
    let rates = match (decimal(least), decimal(most)) {
        (least, most) if least == most => format!("{least} answered calls/s throughout"),
        (least, most) => format!("Between {least} and {most} answered calls/s"),
    };
    let max = |column: &Column| column.figures.as_ref().map(|figures| figures.max_ns);
    let slowest = columns.all.iter().filter_map(|column| Some((max(column)?, column)));
    let slowest = slowest.max_by_key(|(max, _)| *max).map_or_else(String::new, |(max, column)| {
        let (from, to) = (instant(column.start_ns), instant(column.end_ns));
        format!(" The slowest call took {}, and ended between {from} and {to}.", time(max))
    });
    format!("{rates}, in columns of {}.{slowest}", time(columns.length_ns))
}

/// An instant of the run, exact to the millisecond.
fn instant(nanoseconds: u64) -> String {
    if nanoseconds < 1_000_000_000 && !nanoseconds.is_multiple_of(1_000_000) {
        return time(nanoseconds);
    }
    let digits = format!("{:.3}", as_f64(nanoseconds) / 1e9);
    format!("{} s", digits.trim_end_matches('0').trim_end_matches('.'))
}

fn point(summary: &Summary, columns: &Columns) -> String {
    let which = if summary.plan.is_open() { "response time" } else { "service time" };
    let mut text = format!(
        "A column is {} of the run: the calls that ended in it, with their {which}.",
        time(columns.length_ns)
    );
    if columns.shows_drain(summary.window_ns) {
        text.push_str(" The shaded part is the drain, after the measured window.");
    }
    let interval = summary.intervals.iter().map(|interval| interval.length_ns).max().unwrap_or(0);
    if interval < columns.length_ns {
        text.push_str(" The JSON document and the CSV file have rows of ");
        text.push_str(&time(interval));
        text.push('.');
    }
    text
}

fn table(summary: &Summary, columns: &Columns) -> Table {
    let is_open = summary.plan.is_open();
    let has = |known: fn(&Column) -> Option<f64>| columns.all.iter().any(|column| known(column).is_some());
    let has_client = has(|column| column.client_cores);
    let has_server = has(|column| column.server_cores);
    let mut head = vec!["until", "answered/s", "not answered", "in flight", "p50", "p99", "max"];
    head.extend(is_open.then_some("largest lateness"));
    head.extend(has_client.then_some("generator's cores"));
    head.extend(has_server.then_some("server's cores"));
    let mut table = Table::new(&head);
    let known = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for column in &columns.all {
        let quantile = |needed: u64, of: fn(&LatencyFigures) -> u64| {
            let figures = column.figures.as_ref().filter(|_| column.calls.answered >= needed);
            known(figures.map(|figures| time(of(figures))))
        };
        let mut cells = vec![
            instant(column.end_ns),
            known(column.has_rate.then(|| decimal(column.per_second()))),
            grouped(column.lost()),
            known(column.in_flight.map(grouped)),
            quantile(samples_needed(0.5), |figures| figures.p50_ns),
            quantile(samples_needed(0.99), |figures| figures.p99_ns),
            quantile(1, |figures| figures.max_ns),
        ];
        if is_open {
            cells.push(known(column.largest_lateness_ns.map(time)));
        }
        if has_client {
            cells.push(known(column.client_cores.map(cores)));
        }
        if has_server {
            cells.push(known(column.server_cores.map(cores)));
        }
        table.edges.push(column.place.1 * 1_000.0);
        table.row(cells);
    }
    table
}

fn cores(cores: f64) -> String {
    format!("{cores:.2}")
}
