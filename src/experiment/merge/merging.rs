//! The merge, shard by shard.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use super::{
    error::{ShardsError, listed},
    findings::findings,
    identity::Identity,
    planned::{part, planned},
};
use crate::{
    measure::{Measurement, ShardOrigin},
    result::{
        FindingKind, Objective, Rating, Soundness,
        summary::{Context, ShardLine, Shards, Summary, TargetRecord, cost, goodput},
    },
    units::exact_duration,
};

/// Distance of the starts of two shards from which they are of different runs.
const FAR: Duration = Duration::from_secs(86_400);

/// Shards that were added so far.
#[derive(Debug, Default)]
pub struct Merging {
    begun: Option<Begun>,
    lines: BTreeMap<u64, ShardLine>,
    /// Result of each shard.
    names: BTreeMap<u64, String>,
}

#[derive(Debug)]
struct Begun {
    /// The first result, for errors.
    first: String,
    identity: Identity,
    of: u64,
    /// Planned calls of all shards, if the plan determines them.
    planned: Option<u64>,
    label: Option<String>,
    target: TargetRecord,
    run: Measurement,
    /// Start of the first row of the merged timeline.
    anchor: SystemTime,
    starts: (SystemTime, SystemTime),
    end: SystemTime,
}

impl Merging {
    /// Adds the result of a shard. `name` names it in errors.
    ///
    /// # Errors
    /// It is no shard, or one of another run, or is there already, or planned another part than its own.
    pub fn add(&mut self, name: &str, document: &[u8]) -> Result<(), ShardsError> {
        let wrong = |source| ShardsError::Read { name: name.to_owned(), source };
        let (summary, run) = Summary::counted(document).map_err(wrong)?;
        let shard = summary.shard.clone().ok_or_else(|| ShardsError::Whole(name.to_owned()))?;
        let identity = Identity::of(&summary);
        if let Some(begun) = &self.begun
            && let Some((what, expected, got)) = begun.identity.difference(&identity)
        {
            let (name, first) = (name.to_owned(), begun.first.clone());
            return Err(ShardsError::Other { name, what, got, first, expected });
        }
        if let Some(earlier) = self.names.get(&shard.index) {
            let ShardOrigin { index, of, .. } = shard;
            return Err(ShardsError::Twice { index, of, name: name.to_owned(), earlier: earlier.clone() });
        }
        let run = run.ok_or_else(|| ShardsError::NoCounts(name.to_owned()))?;
        let line = line(&shard, &summary, &run);
        let begun = match &mut self.begun {
            None => self.begun.insert(Begun::with(name, identity, &shard, &summary, run)),
            Some(begun) => {
                begun.add(name, &summary, run)?;
                begun
            }
        };
        // An interrupted shard planned less.
        if let Some(total) = begun.planned.filter(|_| !summary.interrupted)
            && part(total, &shard) != line.planned
        {
            let (index, expected, got) = (shard.index, part(total, &shard), line.planned);
            return Err(ShardsError::Planned { name: name.to_owned(), index, got, expected });
        }
        self.lines.insert(shard.index, line);
        self.names.insert(shard.index, name.to_owned());
        Ok(())
    }

    /// Returns the merged result. `is_partial` accepts missing shards.
    ///
    /// # Errors
    /// There is no shard, or shards are missing, or calls were lost, which is a defect.
    pub fn finish(
        self,
        is_partial: bool,
        label: Option<String>,
        objectives: &[Objective],
    ) -> Result<Summary, ShardsError> {
        let Self { begun, lines, .. } = self;
        let Begun { of, label: own, target, mut run, starts, end, .. } = begun.ok_or(ShardsError::Nothing)?;
        let missing: Vec<u64> = (0..of).filter(|index| !lines.contains_key(index)).collect();
        if !missing.is_empty() && !is_partial {
            return Err(ShardsError::Missing { count: missing.len(), of, which: listed(&missing) });
        }
        run.window = end.duration_since(starts.0).unwrap_or_default();
        let shards = Shards { of, merged: lines.into_values().collect(), missing };
        let mut soundness = Soundness::of(&run, target.is_local);
        // The findings about shards say which one was interrupted.
        soundness.findings.retain(|finding| !finding.is(FindingKind::Interrupted));
        soundness.findings.extend(findings(&shards, starts, run.window));
        soundness.findings.sort_by_key(|finding| finding.weight);
        soundness.verdict = Rating::of(&soundness.findings);
        let context = Context { target, label: label.or(own), objectives };
        let mut summary = Summary::with_soundness(&run, context, soundness)?;
        summary.shards = Some(shards);
        // Of each shard only sums were checked: a histogram with other times shows here.
        summary.check().map_err(ShardsError::Edited)?;
        Ok(summary)
    }
}

