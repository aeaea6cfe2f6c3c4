//! Verdicts in words, from the measured figures. Pure.

use std::time::Duration;

use super::{
    findings,
    judge::{Estimate, MetricVerdict, Word, scenario_word},
    metric::GateMetric,
    repetition::Repetition,
    scenario::ScenarioLoad,
    scenario_run::{Neither, ScenarioRun},
    verdict::{Confirmation, LimitsVerdict, Reported, ScenarioVerdict, Verdict},
};
use crate::{
    measure::{Build, Environment},
    result::document::DocumentKind,
    units::nanoseconds_of,
};

/// Returns the first scenario if neither side can do any scenario.
pub(super) fn neither(tried: &[ScenarioRun<'_>]) -> Option<Neither> {
    let mut all = tried.iter().map(|tried| tried.neither.as_ref());
    let first = all.next()??;
    all.all(|neither| neither.is_some()).then(|| first.clone())
}

/// Returns the verdict of a gate that failed part of the way. Findings without statistics stay.
pub(super) fn ended_early(verdict: Verdict, why: &str) -> Verdict {
    if verdict.verdict == Word::Regressed {
        let reason = format!("{}; the gate ended early: {why}", verdict.reason);
        return Verdict { reason, ..verdict };
    }
    let reason = format!("the gate ended early: {why}");
    Verdict { verdict: Word::Inconclusive, reason, ..verdict }
}

/// Facts about a gate besides its measurements.
pub(super) struct Head {
    pub(super) label: Option<String>,
    pub(super) started_at: String,
    pub(super) elapsed: Duration,
    pub(super) interrupted: bool,
    pub(super) base: String,
    pub(super) candidate: String,
    pub(super) environment: Environment,
    pub(super) seed: u64,
    pub(super) repetitions: usize,
}

/// Returns an empty verdict.
pub(super) fn head(head: Head) -> Verdict {
    let Head { label, started_at, elapsed, interrupted, base, candidate, environment, seed, repetitions } =
        head;
    Verdict {
        schema: DocumentKind::Verdict.schema().to_owned(),
        plimsoll: Build::this(),
        verdict: Word::Inconclusive,
        reason: String::new(),
        label,
        started_at,
        elapsed_ns: nanoseconds_of(elapsed),
        interrupted,
        base,
        candidate,
        environment,
        seed,
        planned_repetitions: repetitions,
        limits: None,
        scenarios: Vec::new(),
        findings: Vec::new(),
    }
}

/// Second runs: the scenario's index, the run, and its metrics.
pub(super) type Confirmations<'a> = Vec<(usize, (ScenarioRun<'a>, Vec<MetricVerdict>))>;

/// Returns the confirmation of the scenario at this index, if there is one.
pub(super) fn take<'a>(
    confirmations: &mut Confirmations<'a>,
    index: usize,
) -> Option<(ScenarioRun<'a>, Vec<MetricVerdict>)> {
    let place = confirmations.iter().position(|(of, _)| *of == index)?;
    Some(confirmations.swap_remove(place).1)
}

/// Returns true if a metric shows a change.
pub(super) fn is_flagged(metric: &MetricVerdict) -> bool {
    matches!(metric.verdict, Word::Regressed | Word::Improved)
}

