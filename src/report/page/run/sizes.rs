//! Latency by message size: a row per size.

use super::ranges::{self, Range};
use crate::{
    report::{
        page::content::{Figure, Table},
        text::summary::latency_cells,
    },
    result::summary::{SizeSummary, Summary},
    units::{ByteSize, grouped},
};

pub(super) fn figure(summary: &Summary) -> Option<Figure> {
    (!summary.sizes.is_empty()).then(|| Figure {
        question: "Do large messages fare worse?".to_owned(),
        answer: answer(&summary.sizes),
        charts: vec![ranges::chart("Latency by message size", &rows(&summary.sizes))],
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

fn rows(sizes: &[SizeSummary]) -> Vec<Range> {
    let row = |size: &SizeSummary| {
        let figures = size.latency.figures.map(|figures| [figures.p50_ns, figures.p99_ns, figures.max_ns]);
        (ByteSize(size.message_bytes).to_string(), figures)
    };
    sizes.iter().map(row).collect()
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
