//! Tests: verdicts of the rule on generated repetitions.

use proptest::prelude::*;

use super::{explain, limits, *};
use crate::{
    experiment::gate::{
        repetition::Slices,
        scenario_run::{Neither, ScenarioRun},
    },
    units::Sequence,
};

/// Returns a repetition with this cost ratio of the candidate, with noise of this size on all figures.
fn repetition(random: &mut Sequence, candidate: f64, again: f64, noise: f64) -> Repetition {
    let mut slices = |factor: f64| {
        let mut figures = |base: f64, sign: i32| -> Vec<Option<f64>> {
            (0..5)
                .map(|_| {
                    // The sum of three uniform numbers is close enough to a normal distribution.
                    let even: f64 = (0..3).map(|_| random.next_above_zero() - 0.5).sum();
                    Some(base * factor.powi(sign) * (2.0 * noise * even).exp())
                })
                .collect()
        };
        Slices {
            calls_per_second: figures(50_000.0, -1),
            p50_ns: figures(100_000.0, 1),
            p99_ns: figures(300_000.0, 1),
            server_cpu_ns_per_call: figures(17_000.0, 1),
            expected: 1_000,
            calls: crate::measure::Calls { planned: 1_000, ..Default::default() },
            ..Slices::default()
        }
    };
    Repetition {
        slice_ns: 25_000_000,
        base: slices(1.0),
        base_again: slices(again),
        candidate: slices(candidate),
    }
}

fn repetitions(seed: u64, count: usize, candidate: f64, again: f64, noise: f64) -> Vec<Repetition> {
    let mut random = Sequence::new(seed);
    (0..count).map(|_| repetition(&mut random, candidate, again, noise)).collect()
}

fn metrics(repetitions: &[Repetition]) -> Vec<MetricVerdict> {
    let thresholds = Thresholds::all(DEFAULT_THRESHOLD);
    judge(&[Sample { thresholds: &thresholds, repetitions }]).remove(0)
}

fn words(repetitions: &[Repetition]) -> Vec<Word> {
    metrics(repetitions).iter().map(|metric| metric.verdict).collect()
}

#[test]
fn what_is_slower_is_flagged_and_what_is_the_same_is_not() {
    assert_eq!(words(&repetitions(1, 12, 1.05, 1.0, 0.02)), [Word::Regressed; 3]);
    assert_eq!(words(&repetitions(1, 12, 0.90, 1.0, 0.02)), [Word::Improved; 3]);
    assert_eq!(words(&repetitions(1, 12, 1.0, 1.0, 0.02)), [Word::Unchanged; 3]);
    assert_eq!(words(&repetitions(1, 12, 1.0, 1.0, 0.5)), [Word::Inconclusive; 3]);
}

#[test]
fn a_change_within_half_the_threshold_is_not_flagged_however_sure_it_is() {
    let small = metrics(&repetitions(1, 40, 1.015, 1.0, 0.005));
    assert!(small.iter().all(|metric| metric.p_adjusted < LEVEL), "{small:?}");
    assert!(small.iter().all(|metric| metric.verdict == Word::Unchanged), "{small:?}");
}

#[test]
fn too_few_repetitions_flag_nothing() {
    let needed = fewest_repetitions(3);
    assert_eq!((needed, fewest_repetitions(15), fewest_repetitions(1)), (10, 12, 8));
    let noisy =
        |count: usize| metrics(&repetitions(1, count, 1.0, 2.0, 0.01)).iter().any(MetricVerdict::is_noisy);
    assert!(!noisy(needed - 1) && noisy(needed), "the A/A check must be able to object");
    assert!(words(&repetitions(1, 8, 2.0, 1.0, 0.01)).iter().all(|word| *word != Word::Regressed));
    assert_eq!(words(&repetitions(1, needed, 2.0, 1.0, 0.01)), [Word::Regressed; 3]);
    assert_eq!(metrics(&[]), []);
}

#[test]
fn a_metric_that_is_not_known_is_left_out() {
    let mut all = repetitions(1, 12, 1.2, 1.0, 0.01);
    for repetition in &mut all {
        repetition.candidate.server_cpu_ns_per_call.fill(None);
    }
    let known: Vec<String> = metrics(&all).into_iter().map(|metric| metric.metric).collect();
    assert_eq!(known, ["calls_per_second", "p50_ns"]);
}

