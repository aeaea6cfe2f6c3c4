//! The run over its window: calls, quantiles and a heat map on one axis of time.

use crate::{
    load::{PlannedLoad, Stage},
    measure::Latency,
    report::{
        page::content::{Chart, Figure, Label, Shape, Table},
        plot::{
            Drawing, Scale,
            heat::{self, Column},
        },
        text::figures::time,
    },
    result::{
        samples_needed,
        summary::{IntervalRecord, LatencyFigures, Summary},
    },
    units::{as_f64, decimal, format_nanoseconds, grouped},
};

/// Most columns of the heat map; beyond, neighbours are merged.
const MOST_COLUMNS: usize = 240;

/// Smallest part of an interval whose rate is drawn: a tenth of the longest interval.
const SHORTEST: u64 = 10;

/// Rows of the heat map per tenfold of latency.
const ROWS_PER_DECADE: f64 = 10.0;

/// An interval as it is drawn.
struct Row<'a> {
    interval: &'a IntervalRecord,
    from: f64,
    to: f64,
    per_second: f64,
    lost_per_second: f64,
}

pub(super) fn figure(summary: &Summary) -> Option<Figure> {
    let end = summary
        .intervals
        .iter()
        .map(|interval| interval.start_ns.saturating_add(interval.length_ns))
        .max()?;
    let end = as_f64(end.max(summary.window_ns).max(1));
    let rows: Vec<Row<'_>> = summary.intervals.iter().map(|interval| row(interval, end)).collect();
    // The rate of a rest of an interval would mislead; the table has its calls.
    let longest = summary.intervals.iter().map(|interval| interval.length_ns).max()?;
    let drawn: Vec<&Row<'_>> =
        rows.iter().filter(|row| row.interval.length_ns >= longest / SHORTEST).collect();
    let seconds = Scale::linear(0.0, end / 1e9);
    let x = Label::ticks(&seconds, |value| format!("{} s", decimal(value)));
    let window_end = as_f64(summary.window_ns) / end;
    let charts = vec![
        calls(summary, &drawn, &x, window_end),
        quantiles(summary, &drawn, &x, window_end),
        heat_map(summary, &rows, &x, window_end),
    ];
    Some(Figure {
        question: "Did it stay the same over the run?".to_owned(),
        answer: answer(summary, &rows),
        charts,
        point: point(summary),
        table: Some(table(summary, &rows)),
        has_columns: true,
        ..Figure::default()
    })
}

fn row(interval: &IntervalRecord, end: f64) -> Row<'_> {
    let seconds = as_f64(interval.length_ns.max(1)) / 1e9;
    let lost = interval.calls.total().saturating_sub(interval.calls.answered);
    Row {
        interval,
        from: as_f64(interval.start_ns) / end,
        to: as_f64(interval.start_ns.saturating_add(interval.length_ns)) / end,
        per_second: as_f64(interval.calls.answered) / seconds,
        lost_per_second: as_f64(lost) / seconds,
    }
}

/// Whole rows within the window: the last one may be short, and rows of the drain have the ends of few calls.
fn whole<'a>(summary: &Summary, rows: &'a [Row<'a>]) -> Vec<&'a Row<'a>> {
    let length = rows.iter().map(|row| row.interval.length_ns).max().unwrap_or(0);
    let is_whole = |row: &&Row<'_>| {
        let end = row.interval.start_ns.saturating_add(row.interval.length_ns);
        row.interval.length_ns == length && end <= summary.window_ns
    };
    rows.iter().filter(is_whole).collect()
}

