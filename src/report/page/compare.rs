//! The page of a comparison: limits that moved, then ratios with their intervals.

use super::{
    band,
    content::{self, Band, Figure, Page, Table, Tone},
    forest, percentiles,
};
use crate::{
    experiment::compare::{self, Comparison, Pooled},
    report::compare::{shown, verdict, words, write},
    units::grouped,
};

/// Returns the page of a comparison, whose texts from outside are filtered.
pub(crate) fn page(comparison: &Comparison) -> Page {
    let mut figures = Vec::new();
    figures.extend(limits(comparison));
    figures.push(ratios(comparison));
    figures.extend(comparison.pooled.as_ref().and_then(curves));
    let runs = |side: &[String]| side.join(", ");
    Page {
        title: format!("Comparison of {} with {}", first(&comparison.candidate), first(&comparison.base)),
        band: band_of(comparison),
        figures,
        facts: vec![
            ("base".to_owned(), runs(&comparison.base)),
            ("candidate".to_owned(), runs(&comparison.candidate)),
            ("plans".to_owned(), plans(comparison)),
            ("plimsoll".to_owned(), content::build_words(&comparison.plimsoll)),
        ],
        text: content::text_of(|out| write(comparison, out)),
        ..Page::default()
    }
}

fn first(side: &[String]) -> String {
    match side {
        [one] => one.clone(),
        side => format!("{} runs", side.len()),
    }
}

fn plans(comparison: &Comparison) -> String {
    if comparison.plan_differences.is_empty() {
        "equal".to_owned()
    } else {
        format!("different: {}", comparison.plan_differences.join("; "))
    }
}

fn band_of(comparison: &Comparison) -> Band {
    let tone = if !comparison.limits.is_empty() {
        Tone::Bad
    } else if comparison.findings.is_empty() {
        Tone::Good
    } else {
        Tone::Doubtful
    };
    let mut lines: Vec<_> = comparison
        .figures
        .iter()
        .map(|figure| (words(&figure.name).to_owned(), verdict(figure), String::new()))
        .collect();
    lines.extend(band::findings(&comparison.findings));
    Band { tone, result: String::new(), lines }
}

fn limits(comparison: &Comparison) -> Option<Figure> {
    let mut table = Table::new(&["limit", "base", "candidate"]);
    for moved in &comparison.limits {
        table.row([moved.what.clone(), moved.base.clone(), moved.candidate.clone()]);
    }
    (!table.rows.is_empty()).then(|| Figure {
        question: "Which limits moved?".to_owned(),
        table: Some(table.with_texts(&[1, 2])),
        ..Figure::default()
    })
}

fn ratios(comparison: &Comparison) -> Figure {
    let rows: Vec<forest::Row> = comparison.figures.iter().map(row).collect();
    let mut table = Table::new(&["figure", "base", "candidate", "ratio", "from", "to", "p", "p adjusted"]);
    for figure in &comparison.figures {
        let number = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
        };
        table.row([
            words(&figure.name).to_owned(),
            shown(figure, figure.base),
            shown(figure, figure.candidate),
            number(Some(figure.ratio), 3),
            number(figure.interval.map(|(low, _)| low), 3),
            number(figure.interval.map(|(_, high)| high), 3),
            number(figure.p, 4),
            number(figure.p_adjusted, 4),
        ]);
    }
    Figure {
        question: "How far apart are the two sides?".to_owned(),
        answer: "Candidate to base. More calls/s are better; less of everything else is better.".to_owned(),
        charts: vec![forest::chart("Ratios of candidate to base with their intervals", &rows)],
        point: "A line is the interval of a ratio, with a confidence of 95 %; its mark is the estimate. Dots are runs of the candidate, as ratios to the median of the base.".to_owned(),
        table: Some(table),
        is_open: true,
        ..Figure::default()
    }
}

fn curves(pooled: &Pooled) -> Option<Figure> {
    let sides = [("c1", "base", &pooled.base), ("c2 dash", "candidate", &pooled.candidate)];
    Some(Figure {
        question: "Which part of the calls differs?".to_owned(),
        charts: vec![percentiles::chart(
            "Percentiles of the latency of both sides",
            "latency, at most",
            &sides,
            &[],
        )?],
        answer: format!(
            "{} replies of the base, {} of the candidate.",
            grouped(pooled.base.count),
            grouped(pooled.candidate.count)
        ),
        point: format!(
            "A curve tells which share of the replies took at most so long, over all runs of a side. {}",
            percentiles::DOTTED
        ),
        table: Some(percentiles::table(&sides)),
        ..Figure::default()
    })
}

fn row(figure: &compare::Figure) -> forest::Row {
    let is_worse = |(low, high): (f64, f64)| if figure.more_is_better { high < 1.0 } else { low > 1.0 };
    forest::Row {
        name: words(&figure.name).to_owned(),
        ratio: figure.ratio,
        interval: figure.interval,
        dots: figure.candidate_runs.iter().map(|run| run / figure.base).collect(),
        is_bad: figure.interval.is_some_and(is_worse),
        ..forest::Row::default()
    }
}