#[test]
fn the_smallest_change_that_would_be_seen_grows_with_the_noise() {
    let seen = |noise: f64| metrics(&repetitions(3, 12, 1.0, 1.0, noise))[0].smallest_effect_seen;
    let (calm, wild) = (seen(0.005).expect("enough"), seen(0.1).expect("enough"));
    assert!(0.025 < calm && calm < 0.05 && wild > 2.0 * calm, "{calm} {wild}");
    let few = metrics(&repetitions(3, 8, 1.0, 1.0, 0.01));
    assert_eq!(few[0].smallest_effect_seen, None, "nothing can be flagged");
}

/// Returns the verdict of a scenario, after a first run and, if flagged, a second.
fn scenario(first: Vec<Repetition>, second: Option<Vec<Repetition>>) -> ScenarioVerdict {
    scenario_of(first, second, true)
}

/// Returns the verdict of a scenario; if not `fresh`, each server is one process for all repetitions.
fn scenario_of(first: Vec<Repetition>, second: Option<Vec<Repetition>>, fresh: bool) -> ScenarioVerdict {
    let scenario = &Scenario::built_in(DEFAULT_THRESHOLD)[0];
    let tried = |repetitions: Vec<Repetition>| {
        let mut tried = ScenarioRun::new(scenario);
        for repetition in repetitions {
            tried.take(repetition);
        }
        tried
    };
    let (said, again) = (metrics(&first), second.as_deref().map(metrics));
    explain::scenario(tried(first), said, second.map(tried).zip(again), fewest_repetitions(3), fresh)
}

#[test]
fn a_regression_is_one_that_is_seen_twice() {
    let slow = |seed| repetitions(seed, 12, 1.06, 1.0, 0.01);
    let same = |seed| repetitions(seed, 12, 1.0, 1.0, 0.01);
    assert_eq!(scenario(slow(1), Some(slow(2))).verdict, Word::Regressed);
    let once = scenario(slow(1), Some(same(2)));
    assert_eq!(once.verdict, Word::Inconclusive);
    assert!(once.reason.is_some_and(|reason| reason.contains("did not confirm")));
    assert_eq!(scenario(slow(1), None).verdict, Word::Inconclusive, "the second run is missing");
    assert_eq!(scenario(slow(1), Some(slow(2)[..3].to_vec())).verdict, Word::Inconclusive, "interrupted");
}

#[test]
fn of_one_process_each_no_more_is_said_than_that_they_differ() {
    let all = |seed, effect| repetitions(seed, 12, effect, 1.0, 0.01);
    for effect in [1.3, 0.7] {
        let differ = scenario_of(all(1, effect), Some(all(2, effect)), false);
        assert_eq!((differ.verdict, differ.processes_differ), (Word::Inconclusive, Some(true)));
        let reason = differ.reason.clone().expect("said");
        let expected = if effect > 1.0 { "p50 (+" } else { "p50 (-" };
        assert!(reason.contains("these two processes differ in") && reason.contains(expected), "{reason}");
        let again = differ.confirmation.as_ref().expect("measured again");
        let words = differ.metrics.iter().chain(&again.metrics).map(|metric| metric.verdict);
        assert!(words.clone().count() == 6 && words.clone().all(|word| word == Word::Inconclusive));
        let verdict = explain::verdict(head(), None, vec![differ], false);
        assert_eq!(verdict.verdict, Word::Inconclusive);
        assert!(verdict.reason.starts_with("these two processes differ: small;"), "{}", verdict.reason);
        assert!(verdict.findings.iter().any(|finding| finding.name == "processes_not_fresh"));
    }
    let same = scenario_of(all(1, 1.0), None, false);
    assert_eq!((same.verdict, same.processes_differ), (Word::Inconclusive, Some(false)));
    let verdict = explain::verdict(head(), None, vec![same], false);
    assert!(verdict.reason.contains("less than the threshold"), "{}", verdict.reason);
    let noisy = scenario_of(repetitions(1, 12, 1.0, 1.2, 0.01), None, false);
    assert_eq!((noisy.verdict, noisy.processes_differ), (Word::Abstained, None));
    assert_eq!(scenario(all(1, 1.3), Some(all(2, 1.3))).processes_differ, None, "fresh ones");
}

