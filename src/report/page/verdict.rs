//! The page of a gate: the verdict, limits that moved, and a strip per scenario and metric.

use super::{
    band,
    content::{self, Band, Figure, Page, Table, Tone},
    forest, limits,
};
use crate::{
    experiment::gate::{GateMetric, MetricVerdict, Repetition, ScenarioVerdict, Verdict, Word},
    report::{
        verdict::write,
        verdict_words::{metric_name, percent, word},
    },
    units::{ByteSize, decimal, format_duration},
};

/// Returns the page of a verdict, whose texts from outside are filtered.
pub(crate) fn page(verdict: &Verdict) -> Page {
    let mut figures = Vec::new();
    if let Some(found) = &verdict.limits {
        figures.extend(moved(verdict));
        figures.push(limits::figure("Where are the base's limits?", &found.base.limits));
        if !found.moved.is_empty() {
            figures.push(limits::figure("Where are the candidate's limits?", &found.candidate.limits));
        }
    }
    figures.extend(verdict.scenarios.iter().map(scenario));
    let elapsed = std::time::Duration::from_nanos(verdict.elapsed_ns);
    Page {
        title: title(verdict),
        band: band_of(verdict),
        figures,
        facts: vec![
            ("base".to_owned(), verdict.base.clone()),
            ("candidate".to_owned(), verdict.candidate.clone()),
            ("started".to_owned(), verdict.started_at.clone()),
            ("time".to_owned(), format_duration(elapsed)),
            ("machine".to_owned(), content::machine_words(&verdict.environment)),
            ("plimsoll".to_owned(), content::build_words(&verdict.plimsoll)),
        ],
        text: content::text_of(|out| write(verdict, out)),
        ..Page::default()
    }
}

/// Names both contenders, unless they begin alike.
fn title(verdict: &Verdict) -> String {
    let label = verdict.label.as_ref().map_or_else(String::new, |label| format!(" {label}"));
    match (short(&verdict.candidate), short(&verdict.base)) {
        (candidate, base) if candidate == base => format!("Gate{label}"),
        (candidate, base) => format!("Gate{label}: {candidate} against {base}"),
    }
}

/// A contender for a title: the beginning of a long command line. The facts have the whole.
fn short(contender: &str) -> String {
    const MOST: usize = 40;
    let shown: String = contender.chars().take(MOST).collect();
    if shown.len() < contender.len() { format!("{shown}...") } else { shown }
}

fn band_of(verdict: &Verdict) -> Band {
    let tone = match verdict.verdict {
        Word::Regressed => Tone::Bad,
        Word::Improved | Word::Unchanged => Tone::Good,
        Word::Inconclusive | Word::Skipped | Word::Abstained => Tone::Doubtful,
    };
    let mut lines = vec![(String::new(), verdict.reason.clone(), String::new())];
    lines.extend(band::findings(&verdict.findings));
    Band { tone, result: word(verdict.verdict).to_owned(), lines }
}

fn moved(verdict: &Verdict) -> Option<Figure> {
    let found = verdict.limits.as_ref()?;
    let mut table = Table::new(&["limit of the server, for", "base", "candidate"]);
    for moved in &found.moved {
        table.row([format!("{}s", moved.direction), moved.base.clone(), moved.candidate.clone()]);
    }
    (!table.rows.is_empty()).then(|| Figure {
        question: "Which limits moved?".to_owned(),
        table: Some(table.with_texts(&[1, 2])),
        ..Figure::default()
    })
}

