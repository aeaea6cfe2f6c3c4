//! Findings about the shards of a run.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use super::error::listed;
use crate::{
    result::{
        finding::{Finding, FindingKind, Weight},
        summary::{ShardLine, Shards},
    },
    units::{as_f64, format_duration, format_nanoseconds},
};

/// Findings of a shard that concern its machine, and are collected.
const OF_MACHINES: [FindingKind; 6] = [
    FindingKind::GeneratorSaturated,
    FindingKind::GeneratorPaused,
    FindingKind::LateGenerator,
    FindingKind::OtherLoad,
    FindingKind::ServerDidNotRead,
    FindingKind::ClockMoved,
];

/// Distance of the starts of windows from which a warning is due, beside 1 % of the window.
const FAR_APART: Duration = Duration::from_millis(100);

/// Distance of the starts of windows that is worth a note.
const APART: Duration = Duration::from_millis(10);

/// Factor of the median shard's p99 from which a shard stands out.
const STANDS_OUT: f64 = 3.0;

/// Returns the findings about these shards, whose windows started within this range.
pub(super) fn findings(shards: &Shards, starts: (SystemTime, SystemTime), window: Duration) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(missing(shards));
    findings.extend(interrupted(shards));
    findings.extend(not_aligned(starts, window));
    findings.extend(collected(&shards.merged));
    findings.extend(machines_differ(&shards.merged));
    findings.extend(stands_out(&shards.merged));
    findings
}

fn missing(shards: &Shards) -> Option<Finding> {
    (!shards.missing.is_empty()).then(|| {
        Finding::new(
            FindingKind::ShardsMissing,
            Weight::Warning,
            format!("{} of {} shards are missing: {}", shards.missing.len(), shards.of, listed(&shards.missing)),
            "rates and counts are those of the merged shards; the load of the missing ones may have reached the server",
        )
    })
}

fn interrupted(shards: &Shards) -> Option<Finding> {
    let which: Vec<u64> =
        shards.merged.iter().filter(|line| line.interrupted).map(|line| line.index).collect();
    (!which.is_empty()).then(|| {
        let (count, of) = (which.len(), shards.merged.len());
        Finding::note(
            FindingKind::Interrupted,
            format!("{count} of {of} merged shards were interrupted: {}", listed(&which)),
            "their part of the load ended early; run again for the figures of the whole plan",
        )
    })
}

fn not_aligned((first, last): (SystemTime, SystemTime), window: Duration) -> Option<Finding> {
    let apart = last.duration_since(first).unwrap_or_default();
    if apart <= APART {
        return None;
    }
    let weight = if apart > FAR_APART || apart > window / 100 { Weight::Warning } else { Weight::Note };
    Some(Finding::new(
        FindingKind::WindowsNotAligned,
        weight,
        format!("the shards' windows started up to {} apart", format_duration(apart)),
        "give all shards one --start-at, and let NTP set the clocks of their machines",
    ))
}

/// Collects the findings of shards that concern their machines.
fn collected(lines: &[ShardLine]) -> Vec<Finding> {
    let mut by_kind: BTreeMap<&str, Vec<&ShardLine>> = BTreeMap::new();
    for line in lines {
        for name in &line.findings {
            if let Some(kind) = OF_MACHINES.iter().find(|kind| kind.name() == name) {
                by_kind.entry(kind.name()).or_default().push(line);
            }
        }
    }
    by_kind
        .into_iter()
        .map(|(name, of)| {
            let which: Vec<String> = of.iter().take(5).map(|line| named(line)).collect();
            let more = if of.len() > 5 { ", ..." } else { "" };
            Finding::new(
                FindingKind::ShardsDisturbed,
                Weight::Warning,
                format!("{name} in {} of {} shards: {}{more}", of.len(), lines.len(), which.join(", ")),
                "`plimsoll report` of such a shard has the details and the next step",
            )
        })
        .collect()
}

fn named(line: &ShardLine) -> String {
    line.host.as_ref().map_or_else(|| line.index.to_string(), |host| format!("{} ({host})", line.index))
}

fn machines_differ(lines: &[ShardLine]) -> Option<Finding> {
    let first = &lines.first()?.environment;
    let machine = |line: &ShardLine| {
        let machine = &line.environment;
        (machine.cpu_model.clone(), machine.cores, machine.os.clone(), machine.architecture.clone())
    };
    let own = machine(lines.first()?);
    let other = lines.iter().find(|line| machine(line) != own)?;
    let shown = |environment: &crate::measure::Environment| {
        let model = environment.cpu_model.clone().unwrap_or_else(|| environment.architecture.clone());
        format!("{model}, {} cores, {}", environment.cores, environment.os)
    };
    Some(Finding::new(
        FindingKind::MachinesDiffer,
        Weight::Note,
        format!(
            "the shards ran on different machines: {} ({}) and {} ({})",
            shown(first),
            named(&lines[0]),
            shown(&other.environment),
            named(other)
        ),
        "compare the shards' own figures before the merged ones",
    ))
}

fn stands_out(lines: &[ShardLine]) -> Option<Finding> {
    let mut all: Vec<u64> = lines.iter().filter_map(|line| line.p99_ns).collect();
    all.sort_unstable();
    let median = *all.get(all.len() / 2)?;
    let far = |line: &&ShardLine| line.p99_ns.is_some_and(|p99| as_f64(p99) > STANDS_OUT * as_f64(median));
    let worst = lines.iter().filter(far).max_by_key(|line| line.p99_ns)?;
    (lines.len() > 2).then(|| {
        Finding::new(
            FindingKind::ShardStandsOut,
            Weight::Note,
            format!(
                "p99 of shard {} is {}, and {} at the median shard",
                named(worst),
                format_nanoseconds(as_f64(worst.p99_ns.unwrap_or_default())),
                format_nanoseconds(as_f64(median))
            ),
            "its machine or its way to the server differs: look at its own result",
        )
    })
}
