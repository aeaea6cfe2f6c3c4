//! Consistency of a saved verdict: the same rule is applied to its repetitions again.

use super::{
    explain::{self, Confirmations},
    judge::{MetricVerdict, Word, fewest_repetitions},
    limits,
    metric::GateMetric,
    repetition::{ARMS, Repetition, Slices},
    run::judged,
    scenario::{DEFAULT_THRESHOLD, Expected, Scenario, ScenarioLoad, Thresholds},
    scenario_run::ScenarioRun,
    verdict::{Confirmation, ScenarioVerdict, Verdict},
};
use crate::{
    result::{FindingKind, alike, document::ReadError, holds, same},
    rpc::format_data::TextKind,
};

/// Prefix of reasons that report an event. An event cannot be derived from the figures again.
const HAPPENED: &str = "repetition ";

impl Verdict {
    /// Checks that the verdict, and the figures of each scenario and each metric, follow from the
    /// repetitions.
    ///
    /// # Errors
    /// A part of the verdict does not follow.
    pub fn check(&self) -> Result<(), ReadError> {
        for scenario in &self.scenarios {
            check_repetitions(scenario)?;
        }
        let limits = self.limits.as_ref();
        if let Some(limits) = limits {
            limits.base.check().map_err(|error| error.within("the base's search for limits"))?;
            limits.candidate.check().map_err(|error| error.within("the candidate's search for limits"))?;
            let again = limits::compare(limits.base.clone(), limits.candidate.clone());
            alike("the limits that moved", &limits.moved, &again.moved)?;
            alike("the limits that were not compared", &limits.not_compared, &again.not_compared)?;
        }
        // Nothing was measured; the reason explains why.
        if self.scenarios.is_empty() && limits.is_none() {
            let is_so = matches!(self.verdict, Word::Skipped | Word::Inconclusive);
            return Ok(holds(
                "the verdict",
                self.verdict.to_string(),
                "skipped: nothing was measured",
                is_so,
            )?);
        }
        let meant: Vec<Scenario> = self.scenarios.iter().map(scenario_of).collect();
        let fresh = !self.findings.iter().any(|finding| finding.is(FindingKind::ProcessesNotFresh));
        let scenarios = self.again(&meant, fresh);
        for (written, again) in self.scenarios.iter().zip(&scenarios) {
            let what = |part: &str| format!("{part} of scenario `{}`", written.name);
            same(&what("the verdict"), written.verdict.to_string(), again.verdict.to_string())?;
            alike(&what("the metrics"), &written.metrics, &again.metrics)?;
            alike(&what("the reported metrics"), &written.reported, &again.reported)?;
            let second = |of: &ScenarioVerdict| {
                of.confirmation.as_ref().map(|confirmation| confirmation.metrics.clone())
            };
            alike(&what("the second run"), &second(written), &second(again))?;
        }
        let again = explain::verdict(self.clone(), self.limits.clone(), scenarios, fresh);
        Ok(same("the verdict", self.verdict.to_string(), again.verdict.to_string())?)
    }

