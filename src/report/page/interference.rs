//! The page of an interference experiment: ratios of accepted calls with and without refused ones.

use super::{
    band,
    content::{self, Band, Figure, Page, Table, Tone},
    forest, percentiles,
};
use crate::{
    experiment::interference::{Impact, Interference, PooledSide, Ratio},
    report::{
        interference::{self as words, others, write},
        text::figures::time,
    },
    result::{Finding, FindingKind, Weight},
    units::decimal,
};

/// Returns the page of an experiment, whose texts from outside are filtered.
pub(crate) fn page(neighbours: &Interference) -> Page {
    let mut figures = Vec::new();
    if let (Some(without), Some(with), Some(impact)) =
        (&neighbours.without, &neighbours.with, &neighbours.damage)
    {
        figures.push(ratios(neighbours, impact));
        figures.extend(curves(without, with));
        figures.push(rest(without, with));
    }
    let first = neighbours.rounds.first().map(|round| &round.without).or(neighbours.unpaired.first());
    let target = first.map_or("no server", |summary| content::target_words(&summary.target));
    let tone = if neighbours.damage.is_none() { Tone::Bad } else { tone(&neighbours.findings) };
    let mut lines = band::findings(&neighbours.findings);
    if neighbours.damage.is_none() {
        lines.push(("no round was completed".to_owned(), String::new(), String::new()));
    }
    Page {
        title: content::title("Interference test", neighbours.label.as_deref(), target),
        band: Band { tone, result: String::new(), lines },
        figures,
        facts: words::lines(neighbours)
            .into_iter()
            .map(|(name, words)| (name.to_owned(), words))
            .chain([("plimsoll".to_owned(), content::build_words(&neighbours.plimsoll))])
            .collect(),
        text: content::text_of(|out| write(neighbours, out)),
        ..Page::default()
    }
}

/// Tone of the findings: calls that got slower are no good news, although nothing is wrong with the figures.
fn tone(findings: &[Finding]) -> Tone {
    let is_good =
        |finding: &Finding| finding.weight == Weight::Note && !finding.is(FindingKind::SlowerBesideRefused);
    if findings.iter().all(is_good) { Tone::Good } else { Tone::Doubtful }
}

fn ratios(neighbours: &Interference, impact: &Impact) -> Figure {
    let mut rows = Vec::new();
    let mut table = Table::new(&["time", "without", "with", "ratio", "from", "to"]);
    for (what, ratios) in [("response", &impact.response), ("lateness", &impact.lateness)] {
        for Ratio { name, without_ns, with_ns, ratio, lowest, highest } in ratios {
            let name = format!("{what} {name}");
            table.row([
                name.clone(),
                time(*without_ns),
                time(*with_ns),
                decimal(*ratio),
                decimal(*lowest),
                decimal(*highest),
            ]);
            let interval = Some((*lowest, *highest));
            let is_hollow = what == "lateness";
            rows.push(forest::Row { name, ratio: *ratio, interval, is_hollow, ..forest::Row::default() });
        }
    }
    let worst = impact.response.iter().max_by(|left, right| left.ratio.total_cmp(&right.ratio));
    Figure {
        question: "Do refused calls slow the accepted ones down?".to_owned(),
        answer: worst.map_or_else(String::new, |worst| {
            format!("The largest ratio is {} at {} of the response time.", decimal(worst.ratio), worst.name)
        }),
        charts: vec![forest::chart("Ratios of times with refused calls to times without", &rows)],
        point: format!(
            "A line goes from the smallest to the largest ratio of {} rounds; its mark is the median. Lateness, drawn thin, is the generator's own share: no change of the server.",
            neighbours.rounds.len()
        ),
        table: Some(table),
        is_open: true,
        ..Figure::default()
    }
}

fn curves(without: &PooledSide, with: &PooledSide) -> Option<Figure> {
    let sides = [
        ("c1", "without refused calls", &without.response),
        ("c2 dash", "with refused calls", &with.response),
    ];
    let name = "Percentiles of the response time with and without refused calls";
    Some(Figure {
        question: "Which part of the calls is affected?".to_owned(),
        answer: slower(without, with),
        charts: vec![percentiles::chart(name, "response time, at most", &sides, &[])?],
        point: format!(
            "A curve tells which share of the replies took at most so long, over all rounds. {}",
            percentiles::DOTTED
        ),
        table: Some(percentiles::table(&sides)),
        ..Figure::default()
    })
}

/// The medians and the slowest replies of both sides.
fn slower(without: &PooledSide, with: &PooledSide) -> String {
    let figures = without.response.figures.zip(with.response.figures);
    figures.map_or_else(String::new, |(without, with)| {
        format!(
            "With refused calls, the median is {} instead of {}, and the slowest reply {} instead of {}.",
            time(with.p50_ns),
            time(without.p50_ns),
            time(with.max_ns),
            time(without.max_ns)
        )
    })
}

fn rest(without: &PooledSide, with: &PooledSide) -> Figure {
    let mut table = Table::new(&["figure", "without", "with"]);
    for (name, [before, after]) in others(without, with) {
        table.row([name.to_owned(), before, after]);
    }
    Figure { question: "What else changed?".to_owned(), table: Some(table), ..Figure::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_got_slower_are_no_good_news() {
        let note = |kind| Finding::note(kind, "", "");
        assert_eq!(
            tone(&[note(FindingKind::NoSlowerBesideRefused), note(FindingKind::FewSamples)]),
            Tone::Good
        );
        assert_eq!(tone(&[note(FindingKind::SlowerBesideRefused)]), Tone::Doubtful);
    }
}