#[test]
fn a_limit_that_is_hidden_on_both_sides_has_not_moved() {
    use crate::experiment::limits::{LimitRecord, Limits, State};
    let limits = |request: u64, state: State, reply: Option<u64>| -> Limits {
        let record = |direction: &str| -> LimitRecord {
            serde_json::from_value(serde_json::json!({
                "side": "server", "direction": direction, "state": "found", "confirmed": true, "probes": 1,
                "elapsed_ns": 1, "code": "OUT_OF_RANGE",
            }))
            .expect("a record")
        };
        let requests = LimitRecord {
            largest_passed_bytes: Some(request),
            smallest_refused_bytes: Some(request + 1),
            ..record("request")
        };
        let replies = LimitRecord { state, largest_passed_bytes: reply, code: None, ..record("response") };
        serde_json::from_value(serde_json::json!({
            "schema": "plimsoll.limits/1", "plimsoll": {"version": "1"}, "target": "a", "client": "lean",
            "up_to_bytes": 1, "limits": [requests, replies], "findings": [],
        }))
        .expect("limits")
    };
    let compared = |base, candidate| limits::compare(base, candidate);
    let hidden = |request| limits(request, State::Hidden, Some(request));
    let verdict = compared(hidden(1_000), hidden(999));
    assert_eq!(verdict.moved.len(), 1, "{:?}", verdict.moved);
    assert_eq!(verdict.moved[0].direction, crate::rpc::Direction::Request);
    assert!(compared(hidden(1_000), hidden(1_000)).are_the_same());
    // A size that is refused on one side passes on the other.
    let mut other = limits(1_000, State::Found, Some(500));
    other.limits[1].smallest_refused_bytes = Some(501);
    let verdict = compared(hidden(1_000), other);
    assert_eq!(verdict.moved.len(), 1, "{:?}", verdict.moved);
    assert_eq!(verdict.moved[0].base, "hidden behind another limit: 1,000 bytes pass");
}

/// Returns an empty verdict.
fn head() -> Verdict {
    explain::head(explain::Head {
        label: None,
        started_at: "2026-11-25T00:00:00Z".to_owned(),
        elapsed: std::time::Duration::from_secs(1),
        interrupted: false,
        base: "base".to_owned(),
        candidate: "candidate".to_owned(),
        environment: crate::measure::Environment::now(),
        seed: 1,
        repetitions: 12,
    })
}

#[test]
fn a_base_that_differs_from_itself_makes_it_abstain() {
    let noisy = repetitions(1, 12, 1.0, 1.2, 0.01);
    assert!(metrics(&noisy).iter().all(MetricVerdict::is_noisy));
    let verdict = scenario(noisy, None);
    assert_eq!(verdict.verdict, Word::Abstained);
    assert!(verdict.reason.is_some_and(|reason| reason.contains("from itself")));
}

/// Returns the end of a scenario in which these numbers of 1,000 calls end as expected, per side.
fn ended(base: u64, candidate: u64, repetitions: usize) -> Option<Word> {
    let scenario = &Scenario::built_in(DEFAULT_THRESHOLD)[0];
    let mut tried = ScenarioRun::new(scenario);
    for mut repetition in self::repetitions(1, repetitions, 1.0, 1.0, 0.01) {
        repetition.base.expected = base;
        repetition.candidate.expected = candidate;
        tried.take(repetition);
    }
    tried.ended.map(|(word, _)| word)
}

#[test]
fn calls_that_fail_decide_before_any_test_does() {
    assert_eq!(ended(1_000, 1_000, 12), None);
    assert_eq!(ended(1_000, 980, 1), None, "once is an accident");
    assert_eq!(ended(1_000, 980, 2), Some(Word::Regressed));
    assert_eq!(ended(995, 0, 2), Some(Word::Regressed), "also where a few of the base's fail");
    assert_eq!(ended(950, 940, 2), Some(Word::Skipped), "both");
    assert_eq!(ended(0, 1_000, 1), Some(Word::Skipped));
}

/// Returns the result of `neither` for these numbers of expected ends per side, with other ends as given.
fn neither(scenarios: &[(u64, u64)], otherwise: crate::measure::Outcomes) -> Option<Neither> {
    let scenario = &Scenario::built_in(DEFAULT_THRESHOLD)[0];
    let mut all = Vec::new();
    for (base, candidate) in scenarios {
        let mut tried = ScenarioRun::new(scenario);
        let mut repetition = repetitions(1, 1, 1.0, 1.0, 0.01).remove(0);
        let sides = [(&mut repetition.base, *base), (&mut repetition.candidate, *candidate)];
        for (slices, expected) in sides {
            slices.expected = expected;
            slices.calls.outcomes = otherwise;
        }
        repetition.base_again = repetition.base.clone();
        tried.take(repetition);
        all.push(tried);
    }
    explain::neither(&all)
}