    /// Returns the verdicts of all scenarios, derived from the repetitions again.
    fn again(&self, meant: &[Scenario], fresh: bool) -> Vec<ScenarioVerdict> {
        let needed = fewest_repetitions(meant.len() * GateMetric::JUDGED.len());
        let pairs = || meant.iter().zip(&self.scenarios);
        let tried: Vec<ScenarioRun<'_>> = pairs()
            .map(|(meant, written)| {
                let mut tried = tried_of(meant, &written.repetitions);
                // A scenario that ended by itself has no metrics.
                if written.confirmation.is_none() && written.metrics.is_empty() {
                    tried.ended = tried.ended.or_else(|| happened(written));
                }
                tried
            })
            .collect();
        let first = judged(&tried);
        let second: Vec<(usize, ScenarioRun<'_>)> = pairs()
            .enumerate()
            .filter_map(|(index, (meant, written))| {
                let Confirmation { repetitions, metrics } = written.confirmation.as_ref()?;
                let mut again = tried_of(meant, repetitions);
                if metrics.is_empty() {
                    again.ended = again.ended.or_else(|| happened(written));
                }
                Some((index, again))
            })
            .collect();
        let (places, second): (Vec<usize>, Vec<ScenarioRun<'_>>) = second.into_iter().unzip();
        let again = judged(&second);
        let mut confirmations: Confirmations<'_> =
            places.into_iter().zip(second.into_iter().zip(again)).collect();
        tried
            .into_iter()
            .zip(first)
            .enumerate()
            .map(|(index, (tried, metrics))| {
                explain::scenario(tried, metrics, explain::take(&mut confirmations, index), needed, fresh)
            })
            .collect()
    }
}

/// Returns the word and the reason of a scenario that ended early.
fn happened(written: &ScenarioVerdict) -> Option<(Word, String)> {
    let is_of_no_figure = |reason: &&String| written.repetitions.is_empty() || reason.starts_with(HAPPENED);
    let reason = written.reason.as_ref().filter(is_of_no_figure)?;
    let is_end = matches!(written.verdict, Word::Regressed | Word::Skipped | Word::Inconclusive);
    is_end.then(|| (written.verdict, reason.clone()))
}

fn tried_of<'a>(scenario: &'a Scenario, repetitions: &[Repetition]) -> ScenarioRun<'a> {
    let mut tried = ScenarioRun::new(scenario);
    repetitions.iter().cloned().for_each(|repetition| tried.take(repetition));
    tried
}

/// Returns the parts of a scenario that the rule needs.
fn scenario_of(written: &ScenarioVerdict) -> Scenario {
    let second = written.confirmation.iter().flat_map(|confirmation| &confirmation.metrics);
    let judged: Vec<&MetricVerdict> = written.metrics.iter().chain(second).collect();
    let threshold = |metric: GateMetric| {
        let of_metric = judged.iter().find(|judged| judged.metric == metric.name());
        of_metric.map_or(DEFAULT_THRESHOLD, |judged| judged.threshold)
    };
    Scenario {
        name: written.name.clone(),
        message_bytes: written.message_bytes,
        text: TextKind::Ascii,
        load: match (written.concurrency, written.calls_per_second) {
            (Some(calls), _) => ScenarioLoad::Concurrency(calls),
            (None, rate) => ScenarioLoad::Rate(rate.unwrap_or(0.0)),
        },
        connections: None,
        expected: Expected::Answered,
        slice: std::time::Duration::ZERO,
        rounds: None,
        metadata: Vec::new(),
        thresholds: Thresholds::by_metric(threshold),
    }
}

fn check_repetitions(scenario: &ScenarioVerdict) -> Result<(), ReadError> {
    let second = scenario.confirmation.iter().flat_map(|confirmation| &confirmation.repetitions);
    for repetition in scenario.repetitions.iter().chain(second) {
        for arm in ARMS {
            check_slices(repetition.arm(arm))?;
        }
    }
    Ok(())
}

