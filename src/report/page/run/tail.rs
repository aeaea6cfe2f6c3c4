//! Tail of the latency, and its origin: percentiles by the number of nines.

use crate::{
    report::{
        page::{
            content::Figure,
            percentiles::{self, Curve, Goal},
        },
        text::{figures::time, summary::latency_cells},
    },
    result::{
        QUANTILES,
        objective::{Metric, Objective, Relation, Statistic, Time},
        summary::Summary,
    },
};

pub(super) fn figure(summary: &Summary) -> Option<Figure> {
    let latency = &summary.latency;
    let service = if latency.response.is_some() { "c2 dash" } else { "c1" };
    let curves: Vec<Curve<'_>> = [
        latency.response.as_ref().map(|record| ("c1", "response time", record)),
        Some((service, "service time", &latency.service)),
        latency.lateness.as_ref().map(|record| ("c3", "lateness", record)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let name = "Percentiles of the times of calls, by the number of nines";
    Some(Figure {
        question: "How long is the tail, and whose is it?".to_owned(),
        answer: answer(summary),
        charts: vec![percentiles::chart(name, "time, at most", &curves, &goals(summary))?],
        point: format!(
            "A curve tells which share of the replies took at most so long. {}",
            percentiles::DOTTED
        ),
        table: Some(percentiles::table(&curves)),
        ..Figure::default()
    })
}

/// Objectives with an upper bound on a quantile of the main time.
fn goals(summary: &Summary) -> Vec<Goal> {
    let goal = |expression: &str| {
        let objective: Objective = expression.parse().ok()?;
        match (objective.metric, objective.comparison) {
            (
                Metric::Latency(Time::Main, Statistic::Quantile(quantile)),
                Relation::Below | Relation::AtMost,
            ) => Some((quantile, objective.bound, expression.to_owned())),
            _ => None,
        }
    };
    summary.objectives.iter().filter_map(|objective| goal(&objective.expression)).collect()
}

fn answer(summary: &Summary) -> String {
    let main = summary.main_latency();
    let name = if summary.latency.response.is_some() { "response" } else { "service" };
    let mut known = QUANTILES.iter().zip(latency_cells(main).into_iter().skip(2));
    let last = known.rfind(|(_, cell)| cell != "-");
    let largest = main.figures.as_ref().map_or_else(String::new, |figures| time(figures.max_ns));
    last.map_or_else(
        || format!("There are too few replies for a quantile; the slowest took {largest}."),
        |((quantile, _), cell)| {
            format!("{quantile} of the {name} time is {cell}; the slowest reply took {largest}.")
        },
    )
}