fn scenario(scenario: &ScenarioVerdict) -> Figure {
    let load = match (scenario.concurrency, scenario.calls_per_second) {
        (Some(calls), _) => format!("{calls} in flight"),
        (None, Some(rate)) => format!("{} calls/s", decimal(rate)),
        (None, None) => String::new(),
    };
    let reason = scenario.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let mut table = Table::new(&[
        "metric",
        "candidate to base",
        "95 % interval",
        "p, adjusted",
        "noise, base to base",
        "change that would be seen",
        "verdict",
    ]);
    let mut rows = Vec::new();
    let again = scenario.confirmation.as_ref();
    let runs = std::iter::once(("", &scenario.metrics, &scenario.repetitions))
        .chain(again.map(|again| (", second run", &again.metrics, &again.repetitions)));
    // The second run of a metric follows the first one.
    let runs: Vec<_> = runs.collect();
    for kind in &scenario.metrics {
        for (run, metrics, repetitions) in &runs {
            for metric in metrics.iter().filter(|metric| metric.metric == kind.metric) {
                let name = format!("{}{run}", metric_name(&metric.metric));
                table.row(cells(&name, metric));
                rows.push(row(name, metric, repetitions));
            }
        }
    }
    for reported in &scenario.reported {
        let rest = ["-", "-", "-", "not judged"].map(str::to_owned);
        let known =
            [metric_name(&reported.metric).to_owned(), percent(reported.ratio), interval(reported.interval)];
        table.row(known.into_iter().chain(rest));
    }
    Figure {
        question: format!("{} ({}, {load})", scenario.name, ByteSize(scenario.message_bytes)),
        answer: answer(scenario, &reason),
        charts: if rows.is_empty() {
            Vec::new()
        } else {
            vec![forest::chart("Ratios of candidate to base, by metric", &rows)]
        },
        point: "A line is the interval of a ratio, its mark the estimate, and dots are the repetitions, in their order from top to bottom. The wide band is the threshold, the narrow one in it the noise of the base against itself. Dashed marks are half of the threshold: the bound of a regression. The short marks below are the change that would be seen.".to_owned(),
        table: (!table.rows.is_empty()).then(|| table.with_texts(&[6])),
        is_open: true,
        ..Figure::default()
    }
}

/// The verdict, and the metric that is farthest from no change.
fn answer(scenario: &ScenarioVerdict, reason: &str) -> String {
    let far = |metric: &&MetricVerdict| metric.ratio.ln().abs();
    let farthest = scenario.metrics.iter().max_by(|left, right| far(left).total_cmp(&far(right)));
    let farthest = farthest.map_or_else(String::new, |metric| {
        let of = interval(metric.interval);
        format!(
            " The largest change is {} of {} (95 % interval {of}).",
            percent(metric.ratio),
            metric_name(&metric.metric)
        )
    });
    format!("{}{reason}.{farthest}", word(scenario.verdict))
}

fn row(name: String, metric: &MetricVerdict, repetitions: &[Repetition]) -> forest::Row {
    let kind = GateMetric::JUDGED.into_iter().find(|kind| kind.name() == metric.metric);
    let dots = kind.map_or_else(Vec::new, |kind| {
        repetitions.iter().filter_map(|repetition| Some(repetition.difference(kind)?.exp())).collect()
    });
    let half = metric.threshold / 2.0;
    forest::Row {
        name,
        ratio: metric.ratio,
        interval: metric.interval,
        dots,
        noise: metric.noise.and_then(|noise| noise.interval),
        bounds: vec![1.0 - half, 1.0 + half],
        band: Some((1.0 - metric.threshold, 1.0 + metric.threshold)),
        seen: metric.smallest_effect_seen.map_or_else(Vec::new, |effect| vec![1.0 - effect, 1.0 + effect]),
        is_bad: metric.verdict == Word::Regressed,
        is_hollow: false,
    }
}

fn interval(interval: Option<(f64, f64)>) -> String {
    interval.map_or_else(|| "-".to_owned(), |(low, high)| format!("{} to {}", percent(low), percent(high)))
}

fn cells(name: &str, metric: &MetricVerdict) -> [String; 7] {
    [
        name.to_owned(),
        percent(metric.ratio),
        interval(metric.interval),
        format!("{:.4}", metric.p_of_change()),
        metric.noise.map_or_else(|| "-".to_owned(), |noise| interval(noise.interval)),
        metric
            .smallest_effect_seen
            .map_or_else(|| "-".to_owned(), |effect| format!("{:.1} %", effect * 100.0)),
        word(metric.verdict).to_owned(),
    ]
}