fn check_slices(slices: &Slices) -> Result<(), ReadError> {
    slices.calls.check()?;
    let planned = slices.calls.planned;
    holds(
        "the number of calls as expected",
        slices.expected,
        &format!("{planned} at most"),
        slices.expected <= planned,
    )?;
    let rounds = slices.calls_per_second.len();
    for figures in
        [&slices.p50_ns, &slices.p99_ns, &slices.server_cpu_ns_per_call, &slices.client_cpu_ns_per_call]
    {
        same("the number of slices", figures.len(), rounds)?;
    }
    let all = [&slices.calls_per_second, &slices.p50_ns, &slices.p99_ns, &slices.server_cpu_ns_per_call];
    for figure in all.into_iter().flatten().flatten() {
        holds("the figure of a slice", figure, "0 or more", figure.is_finite() && *figure >= 0.0)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Calls, Environment, Outcomes};

    /// Returns repetitions with this cost ratio of the candidate, each slightly different from the one
    /// before.
    fn repetitions(candidate: f64, from: u32) -> Vec<Repetition> {
        let slices = |factor: f64, place: u32| {
            let of = |figure: f64| vec![Some(figure * (1.0 + 0.001 * f64::from(place % 7))); 3];
            Slices {
                calls: Calls { planned: 10, outcomes: Outcomes { answered: 10, ..Outcomes::default() } },
                expected: 10,
                calls_per_second: of(50_000.0 / factor),
                p50_ns: of(100_000.0 * factor),
                p99_ns: of(300_000.0 * factor),
                server_cpu_ns_per_call: of(17_000.0 * factor),
                client_cpu_ns_per_call: of(2_000.0),
                ..Slices::default()
            }
        };
        (from..from + 12)
            .map(|place| Repetition {
                slice_ns: 25_000_000,
                base: slices(1.0, place),
                base_again: slices(1.0, place * 3 + 1),
                candidate: slices(candidate, place * 5 + 2),
            })
            .collect()
    }

    /// Returns the verdict of a gate with one scenario.
    fn verdict(first: &[Repetition], second: Option<&[Repetition]>) -> Verdict {
        let scenario = &Scenario::built_in(DEFAULT_THRESHOLD)[0];
        let tried = [tried_of(scenario, first)];
        let metrics = judged(&tried).remove(0);
        let second = second.map(|second| {
            let again = [tried_of(scenario, second)];
            let metrics = judged(&again).remove(0);
            let [again] = again;
            (again, metrics)
        });
        let [tried] = tried;
        let scenario =
            crate::experiment::gate::explain::scenario(tried, metrics, second, fewest_repetitions(3), true);
        let head = crate::experiment::gate::explain::head(crate::experiment::gate::explain::Head {
            label: None,
            started_at: String::new(),
            elapsed: std::time::Duration::ZERO,
            interrupted: false,
            base: "base".to_owned(),
            candidate: "candidate".to_owned(),
            environment: Environment::now(),
            seed: 1,
            repetitions: 12,
        });
        crate::experiment::gate::explain::verdict(head, None, vec![scenario], true)
    }

    #[test]
    fn a_verdict_is_reached_again_from_its_repetitions() {
        let regressed = verdict(&repetitions(1.2, 0), Some(&repetitions(1.2, 20)));
        assert_eq!(regressed.verdict, Word::Regressed, "{}", regressed.reason);
        let same = verdict(&repetitions(1.0, 0), None);
        assert_ne!(same.verdict, Word::Regressed);
        for verdict in [&regressed, &same] {
            let json = serde_json::to_vec(verdict).expect("JSON");
            assert_eq!(&Verdict::read(json.as_slice()).expect("a verdict"), verdict);
        }
        let changes: [fn(&mut Verdict); 6] = [
            |verdict| verdict.verdict = Word::Unchanged,
            |verdict| verdict.scenarios[0].verdict = Word::Unchanged,
            |verdict| verdict.scenarios[0].metrics[0].ratio = 1.0,
            |verdict| verdict.scenarios[0].metrics.clear(),
            |verdict| verdict.scenarios[0].confirmation = None,
            |verdict| verdict.scenarios[0].repetitions[0].base.expected = u64::MAX,
        ];
        for (place, change) in changes.iter().enumerate() {
            let mut edited = regressed.clone();
            change(&mut edited);
            assert!(edited.check().is_err(), "change {place}");
        }
    }

    #[test]
    fn what_happened_is_taken_and_excuses_nothing_else() {
        let mut ended = verdict(&repetitions(1.0, 0), None);
        ended.verdict = Word::Skipped;
        let scenario = &mut ended.scenarios[0];
        (scenario.verdict, scenario.reason) =
            (Word::Skipped, Some("repetition 3 could not be made: gone".to_owned()));
        scenario.metrics.clear();
        scenario.repetitions.truncate(2);
        let again = ended.again(&[scenario_of(&ended.scenarios[0])], true).remove(0);
        ended.scenarios[0].reported = again.reported;
        assert!(ended.check().is_ok(), "{:?}", ended.check());
        ended.scenarios[0].verdict = Word::Improved;
        assert!(ended.check().is_err());
    }
}
