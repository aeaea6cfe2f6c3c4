//! Ratios with their intervals, a row each, around the line of no change.

use super::content::{Chart, Label, Shape};
use crate::{
    report::plot::{Drawing, Scale},
    units::as_f64,
};

/// A row: a ratio, and what is known of its spread.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// Name of the row.
    pub(super) name: String,
    /// Estimate of the ratio.
    pub(super) ratio: f64,
    /// Interval of the ratio.
    pub(super) interval: Option<(f64, f64)>,
    /// Ratios of single runs, rounds or repetitions.
    pub(super) dots: Vec<f64>,
    /// Interval of the ratio of two equal sides.
    pub(super) noise: Option<(f64, f64)>,
    /// Ratios from which a change counts: drawn as marks.
    pub(super) bounds: Vec<f64>,
    /// True if the row shows a change for the worse.
    pub(super) is_bad: bool,
    /// Smallest and largest ratio that are no change worth a verdict.
    pub(super) band: Option<(f64, f64)>,
    /// Changes that would be seen, as ratios: drawn as small marks.
    pub(super) seen: Vec<f64>,
    /// True for a row that explains the others: it is drawn thin.
    pub(super) is_hollow: bool,
}

/// Draws rows on one logarithmic axis of ratios, with 1 in its middle.
pub(super) fn chart(name: &str, rows: &[Row]) -> Chart {
    let ends = rows.iter().flat_map(|row| {
        let pairs =
            [row.interval, row.noise, row.band].into_iter().flatten().flat_map(|(low, high)| [low, high]);
        pairs
            .chain(row.dots.iter().copied())
            .chain(row.bounds.iter().chain(&row.seen).copied())
            .chain([row.ratio])
    });
    let scale = Scale::ratios(ends);
    let (low, high) = scale.ends();
    let far = low <= 1.0 / FAR || high >= FAR;
    let height = 1.0 / as_f64(rows.len().max(1) as u64);
    let place = |row: usize| 1.0 - (as_f64(row as u64) + 0.5) * height;
    let mut drawing = Drawing::new();
    drawing.upright("axis", scale.place(1.0));
    for (index, row) in rows.iter().enumerate() {
        let y = place(index);
        let mut box_of = |class, ends: Option<(f64, f64)>, half: f64| {
            if let Some((low, high)) = ends {
                let half = half * height;
                drawing.rectangle(class, (scale.place(low), y - half), (scale.place(high), y + half));
            }
        };
        box_of("fgrid soft", row.band, 0.45);
        box_of("fgrid", row.noise, 0.3);
        for seen in &row.seen {
            let x = scale.place(*seen);
            drawing.line("c3", [(x, y - 0.45 * height), (x, y - 0.3 * height)]);
        }
        for bound in &row.bounds {
            let x = scale.place(*bound);
            drawing.line("axis dash", [(x, y - 0.45 * height), (x, y + 0.45 * height)]);
        }
        let (class, bar) = match (row.is_bad, row.is_hollow) {
            (true, _) => ("cbad", "cbad thick"),
            (false, true) => ("c3", "c3 thin"),
            (false, false) => ("c1", "c1 thick"),
        };
        if let Some((low, high)) = row.interval {
            let class = bar;
            drawing.line(class, [(scale.place(low), y), (scale.place(high), y)]);
        }
        // The dots of repetitions lie one beside the other, in their order.
        let step = 0.6 * height / as_f64(row.dots.len().max(1) as u64);
        for (number, dot) in row.dots.iter().enumerate() {
            let offset = (as_f64(number as u64) + 0.5) * step - 0.3 * height;
            drawing.dot("c2 small", (scale.place(*dot), y - offset));
        }
        drawing.line(class, {
            let x = scale.place(row.ratio);
            [(x, y - 0.3 * height), (x, y + 0.3 * height)]
        });
    }
    Chart {
        name: name.to_owned(),
        drawing,
        y: rows.iter().enumerate().map(|(index, row)| Label::new(place(index), row.name.clone())).collect(),
        x: Label::ticks(&scale, if far { factor } else { percent }),
        shape: Shape::Rows(rows.len()),
        ..Chart::default()
    }
    .grid()
}

/// Ratio from which an axis has factors instead of percentages.
const FAR: f64 = 3.0;

/// Returns a ratio as a factor: `x 5`.
fn factor(ratio: f64) -> String {
    format!("x {}", crate::units::decimal(ratio))
}

/// Returns a ratio as a change: `+5 %`.
fn percent(ratio: f64) -> String {
    let change = ((ratio - 1.0) * 1_000.0).round() / 10.0;
    if change == 0.0 { "0 %".to_owned() } else { format!("{change:+} %") }
}
