//! Tail of the latency, and its origin: percentiles by the number of nines.

use crate::{
    measure::Latency,
    report::{
        page::content::{Chart, Figure, Label, Table, quantile_words},
        plot::{Drawing, Scale},
        text::{figures::time, summary::latency_cells},
    },
    result::{
        QUANTILES, samples_needed,
        summary::{LatencyRecord, Summary},
    },
    units::{as_f64, format_nanoseconds},
};

/// Points of a curve.
const POINTS: u32 = 160;

/// A time of the run: its class of line, its name, and its record.
type Time<'a> = (&'static str, &'static str, &'a LatencyRecord);

pub(super) fn figure(summary: &Summary) -> Option<Figure> {
    let latency = &summary.latency;
    let times: Vec<Time<'_>> = [
        latency.response.as_ref().map(|record| ("c1", "response", record)),
        Some((if latency.response.is_some() { "c2 dash" } else { "c1" }, "service", &latency.service)),
        latency.lateness.as_ref().map(|record| ("c3", "lateness", record)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let histograms: Vec<(Time<'_>, Latency)> =
        times.iter().filter_map(|time| Some((*time, time.2.decode().ok()?))).collect();
    let count = summary.main_latency().count;
    (count > 0).then(|| {
        Figure {
            question: "How long is the tail, and whose is it?".to_owned(),
            answer: answer(summary),
            charts: vec![curves(&histograms, count)],
            point: "A curve tells which share of the replies took at most so long. It is dotted from the last quantile with enough replies up to the maximum.".to_owned(),
            table: Some(table(&times)),
            ..Figure::default()
        }
    })
}

fn answer(summary: &Summary) -> String {
    let main = summary.main_latency();
    let name = if summary.latency.response.is_some() { "response" } else { "service" };
    let mut known = QUANTILES.iter().zip(latency_cells(main).into_iter().skip(2));
    let last = known.rfind(|(_, cell)| cell != "-");
    let largest = main.figures.as_ref().map_or_else(String::new, |figures| time(figures.max_ns));
    last.map_or_else(String::new, |((quantile, _), cell)| {
        format!("{quantile} of the {name} time is {cell}; the slowest reply took {largest}.")
    })
}

fn curves(histograms: &[(Time<'_>, Latency)], count: u64) -> Chart {
    let x = Scale::nines(count);
    let ends =
        histograms.iter().flat_map(|(_, latency)| [as_f64(latency.min_ns()), as_f64(latency.max_ns())]);
    let y = Scale::logarithmic(ends);
    let mut drawing = Drawing::new();
    let mut key = Vec::new();
    for ((class, name, _), latency) in histograms {
        let point = |place: f64| (place, y.place(as_f64(latency.quantile_ns(x.value(place)))));
        let places = || (0..=POINTS).map(|index| f64::from(index) / f64::from(POINTS));
        let is_known = |place: f64| samples_needed(x.value(place).max(0.01)) <= latency.count();
        let last = places().rfind(|place| is_known(*place)).unwrap_or(0.0);
        drawing.line(class, places().filter(|place| *place <= last).map(point));
        let rest = places().filter(|place| *place >= last).map(point);
        drawing.line(
            match *class {
                "c1" => "c1 dots",
                "c3" => "c3 dots",
                _ => "c2 dots",
            },
            rest.chain([(1.0, y.place(as_f64(latency.max_ns())))]),
        );
        key.push((*class, if *name == "lateness" { (*name).to_owned() } else { format!("{name} time") }));
    }
    Chart {
        name: "Percentiles of the times of calls, by the number of nines".to_owned(),
        unit: "time, at most".to_owned(),
        drawing,
        y: Label::ticks(&y, format_nanoseconds),
        x: Label::ticks(&x, quantile_words),
        key,
        ..Chart::default()
    }
    .grid()
}

fn table(times: &[Time<'_>]) -> Table {
    let mut head = vec!["time", "min", "mean"];
    head.extend(QUANTILES.iter().map(|(name, _)| *name));
    head.push("max");
    let mut table = Table::new(&head);
    for (_, name, record) in times {
        table.row(std::iter::once((*name).to_owned()).chain(latency_cells(record)));
    }
    table
}
