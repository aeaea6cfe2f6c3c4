//! Findings that explain a verdict, in words. Pure.

use std::collections::BTreeMap;

use super::{
    metric::GateMetric,
    repetition::{ARMS, Arm},
    verdict::{LimitsVerdict, ScenarioVerdict},
};
use crate::{
    result::{Finding, FindingKind},
    units::{as_f64, grouped},
};

/// Share of slices with a saturated generator, from which the generator decides the figures.
const GENERATOR_DECIDES: f64 = 0.5;

pub(super) fn of(limits: Option<&LimitsVerdict>, scenarios: &[ScenarioVerdict], fresh: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |kind: FindingKind, detail: String, advice: &str| {
        findings.push(Finding::note(kind, detail, advice));
    };
    match limits {
        None => add(
            FindingKind::LimitsNotLookedFor,
            "size limits were not searched: a moved limit goes undetected".to_owned(),
            "leave out --no-limits",
        ),
        Some(limits) => {
            for unknown in &limits.not_compared {
                add(
                    FindingKind::LimitNotCompared,
                    format!("a limit could not be compared, {unknown}"),
                    "see `plimsoll limits`",
                );
            }
        }
    }
    if !fresh {
        add(
            FindingKind::ProcessesNotFresh,
            "a server that was there already is one process all the time: two processes of one program differ too, so that the figures tell these two processes apart and not their programs. The error rates that were measured do not apply; limits, and calls that fail, are judged as ever"
                .to_owned(),
            "use command lines instead of addresses, so that each repetition has fresh processes",
        );
    }
    for scenario in scenarios {
        let name = &scenario.name;
        if !scenario.metrics.is_empty()
            && !scenario.metrics.iter().any(|metric| metric.metric == GateMetric::ServerCpu.name())
        {
            add(
                FindingKind::NoServerCpu,
                format!("{name}: the servers' CPU time is unknown: only calls/s and p50 are tested"),
                "use command lines instead of addresses, on a system that has /proc",
            );
        }
        let share = generator_share(scenario);
        if share >= GENERATOR_DECIDES {
            add(
                FindingKind::GeneratorSaturated,
                format!(
                    "{name}: the generator had no time left in {:.0} % of the slices; there, calls/s and p50 show the generator's speed; the server's CPU time per call is still valid",
                    share * 100.0
                ),
                "use a lower concurrency or a rate in this scenario",
            );
        }
        for (arm, side) in side_counts(scenario) {
            if let Some((count, planned, words)) = side {
                add(
                    FindingKind::UnexpectedOutcomes,
                    format!(
                        "{name}: {} of the {arm}'s {} calls did not end as expected: {words}",
                        grouped(count),
                        grouped(planned)
                    ),
                    "",
                );
            }
        }
    }
    findings
}

/// Returns the share of all slices (0..1) in which the generator was saturated.
fn generator_share(scenario: &ScenarioVerdict) -> f64 {
    let slices = scenario.repetitions.iter().flat_map(|repetition| ARMS.map(|arm| repetition.arm(arm)));
    let (saturated, all) = slices.fold((0, 0), |(saturated, all), slices| {
        (saturated + slices.generator_saturated, all + slices.calls_per_second.len())
    });
    if all == 0 { 0.0 } else { as_f64(saturated as u64) / as_f64(all as u64) }
}

type Unexpected = Option<(u64, u64, String)>;

/// Returns the calls that did not end as expected, by side.
fn side_counts(scenario: &ScenarioVerdict) -> BTreeMap<&'static str, Unexpected> {
    let mut counts: BTreeMap<&'static str, (u64, u64, Option<String>)> = BTreeMap::new();
    for repetition in &scenario.repetitions {
        for arm in [Arm::Base, Arm::BaseAgain, Arm::Candidate] {
            let slices = repetition.arm(arm);
            let side = counts.entry(arm.name()).or_default();
            side.0 += slices.calls.planned.saturating_sub(slices.expected);
            side.1 += slices.calls.planned;
            side.2 = side.2.take().or_else(|| slices.unexpected.clone());
        }
    }
    let shown = |(count, planned, words): (u64, u64, Option<String>)| {
        (count > 0).then(|| (count, planned, words.unwrap_or_else(|| "no words for it".to_owned())))
    };
    counts.into_iter().map(|(arm, side)| (arm, shown(side))).collect()
}
