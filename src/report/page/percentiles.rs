//! Percentiles of several sides, by the number of nines.

use super::content::{Chart, Label, quantile_words};
use crate::{
    measure::Latency,
    report::plot::{Drawing, Scale},
    result::summary::LatencyRecord,
    units::{as_f64, format_nanoseconds},
};

/// Points of a curve.
const POINTS: u32 = 160;

/// Draws a curve per side: its class, its name and its latency. `None` if a side has no call.
pub(super) fn chart(name: &str, unit: &str, sides: &[(&'static str, &str, &LatencyRecord)]) -> Option<Chart> {
    let latencies: Vec<(&'static str, Latency)> = sides
        .iter()
        .filter_map(|(class, _, record)| Some((*class, record.decode().ok()?)))
        .filter(|(_, latency)| latency.count() > 0)
        .collect();
    if latencies.len() < sides.len() {
        return None;
    }
    let x = Scale::nines(latencies.iter().map(|(_, latency)| latency.count()).min()?);
    let ends = latencies.iter().flat_map(|(_, latency)| [as_f64(latency.min_ns()), as_f64(latency.max_ns())]);
    let y = Scale::logarithmic(ends);
    let mut drawing = Drawing::new();
    for (class, latency) in &latencies {
        let places = (0..=POINTS).map(|index| f64::from(index) / f64::from(POINTS));
        let height = |place: f64| y.place(as_f64(latency.quantile_ns(x.value(place))));
        drawing.line(class, places.map(|place| (place, height(place))));
    }
    let chart = Chart {
        name: name.to_owned(),
        unit: unit.to_owned(),
        drawing,
        y: Label::ticks(&y, format_nanoseconds),
        x: Label::ticks(&x, quantile_words),
        key: sides.iter().map(|(class, name, _)| (*class, (*name).to_owned())).collect(),
        ..Chart::default()
    };
    Some(chart.grid())
}
