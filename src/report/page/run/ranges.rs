//! Ranges of latency, a row each: from p50 to p99, and the maximum.

use crate::{
    report::{
        page::content::{Chart, Label, Shape},
        plot::{Drawing, Scale},
    },
    units::{as_f64, format_nanoseconds},
};

/// A row: its name, and its times in ns, as far as they are known.
#[derive(Debug, Clone, Default)]
pub(super) struct Range {
    pub(super) name: String,
    pub(super) p50: Option<u64>,
    pub(super) p99: Option<u64>,
    pub(super) max: Option<u64>,
}

/// Draws the rows on one axis.
pub(super) fn chart(name: &str, rows: &[Range]) -> Chart {
    let ends = rows.iter().flat_map(|row| [row.p50, row.max]).flatten();
    let scale = Scale::logarithmic(ends.map(as_f64));
    let place = |row: usize| 1.0 - (as_f64(row as u64) + 0.5) / as_f64(rows.len() as u64);
    let mut drawing = Drawing::new();
    for (index, row) in rows.iter().enumerate() {
        let height = place(index);
        let [p50, p99, max] =
            [row.p50, row.p99, row.max].map(|time| time.map(|time| (scale.place(as_f64(time)), height)));
        let mut line = |class, from: Option<(f64, f64)>, to: Option<(f64, f64)>| {
            if let (Some(from), Some(to)) = (from, to) {
                drawing.line(class, [from, to]);
            }
        };
        line("c1 thin", p99.or(p50), max);
        line("c1 thick", p50, p99);
        if let Some(max) = max {
            drawing.dot("c2", max);
        }
    }
    let labels = rows.iter().enumerate().map(|(index, row)| Label::new(place(index), row.name.clone()));
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
