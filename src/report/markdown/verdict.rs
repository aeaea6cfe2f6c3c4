//! Markdown of a verdict, for the summary of a CI job.

use std::io::{self, Write};

use super::escape::escaped;
use crate::{
    experiment::gate::{MetricVerdict, ScenarioVerdict, Verdict, Word},
    report::verdict_words::{metric_name, percent, word},
    units::format_duration,
};

/// GitHub's limit for one step's summary, in bytes.
pub const GITHUB_LIMIT: usize = 1 << 20;

/// Writes a verdict: the result in the first line, details folded. The text stays below GitHub's limit of 1
/// MiB per step for any number of scenarios: further scenarios are left out, and their number is reported.
///
/// # Errors
/// Errors of the writer.
pub fn write(verdict: &Verdict, mut out: impl Write) -> io::Result<()> {
    let mut text = Vec::new();
    head(verdict, &mut text)?;
    for (index, scenario) in verdict.scenarios.iter().enumerate() {
        let mut section = Vec::new();
        self::scenario(scenario, &mut section)?;
        if text.len() + section.len() + 4_096 > GITHUB_LIMIT {
            let left = verdict.scenarios.len() - index;
            writeln!(
                text,
                "\n{left} more scenarios are in the JSON document: there is no room for them here."
            )?;
            break;
        }
        text.extend(section);
    }
    out.write_all(&text)?;
    out.flush()
}

fn head(verdict: &Verdict, out: &mut impl Write) -> io::Result<()> {
    let mark = mark(verdict.verdict);
    writeln!(out, "## {mark} Plimsoll: {}\n", word(verdict.verdict))?;
    writeln!(out, "{}\n", escaped(&verdict.reason))?;
    if let Some(limits) = &verdict.limits {
        for moved in &limits.moved {
            writeln!(
                out,
                "- **the server's limit for {}s moved**: {} → {}",
                moved.direction,
                escaped(&moved.base),
                escaped(&moved.candidate)
            )?;
        }
        if limits.are_the_same() {
            writeln!(out, "- size limits: where they were")?;
        }
    }
    for finding in &verdict.findings {
        writeln!(out, "- {}", escaped(&finding.detail))?;
    }
    let elapsed = format_duration(std::time::Duration::from_nanos(verdict.elapsed_ns));
    writeln!(out, "- {elapsed}, seed {}\n", verdict.seed)?;
    if verdict.scenarios.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "| scenario | verdict | calls/s | p50 | server's CPU per call | change that would be seen |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    for scenario in &verdict.scenarios {
        let of = |name: &str| scenario.metrics.iter().find(|metric| metric.metric == name);
        let shown = |name: &str| of(name).map_or_else(|| "-".to_owned(), |metric| percent(metric.ratio));
        let seen = scenario.metrics.iter().filter_map(|metric| metric.smallest_effect_seen).reduce(f64::max);
        writeln!(
            out,
            "| {} | {} {} | {} | {} | {} | {} |",
            escaped(&scenario.name),
            self::mark(scenario.verdict),
            word(scenario.verdict),
            shown("calls_per_second"),
            shown("p50_ns"),
            shown("server_cpu_ns_per_call"),
            seen.map_or_else(|| "-".to_owned(), |seen| format!("{:.1} %", seen * 100.0)),
        )?;
    }
    Ok(())
}

fn scenario(scenario: &ScenarioVerdict, out: &mut impl Write) -> io::Result<()> {
    let name = escaped(&scenario.name);
    let repetitions = scenario.repetitions.len();
    writeln!(
        out,
        "\n<details><summary>{name}: {}, {repetitions} repetitions</summary>\n",
        word(scenario.verdict)
    )?;
    if let Some(reason) = &scenario.reason {
        writeln!(out, "{}\n", escaped(reason))?;
    }
    table(&scenario.metrics, out)?;
    if let Some(again) = &scenario.confirmation {
        writeln!(out, "\nSecond run, {} repetitions:\n", again.repetitions.len())?;
        table(&again.metrics, out)?;
    }
    writeln!(out, "\n</details>")
}

fn table(metrics: &[MetricVerdict], out: &mut impl Write) -> io::Result<()> {
    if metrics.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "| metric | candidate to base | 95 % interval | p, adjusted | noise, base to base | verdict |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|")?;
    for metric in metrics {
        let interval = |interval: Option<(f64, f64)>| {
            interval.map_or_else(
                || "-".to_owned(),
                |(low, high)| format!("{} to {}", percent(low), percent(high)),
            )
        };
        writeln!(
            out,
            "| {} | {} | {} | {:.4} | {} | {} |",
            escaped(metric_name(&metric.metric)),
            percent(metric.ratio),
            interval(metric.interval),
            metric.p_of_change(),
            metric.noise.map_or_else(|| "-".to_owned(), |noise| interval(noise.interval)),
            word(metric.verdict),
        )?;
    }
    Ok(())
}

fn mark(word: Word) -> &'static str {
    match word {
        Word::Regressed => "❌",
        Word::Improved | Word::Unchanged => "✅",
        Word::Inconclusive | Word::Skipped | Word::Abstained => "⚠️",
    }
}
