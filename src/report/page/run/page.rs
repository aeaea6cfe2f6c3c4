//! The page of a run: its figures, in the order of a reader's questions.

use super::{outcomes, shards, sides, sizes, tail, time};
use crate::{
    report::{
        page::{Page, band, content},
        text::{self, cost, plan_words, summary::latency_cells},
    },
    result::summary::Summary,
};

/// Returns the page of a run, whose texts from outside are filtered.
pub(crate) fn page(summary: &Summary) -> Page {
    let mut figures = Vec::new();
    figures.extend(shards::figure(summary));
    figures.extend(outcomes::figures(summary));
    figures.extend(time::figure(summary));
    figures.extend(tail::figure(summary));
    figures.extend(sizes::figure(summary));
    figures.extend(sides::figure(summary));
    Page {
        title: content::title("Run", summary.label.as_deref(), content::target_words(&summary.target)),
        band: band::of_run(summary),
        headline: headline(summary),
        figures,
        facts: facts(summary),
        text: content::text_of(|out| text::write(summary, out)),
    }
}

/// The figures that a reader looks for first.
fn headline(summary: &Summary) -> Vec<String> {
    let cells = latency_cells(summary.main_latency());
    let name = if summary.latency.response.is_some() { "response time" } else { "service time" };
    let quantile = |index: usize| cells.get(index).cloned().unwrap_or_default();
    vec![
        text::summary::goodput_words(summary),
        format!("{name}: p50 {}, p99 {}, max {}", quantile(2), quantile(5), quantile(8)),
    ]
}

/// Plan, cost, machine and build.
fn facts(summary: &Summary) -> Vec<(String, String)> {
    let mut facts: Vec<(String, String)> =
        plan_words::lines(summary).into_iter().map(|(name, words)| (name.to_owned(), words)).collect();
    let mut add = |name: &str, words: String| {
        if !words.is_empty() {
            facts.push((name.to_owned(), words));
        }
    };
    add("cost", cost::cpu_and_memory(summary));
    add("connections", cost::connections(summary));
    add("started", summary.started_at.clone());
    add("machine", content::machine_words(&summary.environment));
    add("plimsoll", content::build_words(&summary.plimsoll));
    // Values may be credentials, and pages are passed on.
    let names: Vec<&str> = summary.plan.options.metadata.iter().map(|pair| pair.name.as_str()).collect();
    add("metadata", names.join(", "));
    facts
}
