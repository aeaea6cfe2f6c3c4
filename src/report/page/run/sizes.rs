//! Latency by message size: a row per size.

use crate::{
    report::{
        page::content::{Chart, Figure, Label, Shape, Table},
        plot::{Drawing, Scale},
        text::summary::latency_cells,
    },
    result::summary::{LatencyFigures, SizeSummary, Summary},
    units::{ByteSize, as_f64, format_nanoseconds, grouped},
};

pub(super) fn figure(summary: &Summary) -> Option<Figure> {
    (!summary.sizes.is_empty()).then(|| Figure {
        question: "Do large messages fare worse?".to_owned(),
        answer: answer(&summary.sizes),
        charts: vec![chart(&summary.sizes)],
        point: "A row is a size: the line goes from p50 to p99, the dot is the maximum.".to_owned(),
        table: Some(table(&summary.sizes)),
        ..Figure::default()
    })
}

fn answer(sizes: &[SizeSummary]) -> String {
    let known = |size: &&SizeSummary| size.latency.figures.is_some();
    let Some((first, last)) = sizes.iter().find(known).zip(sizes.iter().rfind(known)) else {
        return "No call of any size was answered.".to_owned();
    };
    let p99 = |size: &SizeSummary| latency_cells(&size.latency).get(5).cloned().unwrap_or_default();
    format!(
        "p99 is {} at {}, and {} at {}.",
        p99(first),
        ByteSize(first.message_bytes),
        p99(last),
        ByteSize(last.message_bytes)
    )
}

fn chart(sizes: &[SizeSummary]) -> Chart {
    let figures = |size: &SizeSummary| size.latency.figures;
    let all = sizes.iter().filter_map(figures);
    let scale = Scale::logarithmic(all.flat_map(|figures| [as_f64(figures.p50_ns), as_f64(figures.max_ns)]));
    let place = |row: usize| 1.0 - (as_f64(row as u64) + 0.5) / as_f64(sizes.len() as u64);
    let mut drawing = Drawing::new();
    for (row, size) in sizes.iter().enumerate() {
        let Some(LatencyFigures { p50_ns, p99_ns, max_ns, .. }) = figures(size) else { continue };
        let x = |nanoseconds: u64| scale.place(as_f64(nanoseconds));
        drawing.line("c1 thin", [(x(p99_ns), place(row)), (x(max_ns), place(row))]);
        drawing.line("c1 thick", [(x(p50_ns), place(row)), (x(p99_ns), place(row))]);
        drawing.dot("c2", (x(max_ns), place(row)));
    }
    Chart {
        name: "Latency by message size".to_owned(),
        drawing,
        y: sizes
            .iter()
            .enumerate()
            .map(|(row, size)| Label::new(place(row), ByteSize(size.message_bytes).to_string()))
            .collect(),
        x: Label::ticks(&scale, format_nanoseconds),
        shape: Shape::Rows(sizes.len()),
        ..Chart::default()
    }
    .grid()
}

fn table(sizes: &[SizeSummary]) -> Table {
    let mut table = Table::new(&["size", "planned", "answered", "refused", "other", "p50", "p99", "max"]);
    for size in sizes {
        let cells = latency_cells(&size.latency);
        let cell = |index: usize| cells.get(index).cloned().unwrap_or_default();
        let outcomes = &size.calls.outcomes;
        table.row([
            ByteSize(size.message_bytes).to_string(),
            grouped(size.calls.planned),
            grouped(outcomes.answered),
            grouped(outcomes.refused),
            grouped(outcomes.total().saturating_sub(outcomes.answered).saturating_sub(outcomes.refused)),
            cell(2),
            cell(5),
            cell(8),
        ]);
    }
    table
}