impl Begun {
    fn with(
        name: &str,
        identity: Identity,
        shard: &ShardOrigin,
        summary: &Summary,
        run: Measurement,
    ) -> Self {
        let run = without_process(run);
        let started = run.started_at;
        Self {
            first: name.to_owned(),
            identity,
            of: shard.of,
            planned: planned(&summary.plan),
            label: summary.label.clone(),
            target: TargetRecord { server: None, ..summary.target.clone() },
            anchor: started,
            starts: (started, started),
            end: started + run.window,
            run,
        }
    }

    fn add(&mut self, name: &str, summary: &Summary, run: Measurement) -> Result<(), ShardsError> {
        let mut run = without_process(run);
        let started = run.started_at;
        self.starts = (self.starts.0.min(started), self.starts.1.max(started));
        self.end = self.end.max(started + run.window);
        self.target.is_local |= summary.target.is_local;
        let apart = self.starts.1.duration_since(self.starts.0).unwrap_or_default();
        if apart > FAR {
            let why = format!("the windows started {} apart, which no run lasts", exact_duration(apart));
            return Err(ShardsError::Merge { name: name.to_owned(), why });
        }
        match started.duration_since(self.anchor) {
            Ok(later) => run.delay(later),
            Err(earlier) => {
                // The merged rows begin with this shard's.
                let earlier = earlier.duration();
                self.run.delay(earlier);
                self.anchor = started;
            }
        }
        self.run
            .merge(run)
            .map_err(|error| ShardsError::Merge { name: name.to_owned(), why: error.to_string() })
    }
}

/// Removes the accounts of the server: shards on its machine would each count the same server.
fn without_process(mut run: Measurement) -> Measurement {
    run.shard = None;
    run.environment.load_average = None;
    run.usage.server_cpu = None;
    run.timeline.without_server_cpu();
    run.usage.server_threads = Vec::new();
    run.usage.server_peak_memory_bytes = None;
    run
}

/// Returns the line of a shard, with figures from its counts.
fn line(shard: &ShardOrigin, summary: &Summary, run: &Measurement) -> ShardLine {
    let latency = run.recording.response.as_ref().unwrap_or(&run.recording.service);
    let is_answered = latency.count() > 0;
    ShardLine {
        index: shard.index,
        host: shard.host.clone(),
        address: summary.target.address.clone(),
        started_at: summary.started_at.clone(),
        window_ns: summary.window_ns,
        interrupted: summary.interrupted,
        planned: summary.calls.planned,
        answered: summary.calls.outcomes.answered,
        calls_per_second: goodput(run).calls_per_second,
        p50_ns: is_answered.then(|| latency.quantile_ns(0.5)),
        p99_ns: is_answered.then(|| latency.quantile_ns(0.99)),
        max_ns: is_answered.then(|| latency.max_ns()),
        client_cpu_ns_per_call: cost(run).client_cpu_ns_per_call,
        client_peak_rss_bytes: run.usage.client_peak_memory_bytes,
        environment: summary.environment.clone(),
        verdict: summary.soundness.verdict,
        findings: summary.soundness.findings.iter().map(|finding| finding.name.clone()).collect(),
    }
}

#[cfg(test)]
#[path = "merging_tests.rs"]
mod tests;
