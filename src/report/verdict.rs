//! Text of a gate's verdict for a person: the verdict, then limits, then each scenario's figures.

use std::io::{self, Write};

use anstyle::Style;

use super::{
    outside::{Colours, write_text},
    style::{BAD, DOUBTFUL, GOOD, HEADING, NONE, STRONG, broken, findings, heading, plain},
    table::Table,
    verdict_words::{metric_name, percent, word},
};
use crate::{
    experiment::gate::{MetricVerdict, ScenarioVerdict, Verdict, Word},
    units::format_duration,
};

/// Width of the first column of the tables.
const NAMES: usize = 24;

/// Writes a verdict as plain text.
///
/// # Errors
/// Errors of the writer.
pub fn write(verdict: &Verdict, out: impl Write) -> io::Result<()> {
    write_text(verdict, Colours::Without, out, render)
}

/// Writes a verdict with colours, as escape sequences.
///
/// # Errors
/// Errors of the writer.
pub fn write_coloured(verdict: &Verdict, out: impl Write) -> io::Result<()> {
    write_text(verdict, Colours::With, out, render)
}

fn render(verdict: &Verdict, out: &mut Vec<u8>) -> io::Result<()> {
    let style = style(verdict.verdict);
    let text = format!("{style}{}{style:#}", word(verdict.verdict));
    writeln!(out, "{}{text}: {}", heading("verdict"), plain(&verdict.reason))?;
    for (name, text) in [("base", &verdict.base), ("candidate", &verdict.candidate)] {
        for (row, line) in broken(text).iter().enumerate() {
            let first = if row == 0 { heading(name) } else { format!("{:HEADING$} ", "") };
            writeln!(out, "{first}{line}")?;
        }
    }
    let elapsed = std::time::Duration::from_nanos(verdict.elapsed_ns);
    writeln!(out, "{}{}", heading("time"), format_duration(elapsed))?;
    limits(verdict, out)?;
    for scenario in &verdict.scenarios {
        writeln!(out)?;
        self::scenario(scenario, out)?;
    }
    if !verdict.findings.is_empty() {
        writeln!(out)?;
    }
    let found = verdict.findings.iter().map(|finding| (finding.detail.as_str(), finding.advice.as_str()));
    findings(found, out)?;
    out.flush()
}

fn limits(verdict: &Verdict, out: &mut impl Write) -> io::Result<()> {
    let Some(limits) = &verdict.limits else { return Ok(()) };
    if limits.are_the_same() {
        writeln!(out, "{}{GOOD}where they were{GOOD:#}", heading("limits"))?;
    }
    if limits.moved.is_empty() && !limits.not_compared.is_empty() {
        writeln!(
            out,
            "{}{DOUBTFUL}not all could be compared{DOUBTFUL:#}: see the findings",
            heading("limits")
        )?;
    }
    for (row, moved) in limits.moved.iter().enumerate() {
        let first = if row == 0 { heading("limits") } else { format!("{:HEADING$} ", "") };
        let direction = moved.direction;
        writeln!(out, "{first}{BAD}the server's limit for {direction}s moved{BAD:#}")?;
        for (name, limit) in [("base", &moved.base), ("candidate", &moved.candidate)] {
            writeln!(out, "{:HEADING$}   {name}: {}", "", plain(limit))?;
        }
    }
    Ok(())
}

fn scenario(scenario: &ScenarioVerdict, out: &mut impl Write) -> io::Result<()> {
    let style = style(scenario.verdict);
    let load = match (scenario.concurrency, scenario.calls_per_second) {
        (Some(calls), _) => format!("{calls} in flight"),
        (None, Some(rate)) => format!("{} calls/s", crate::units::decimal(rate)),
        (None, None) => String::new(),
    };
    let size = crate::units::ByteSize(scenario.message_bytes);
    let word = word(scenario.verdict);
    writeln!(
        out,
        "{STRONG}{}{STRONG:#} ({size}, {load}): {style}{word}{style:#}{}",
        plain(&scenario.name),
        scenario.reason.as_ref().map(|reason| format!(": {}", plain(reason))).unwrap_or_default()
    )?;
    if scenario.metrics.is_empty() {
        return Ok(());
    }
    let runs = std::iter::once((scenario.repetitions.len(), "", &scenario.metrics)).chain(
        scenario.confirmation.iter().map(|again| (again.repetitions.len(), "second run", &again.metrics)),
    );
    for (repetitions, name, metrics) in runs {
        if !name.is_empty() {
            writeln!(out, "  {name}, {repetitions} repetitions")?;
        }
        table(scenario, name.is_empty(), metrics, out)?;
    }
    Ok(())
}