fn answer(summary: &Summary, rows: &[Row<'_>]) -> String {
    let whole = whole(summary, rows);
    if whole.len() < 2 {
        return "The run has too few whole intervals to compare them.".to_owned();
    }
    let rates = || whole.iter().map(|row| row.per_second);
    let (least, most) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
    let slowest = rows.iter().filter_map(|row| Some((max_of(row)?, row))).max_by_key(|(max, _)| *max);
    let slowest = slowest.map_or_else(String::new, |(max, row)| {
        let from = decimal(as_f64(row.interval.start_ns) / 1e9);
        format!(" The slowest call took {}, and ended between {from} s and {}.", time(max), at(row))
    });
    format!("Between {} and {} answered calls/s.{slowest}", decimal(least), decimal(most))
}

fn max_of(row: &Row<'_>) -> Option<u64> {
    row.interval.latency.figures.as_ref().map(|figures| figures.max_ns)
}

fn at(row: &Row<'_>) -> String {
    let end = row.interval.start_ns.saturating_add(row.interval.length_ns);
    format!("{} s", decimal(as_f64(end) / 1e9))
}

fn point(summary: &Summary) -> String {
    let length = summary.intervals.iter().map(|interval| interval.length_ns).max().unwrap_or(0);
    let which = if summary.plan.is_open() { "response time" } else { "service time" };
    format!(
        "A column is {} of the run: the calls that ended in it, with their {which}. The shaded part is the drain, after the measured window.",
        time(length)
    )
}

/// Shades the drain.
fn shaded(window_end: f64) -> Drawing {
    let mut drawing = Drawing::new();
    if window_end < 0.999 {
        drawing.rectangle("fgrid", (window_end, 0.0), (1.0, 1.0));
    }
    drawing
}

fn calls(summary: &Summary, rows: &[&Row<'_>], x: &[Label], window_end: f64) -> Chart {
    let planned = planned(summary);
    let highest = rows.iter().map(|row| row.per_second + row.lost_per_second);
    let highest = highest.chain(planned.iter().map(|(_, rate)| *rate)).fold(0.0, f64::max);
    let scale = Scale::from_zero(highest);
    let mut drawing = shaded(window_end);
    let steps = |of: fn(&Row<'_>) -> f64| {
        let corners = rows.iter().flat_map(move |row| [(row.from, of(row)), (row.to, of(row))]);
        corners.map(move |(x, value)| (x, scale.place(value)))
    };
    let down =
        || rows.last().map(|row| (row.to, 0.0)).into_iter().chain(rows.first().map(|row| (row.from, 0.0)));
    drawing.area("f1 soft", steps(|row| row.per_second).chain(down()));
    drawing.line("c1", steps(|row| row.per_second));
    let mut key = vec![("c1", "answered".to_owned())];
    if rows.iter().any(|row| row.lost_per_second > 0.0) {
        let mut back: Vec<_> = steps(|row| row.per_second).collect();
        back.reverse();
        drawing.area("fbad soft", steps(|row| row.per_second + row.lost_per_second).chain(back));
        drawing.line("cbad dots", steps(|row| row.per_second + row.lost_per_second));
        key.push(("cbad dots", "and not answered".to_owned()));
    }
    if !planned.is_empty() {
        drawing.line("c2 dash", planned.iter().map(|(x, rate)| (*x, scale.place(*rate))));
        key.push(("c2 dash", "planned".to_owned()));
    }
    Chart {
        name: "Answered calls per second over the run".to_owned(),
        unit: "calls/s".to_owned(),
        drawing,
        y: Label::ticks(&scale, decimal),
        x: copied(x),
        key,
        shape: Shape::Low,
    }
    .grid()
}

/// The planned rate of these calls over time; empty in a closed loop. The plan is that of all shards.
fn planned(summary: &Summary) -> Vec<(f64, f64)> {
    let PlannedLoad::Open { stages, .. } = &summary.plan.load else { return Vec::new() };
    let share = match (&summary.shard, &summary.shards) {
        (Some(shard), _) => 1.0 / as_f64(shard.of.max(1)),
        (None, Some(shards)) => as_f64(shards.merged.len() as u64) / as_f64(shards.of.max(1)),
        (None, None) => 1.0,
    };
    let end =
        summary.intervals.iter().map(|interval| interval.start_ns.saturating_add(interval.length_ns)).max();
    let end = as_f64(end.unwrap_or(0).max(summary.window_ns).max(1)) / 1e9;
    let window = as_f64(summary.window_ns) / 1e9;
    let mut points = Vec::new();
    let mut start = 0.0;
    for Stage { from_per_second, to_per_second, duration } in stages {
        let whole = duration.as_secs_f64();
        // A run that was interrupted, or that ended by its count, ends within a stage.
        let length = whole.min(window - start);
        if length <= 0.0 {
            break;
        }
        let last = from_per_second + (to_per_second - from_per_second) * length / whole;
        points.push((start / end, from_per_second * share));
        start += length;
        points.push((start / end, last * share));
    }
    points
}

fn quantiles(summary: &Summary, rows: &[&Row<'_>], x: &[Label], window_end: f64) -> Chart {
    let scale = latency_scale(rows.iter().copied());
    let mut drawing = shaded(window_end);
    // Lines end where no call ended, and where a quantile has too few calls.
    let mut line = |class, needed: u64, of: fn(&LatencyFigures) -> u64| {
        let known = |row: &Row<'_>| {
            let figures = row.interval.latency.figures.as_ref()?;
            (row.interval.latency.count >= needed).then(|| scale.place(as_f64(of(figures))))
        };
        for part in rows.split(|row| known(row).is_none()) {
            let steps = part.iter().filter_map(|row| Some((row, known(row)?)));
            drawing.line(class, steps.flat_map(|(row, place)| [(row.from, place), (row.to, place)]));
        }
    };
    line("c1 dots", 1, |figures| figures.max_ns);
    line("c2", samples_needed(0.99), |figures| figures.p99_ns);
    line("c3 dash", samples_needed(0.5), |figures| figures.p50_ns);
    let which = if summary.plan.is_open() { "response time" } else { "service time" };
    Chart {
        name: format!("Median, 99th percentile and maximum of the {which} over the run"),
        unit: which.to_owned(),
        drawing,
        y: Label::ticks(&scale, format_nanoseconds),
        x: copied(x),
        key: vec![("c1 dots", "max".to_owned()), ("c2", "p99".to_owned()), ("c3 dash", "p50".to_owned())],
        shape: Shape::Low,
    }
    .grid()
}

fn heat_map(summary: &Summary, rows: &[Row<'_>], x: &[Label], window_end: f64) -> Chart {
    let scale = latency_scale(rows.iter());
    let (low, high) = scale.ends();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 13 decades")]
    let cells = (((high / low).log10() * ROWS_PER_DECADE).ceil() as usize).clamp(1, 140);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "nanoseconds of at most an hour"
    )]
    let bounds: Vec<u64> = (1..=cells)
        .map(|cell| scale.value(as_f64(cell as u64) / as_f64(cells as u64)).round() as u64)
        .collect();
    let together = rows.len().div_ceil(MOST_COLUMNS).max(1);
    let columns: Vec<Column> = rows
        .chunks(together)
        .map(|rows| {
            let mut sum = Latency::new();
            for latency in rows.iter().filter_map(|row| row.interval.latency.decode().ok()) {
                sum.add(&latency);
            }
            Column { from: rows[0].from, to: rows[rows.len() - 1].to, counts: sum.counts_up_to(&bounds) }
        })
        .collect();
    let mut drawing = shaded(window_end);
    heat::heat(&mut drawing, &columns);
    let which = if summary.plan.is_open() { "response time" } else { "service time" };
    Chart {
        name: format!("Heat map of the {which} over the run: the more calls, the stronger the colour"),
        unit: format!("{which}, the more calls the stronger"),
        drawing,
        y: Label::ticks(&scale, format_nanoseconds),
        x: copied(x),
        shape: Shape::Low,
        ..Chart::default()
    }
}

fn copied(x: &[Label]) -> Vec<Label> {
    x.iter()
        .map(|label| Label { place: label.place, text: label.text.clone(), is_minor: label.is_minor })
        .collect()
}

fn latency_scale<'a>(rows: impl Iterator<Item = &'a Row<'a>>) -> Scale {
    let figures = rows.filter_map(|row| row.interval.latency.figures.as_ref());
    Scale::logarithmic(figures.flat_map(|figures| [as_f64(figures.min_ns), as_f64(figures.max_ns)]))
}