/// Returns the verdict of one scenario. A change counts if both runs show it in the same metric, and if each
/// repetition has `fresh` processes.
pub(super) fn scenario(
    tried: ScenarioRun<'_>,
    mut metrics: Vec<MetricVerdict>,
    confirmation: Option<(ScenarioRun<'_>, Vec<MetricVerdict>)>,
    needed: usize,
    fresh: bool,
) -> ScenarioVerdict {
    let ScenarioRun { scenario, repetitions, ended, .. } = tried;
    let flagged = metrics.iter().any(is_flagged);
    let mut ended = ended;
    let mut confirmation = confirmation.map(|(again, said)| {
        for metric in metrics.iter_mut().filter(|metric| is_flagged(metric)) {
            let is_same =
                |other: &MetricVerdict| other.metric == metric.metric && other.verdict == metric.verdict;
            if !said.iter().any(is_same) {
                metric.verdict = Word::Inconclusive;
            }
        }
        ended = ended.take().or(again.ended);
        Confirmation { metrics: said, repetitions: again.repetitions }
    });
    let is_complete = repetitions.len() >= needed
        && confirmation.as_ref().is_none_or(|confirmation| confirmation.repetitions.len() >= needed);
    let word = scenario_word(&metrics);
    let differing = (!fresh).then(|| differing(&metrics));
    let mut processes_differ = None;
    let confirmed_noise = confirmation.iter().flat_map(|confirmation| &confirmation.metrics);
    let (verdict, reason) = match ended {
        Some((word, reason)) => (word, Some(reason)),
        None if !is_complete
            || (flagged && confirmation.is_none() && !metrics.iter().any(MetricVerdict::is_noisy)) =>
        {
            (
                Word::Inconclusive,
                Some(format!(
                    "{} repetitions were made of the {needed} that a verdict needs, and as many to confirm a change",
                    repetitions.len()
                )),
            )
        }
        None if metrics.iter().chain(confirmed_noise).any(MetricVerdict::is_noisy) => {
            (Word::Abstained, Some("the base differed from itself by more than chance".to_owned()))
        }
        None if flagged && !metrics.iter().any(is_flagged) => {
            (Word::Inconclusive, Some("a change was flagged, and a second run did not confirm it".to_owned()))
        }
        None => match (differing, word) {
            (Some(names), Word::Regressed | Word::Improved) => {
                processes_differ = Some(true);
                (Word::Inconclusive, Some(format!("these two processes differ in {names}{ONE_PROCESS}")))
            }
            (Some(_), Word::Unchanged) => {
                processes_differ = Some(false);
                (Word::Inconclusive, Some(format!("{LITTLE}{ONE_PROCESS}")))
            }
            (_, word) => (word, None),
        },
    };
    if !fresh {
        let again = confirmation.iter_mut().flat_map(|confirmation| &mut confirmation.metrics);
        for metric in metrics.iter_mut().chain(again) {
            metric.verdict = Word::Inconclusive;
        }
    }
    // A change that the scenario does not have is removed from its metrics too.
    if !matches!(verdict, Word::Regressed | Word::Improved) {
        for metric in metrics.iter_mut().filter(|metric| is_flagged(metric)) {
            metric.verdict = Word::Inconclusive;
        }
    }
    let reported = reported(&repetitions);
    let (concurrency, calls_per_second) = match scenario.load {
        ScenarioLoad::Concurrency(calls) => (Some(calls), None),
        ScenarioLoad::Rate(rate) => (None, Some(rate)),
    };
    ScenarioVerdict {
        name: scenario.name.clone(),
        message_bytes: scenario.message_bytes,
        concurrency,
        calls_per_second,
        verdict,
        reason,
        processes_differ,
        metrics,
        reported,
        confirmation,
        repetitions,
    }
}

/// Reason why a comparison of two processes is not a comparison of two programs.
const ONE_PROCESS: &str = "; whether their programs differ is not known: two processes of one program differ too, and each side was one";

/// Verdict on two processes that differ by less than the threshold.
const LITTLE: &str = "these two processes differ by less than the threshold";

/// Returns the changed metrics, with the size of each change.
fn differing(metrics: &[MetricVerdict]) -> String {
    let changed = metrics.iter().filter(|metric| is_flagged(metric)).map(|metric| {
        let name =
            metric.metric.parse::<GateMetric>().map_or(metric.metric.as_str(), |metric| metric.in_words());
        format!("{name} ({:+.1} %)", (metric.ratio - 1.0) * 100.0)
    });
    changed.collect::<Vec<_>>().join(", ")
}

fn reported(repetitions: &[Repetition]) -> Vec<Reported> {
    Estimate::of(GateMetric::P99, repetitions)
        .map(|Estimate { metric, ratio, interval }| Reported {
            metric: metric.name().to_owned(),
            ratio,
            interval,
        })
        .into_iter()
        .collect()
}

/// Returns the overall verdict. A moved limit is always a regression. `fresh` is true if each repetition had
/// processes of its own.
pub(super) fn verdict(
    head: Verdict,
    limits: Option<LimitsVerdict>,
    scenarios: Vec<ScenarioVerdict>,
    fresh: bool,
) -> Verdict {
    let moved = limits.as_ref().map_or(0, |limits| limits.moved.len());
    let gave_up = limits.as_ref().and_then(LimitsVerdict::candidate_gave_up);
    let unknown = limits.as_ref().is_some_and(|limits| !limits.not_compared.is_empty());
    let names = |word: Word| {
        let of_word = scenarios.iter().filter(|scenario| scenario.verdict == word);
        of_word.map(|scenario| scenario.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let is = |word: Word| scenarios.iter().any(|scenario| scenario.verdict == word);
    let also = |word: Word, text: &str| {
        if is(word) { format!("; {text}: {}", names(word)) } else { String::new() }
    };
    let (verdict, reason) = if moved > 0 {
        let s = if moved == 1 { "" } else { "s" };
        (Word::Regressed, format!("{moved} size limit{s} moved{}", also(Word::Regressed, "worse besides")))
    } else if is(Word::Regressed) {
        (Word::Regressed, format!("worse: {}", names(Word::Regressed)))
    } else if head.interrupted {
        (Word::Inconclusive, "interrupted before its end".to_owned())
    } else if let Some(why) = gave_up {
        (
            Word::Regressed,
            format!("the candidate did not outlast the search for its limits, and the base did: {why}"),
        )
    } else if is(Word::Abstained) {
        (Word::Abstained, format!("the base differed from itself: {}", names(Word::Abstained)))
    } else if let Some(reason) = processes(&scenarios).filter(|_| !fresh) {
        (Word::Inconclusive, reason)
    } else if is(Word::Inconclusive) {
        let what = "a change as large as the threshold is not excluded";
        (Word::Inconclusive, format!("{what}: {}", names(Word::Inconclusive)))
    } else if is(Word::Improved) {
        (Word::Improved, format!("better: {}", names(Word::Improved)))
    } else if is(Word::Unchanged) {
        (
            Word::Unchanged,
            "no change as large as the threshold where there was something to compare".to_owned(),
        )
    } else if scenarios.is_empty() && unknown {
        (Word::Inconclusive, "a size limit could not be compared".to_owned())
    } else if scenarios.is_empty() {
        (Word::Unchanged, "size limits are unchanged; nothing else was tried".to_owned())
    } else {
        (Word::Skipped, "nothing could be compared".to_owned())
    };
    let not_compared = also(Word::Skipped, "not compared");
    let reason = reason + &not_compared;
    let findings = findings::of(limits.as_ref(), &scenarios, fresh || scenarios.is_empty());
    Verdict { verdict, reason, limits, scenarios, findings, ..head }
}

/// Returns the result for two processes, where each inconclusive scenario has one.
fn processes(scenarios: &[ScenarioVerdict]) -> Option<String> {
    let compared = || scenarios.iter().filter(|scenario| scenario.verdict == Word::Inconclusive);
    let differ = compared().filter(|scenario| scenario.processes_differ == Some(true));
    let names: Vec<&str> = differ.map(|scenario| scenario.name.as_str()).collect();
    if !names.is_empty() {
        return Some(format!("these two processes differ: {}{ONE_PROCESS}", names.join(", ")));
    }
    let is_little = compared().all(|scenario| scenario.processes_differ == Some(false));
    (is_little && compared().next().is_some()).then(|| format!("{LITTLE}{ONE_PROCESS}"))
}
