//! Latency by message size: a row per size.

use super::ranges::{self, Range};
use crate::{
    report::{
        page::content::{Figure, Table},
        text::{figures::time, summary::latency_cells},
    },
    result::{
        samples_needed,
        summary::{SizeSummary, Summary},
    },
    units::{ByteSize, as_f64, grouped},
};

pub(super) fn figure(summary: &Summary) -> Option<Figure> {
    (!summary.sizes.is_empty()).then(|| Figure {
        question: "Do large messages fare worse?".to_owned(),
        answer: answer(&summary.sizes),
        charts: vec![ranges::chart("Latency by message size", &rows(&summary.sizes))],
        point: "A row is a size: the line goes from p50 to p99, the dot is the maximum. Without the replies that a quantile needs, a part is missing.".to_owned(),
        table: Some(table(&summary.sizes)),
        ..Figure::default()
    })
}

fn answer(sizes: &[SizeSummary]) -> String {
    let p99 =
        |size: &SizeSummary| size.latency.figures.filter(|_| size.latency.count >= samples_needed(0.99));
    let known = || sizes.iter().filter_map(|size| Some((size.message_bytes, p99(size)?.p99_ns)));
    let ends = known().min_by_key(|(bytes, _)| *bytes).zip(known().max_by_key(|(bytes, _)| *bytes));
    if sizes.iter().all(|size| size.calls.outcomes.answered == 0) {
        return "No call of any size was answered.".to_owned();
    }
    match ends {
        Some(((least, fast), (most, slow))) if least < most => {
            format!("p99 is {} at {}, and {} at {}.", time(fast), ByteSize(least), time(slow), ByteSize(most))
        }
        _ => "Fewer than two sizes have enough replies for a p99.".to_owned(),
    }
}

fn rows(sizes: &[SizeSummary]) -> Vec<Range> {
    sizes.iter().map(row).collect()
}

fn row(size: &SizeSummary) -> Range {
    let figures = |needed: u64| size.latency.figures.filter(|_| size.latency.count >= needed);
    let (planned, answered) = (size.calls.planned, size.calls.outcomes.answered);
    let bytes = ByteSize(size.message_bytes);
    let name = if answered == planned {
        bytes.to_string()
    } else {
        let share = as_f64(answered) / as_f64(planned.max(1));
        format!("{bytes}: {:.0} % answered", (share * 100.0).floor())
    };
    Range {
        name,
        p50: figures(samples_needed(0.5)).map(|figures| figures.p50_ns),
        p99: figures(samples_needed(0.99)).map(|figures| figures.p99_ns),
        max: figures(1).map(|figures| figures.max_ns),
    }
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