fn table(summary: &Summary, rows: &[Row<'_>]) -> Table {
    let is_open = summary.plan.is_open();
    let mut head = vec!["until", "answered/s", "not answered", "in flight", "p50", "p99", "max"];
    if is_open {
        head.push("largest lateness");
    }
    let longest = rows.iter().map(|row| row.interval.length_ns).max().unwrap_or(0);
    let mut table = Table::new(&head);
    for row in rows {
        let interval = row.interval;
        let figures = interval.latency.figures.as_ref();
        let quantile = |needed: u64, of: fn(&LatencyFigures) -> u64| {
            let known = figures.filter(|_| interval.latency.count >= needed);
            known.map_or_else(|| "-".to_owned(), |figures| time(of(figures)))
        };
        let mut cells = vec![
            at(row),
            if interval.length_ns < longest / SHORTEST { "-".to_owned() } else { decimal(row.per_second) },
            grouped(interval.calls.total().saturating_sub(interval.calls.answered)),
            interval.in_flight.map_or_else(|| "-".to_owned(), grouped),
            quantile(samples_needed(0.5), |figures| figures.p50_ns),
            quantile(samples_needed(0.99), |figures| figures.p99_ns),
            quantile(1, |figures| figures.max_ns),
        ];
        if is_open {
            cells.push(interval.largest_lateness_ns.map_or_else(|| "-".to_owned(), time));
        }
        table.edges.push(row.to * 1_000.0);
        table.row(cells);
    }
    table
}
