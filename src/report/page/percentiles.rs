//! Percentiles of several times or sides, by the number of nines.

use super::content::{Chart, Label, Table, quantile_words};
use crate::{
    measure::Latency,
    report::{
        plot::{Drawing, Scale},
        text::summary::latency_cells,
    },
    result::{QUANTILES, samples_needed, summary::LatencyRecord},
    units::{as_f64, format_nanoseconds},
};

/// Points of a curve.
const POINTS: u32 = 160;

/// Largest factor from the longest time to a goal that is drawn.
const FARTHEST: f64 = 5.0;

/// Meaning of the dotted part of a curve.
pub(super) const DOTTED: &str = "It is dotted from the last quantile with enough replies up to the maximum.";

/// A curve: its class of line, its name, and its times.
pub(super) type Curve<'a> = (&'static str, &'a str, &'a LatencyRecord);

/// A bound on a quantile: the quantile, the bound in ns, and its words.
pub(super) type Goal = (f64, f64, String);

/// Draws the curves, and a mark at each goal. `None` if one of the curves has no call.
pub(super) fn chart(name: &str, unit: &str, curves: &[Curve<'_>], goals: &[Goal]) -> Option<Chart> {
    let latencies: Vec<(&'static str, Latency)> = curves
        .iter()
        .filter_map(|(class, _, record)| Some((*class, record.decode().ok()?)))
        .filter(|(_, latency)| latency.count() > 0)
        .collect();
    if latencies.len() < curves.len() {
        return None;
    }
    let x = Scale::nines(latencies.iter().map(|(_, latency)| latency.count()).max()?);
    let ends =
        || latencies.iter().flat_map(|(_, latency)| [as_f64(latency.min_ns()), as_f64(latency.max_ns())]);
    // A bound far above all times would leave little room for the curves.
    let highest = ends().fold(0.0, f64::max) * FARTHEST;
    let goals: Vec<&Goal> = goals.iter().filter(|(_, bound, _)| *bound <= highest).collect();
    let y = Scale::logarithmic(ends().chain(goals.iter().map(|(_, bound, _)| *bound)));
    let mut drawing = Drawing::new();
    for (class, latency) in &latencies {
        let point = |place: f64| (place, y.place(as_f64(latency.quantile_ns(x.value(place)))));
        let places = || (0..=POINTS).map(|index| f64::from(index) / f64::from(POINTS));
        let is_known = |place: f64| samples_needed(x.value(place).max(0.01)) <= latency.count();
        let last = places().rfind(|place| is_known(*place)).unwrap_or(0.0);
        drawing.line(class, places().filter(|place| *place <= last).map(point));
        let rest = places().filter(|place| *place >= last).map(point);
        drawing.line(dotted(class), rest.chain([(1.0, y.place(as_f64(latency.max_ns())))]));
    }
    for (quantile, bound, _) in &goals {
        let (x, y) = (x.place(*quantile), y.place(*bound));
        drawing.line("cbad thick", [((x - 0.02).max(0.0), y), ((x + 0.02).min(1.0), y)]);
    }
    let chart = Chart {
        name: name.to_owned(),
        unit: unit.to_owned(),
        drawing,
        y: Label::ticks(&y, format_nanoseconds),
        x: Label::ticks(&x, quantile_words),
        key: curves.iter().map(|(class, name, _)| (*class, (*name).to_owned())).collect(),
        ..Chart::default()
    };
    let marks =
        goals.iter().map(|(quantile, bound, words)| ((x.place(*quantile), y.place(*bound)), words.clone()));
    Some(chart.grid().with_marks(marks))
}

/// Class of a curve's part with too few replies.
fn dotted(class: &str) -> &'static str {
    match class.get(..2) {
        Some("c1") => "c1 dots",
        Some("c3") => "c3 dots",
        _ => "c2 dots",
    }
}

/// Table with the figures of the curves. A quantile with too few replies is left out.
pub(super) fn table(curves: &[Curve<'_>]) -> Table {
    let mut head = vec!["time", "min", "mean"];
    head.extend(QUANTILES.iter().map(|(name, _)| *name));
    head.push("max");
    let mut table = Table::new(&head);
    for (_, name, record) in curves {
        table.row(std::iter::once((*name).to_owned()).chain(latency_cells(record)));
    }
    table
}