#[test]
fn a_side_without_a_call_says_nothing() {
    let scenario = &Scenario::built_in(DEFAULT_THRESHOLD)[0];
    let mut tried = ScenarioRun::new(scenario);
    let mut repetition = repetitions(1, 1, 1.0, 1.0, 0.01).remove(0);
    for slices in [&mut repetition.base, &mut repetition.base_again, &mut repetition.candidate] {
        (slices.expected, slices.calls.planned) = (0, 0);
    }
    tried.take(repetition);
    assert_eq!((tried.ended, tried.neither), (None, None));
}

#[test]
fn scenarios_that_neither_side_does_are_no_comparison() {
    use crate::measure::Outcomes;
    let failed = Outcomes { failed: 1_000, ..Outcomes::default() };
    let answered = Outcomes { answered: 1_000, ..Outcomes::default() };
    let found = neither(&[(0, 0)], failed).expect("neither");
    assert!(found.is_dead && found.scenario == "small", "{found:?}");
    assert!(!neither(&[(0, 0), (0, 0)], answered).expect("neither").is_dead, "another outcome was expected");
    assert_eq!(neither(&[(0, 0), (1_000, 1_000)], answered), None, "one is left to compare");
    assert_eq!(neither(&[(1_000, 0)], failed), None, "a regression");
    assert_eq!(neither(&[(0, 1_000)], failed), None, "a base that cannot be compared with");
    assert_eq!(neither(&[], failed), None);
}

#[test]
fn a_wrong_reply_of_the_candidate_alone_is_a_regression() {
    let scenario = &Scenario::built_in(DEFAULT_THRESHOLD)[0];
    let mut tried = ScenarioRun::new(scenario);
    for mut repetition in repetitions(1, 2, 1.0, 1.0, 0.01) {
        repetition.candidate.calls.outcomes.wrong_reply = 1;
        repetition.candidate.expected = 999;
        tried.take(repetition);
    }
    assert_eq!(tried.ended.map(|(word, _)| word), Some(Word::Regressed));
}

#[test]
fn a_document_is_read_as_it_was_written() {
    let first = scenario(repetitions(1, 12, 1.06, 1.0, 0.01), Some(repetitions(2, 12, 1.06, 1.0, 0.01)));
    let text = serde_json::to_string(&first).expect("writable");
    assert_eq!(serde_json::from_str::<ScenarioVerdict>(&text).expect("readable"), first);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Checks that swapping base and candidate turns worse into better, and changes nothing else.
    #[test]
    fn swapping_the_sides_turns_the_verdict(seed: u64, effect in 0.8..1.25_f64, count in 6_usize..16) {
        let there = repetitions(seed, count, effect, 1.0, 0.02);
        // The base has two processes and the candidate one: only the same slices on both sides can be
        // swapped.
        let twice = |repetition: &Repetition, turned: bool| {
            let (base, candidate) = (repetition.base.clone(), repetition.candidate.clone());
            let (base, candidate) = if turned { (candidate, base) } else { (base, candidate) };
            Repetition { slice_ns: 1, base_again: base.clone(), base, candidate }
        };
        let one: Vec<_> = there.iter().map(|repetition| twice(repetition, false)).collect();
        let other: Vec<_> = there.iter().map(|repetition| twice(repetition, true)).collect();
        for (one, other) in metrics(&one).iter().zip(metrics(&other)) {
            prop_assert!((one.ratio * other.ratio - 1.0).abs() < 1e-9);
            prop_assert!((one.p - other.p_better).abs() < 1e-12);
        }
    }

    /// Checks that only ratios count: another unit, or a slower machine, changes nothing.
    #[test]
    fn a_machine_that_is_slower_for_both_changes_nothing(seed: u64, factor in 0.1..10.0_f64) {
        let there = repetitions(seed, 10, 1.04, 1.0, 0.03);
        let mut slower = there.clone();
        for repetition in &mut slower {
            for slices in [&mut repetition.base, &mut repetition.base_again, &mut repetition.candidate] {
                for figure in slices.p50_ns.iter_mut().flatten() {
                    *figure *= factor;
                }
            }
        }
        let (one, other) = (&metrics(&there)[1], &metrics(&slower)[1]);
        prop_assert!((one.ratio - other.ratio).abs() < 1e-9 && (one.p - other.p).abs() < 1e-12);
    }

    /// Checks that no figures in a document make the judge panic.
    #[test]
    fn any_figures_are_judged(figures in proptest::collection::vec(proptest::num::f64::ANY, 0..40)) {
        let slices = Slices { p50_ns: figures.iter().copied().map(Some).collect(), ..Slices::default() };
        let one = Repetition { slice_ns: 0, base: slices.clone(), base_again: slices.clone(), candidate: slices };
        let _ = metrics(&vec![one; 10]);
    }
}