fn table(
    scenario: &ScenarioVerdict,
    with_reported: bool,
    metrics: &[MetricVerdict],
    out: &mut impl Write,
) -> io::Result<()> {
    let mut table = Table::new(&[
        "candidate to base",
        "95 % interval",
        "p, adjusted",
        "noise, base to base",
        "change that would be seen",
        "",
    ]);
    let interval = |interval: Option<(f64, f64)>| {
        interval
            .map_or_else(|| NONE.to_owned(), |(low, high)| format!("{} to {}", percent(low), percent(high)))
    };
    for metric in metrics {
        table.named_row(
            metric_name(&metric.metric),
            [
                percent(metric.ratio),
                interval(metric.interval),
                format!("{:.4}", metric.p_of_change()),
                metric.noise.map_or_else(|| NONE.to_owned(), |noise| interval(noise.interval)),
                metric
                    .smallest_effect_seen
                    .map_or_else(|| NONE.to_owned(), |effect| format!("{:.1} %", effect * 100.0)),
                word(metric.verdict).to_owned(),
            ],
        );
    }
    for reported in scenario.reported.iter().filter(|_| with_reported) {
        let cells = [percent(reported.ratio), interval(reported.interval)];
        let rest = [NONE, NONE, NONE, "not judged"].map(str::to_owned);
        table.named_row(metric_name(&reported.metric), cells.into_iter().chain(rest));
    }
    table.write(&" ".repeat(NAMES + 1), NAMES, out)
}

fn style(word: Word) -> Style {
    match word {
        Word::Regressed => BAD,
        Word::Improved | Word::Unchanged => GOOD,
        Word::Inconclusive | Word::Skipped | Word::Abstained => DOUBTFUL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{junit, markdown};

    /// Returns a metric that is slightly better, with different p-values of its two tests.
    fn verdict() -> Verdict {
        let metric = serde_json::json!({
            "metric": "p50_ns", "ratio": 0.97, "interval": [0.95, 0.99], "p": 0.9, "p_adjusted": 1.0,
            "p_better": 0.0091, "p_better_adjusted": 0.0273, "threshold": 0.05, "verdict": "inconclusive",
        });
        serde_json::from_value(serde_json::json!({
            "schema": "plimsoll.verdict/1", "plimsoll": {"version": "1"}, "verdict": "inconclusive",
            "reason": "small", "started_at": "2026-11-25T00:00:00Z", "elapsed_ns": 1, "base": "a",
            "candidate": "b", "environment": {"os": "linux", "architecture": "x86_64", "cores": 2}, "seed": 1,
            "planned_repetitions": 12, "findings": [],
            "scenarios": [{
                "name": "small", "message_bytes": 64, "verdict": "inconclusive", "metrics": [metric],
                "repetitions": [],
            }],
        }))
        .expect("a verdict")
    }

    #[test]
    fn every_report_shows_the_same_p_value() {
        type Writer = fn(&Verdict, &mut Vec<u8>) -> io::Result<()>;
        let writers: [(&str, Writer); 3] = [
            ("text", |verdict, out| write(verdict, out)),
            ("markdown", |verdict, out| markdown::write(verdict, out)),
            ("junit", |verdict, out| junit::write(verdict, out)),
        ];
        for (name, writer) in writers {
            let mut out = Vec::new();
            writer(&verdict(), &mut out).expect("writable");
            let text = String::from_utf8(out).expect("UTF-8");
            assert!(text.contains("0.0273") && !text.contains("1.0000"), "{name}: {text}");
        }
    }
}
