//! Ranges of latency, a row each: from p50 to p99, and the maximum.

use crate::{
    report::{
        page::content::{Chart, Label, Shape},
        plot::{Drawing, Scale},
    },
    units::{as_f64, format_nanoseconds},
};

/// A row: its name, and p50, p99 and maximum in ns if calls were answered.
pub(super) type Range = (String, Option<[u64; 3]>);

/// Draws the rows on one axis.
pub(super) fn chart(name: &str, rows: &[Range]) -> Chart {
    let ends = rows.iter().filter_map(|(_, range)| *range).flat_map(|[p50, _, max]| [p50, max]);
    let scale = Scale::logarithmic(ends.map(as_f64));
    let place = |row: usize| 1.0 - (as_f64(row as u64) + 0.5) / as_f64(rows.len() as u64);
    let mut drawing = Drawing::new();
    for (row, (_, range)) in rows.iter().enumerate() {
        let Some([p50, p99, max]) = range.map(|range| range.map(|value| scale.place(as_f64(value)))) else {
            continue;
        };
        let height = place(row);
        drawing.line("c1 thin", [(p99, height), (max, height)]);
        drawing.line("c1 thick", [(p50, height), (p99, height)]);
        drawing.dot("c2", (max, height));
    }
    let labels = rows.iter().enumerate().map(|(row, (name, _))| Label::new(place(row), name.clone()));
    Chart {
        name: name.to_owned(),
        drawing,
        y: labels.collect(),
        x: Label::ticks(&scale, format_nanoseconds),
        shape: Shape::Rows(rows.len()),
        ..Chart::default()
    }
    .grid()
}
