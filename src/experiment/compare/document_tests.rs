//! Tests on variations of one golden result.

use super::*;
use crate::{experiment::compare::figures::Method, measure::Latency, result::summary::IntervalRecord};

fn golden() -> Summary {
    Summary::read(include_str!("../../../tests/data/documents/summary.json").as_bytes()).expect("a result")
}

/// Returns a run with one size, these numbers of verified replies per second, and equal times.
fn run(replies_each_second: &[u64], took: std::time::Duration) -> Summary {
    run_of_parts(replies_each_second, 1_000_000_000, took)
}

/// Returns such a run with these numbers of replies per interval of this length.
fn run_of_parts(replies_each_part: &[u64], part_ns: u64, took: std::time::Duration) -> Summary {
    let mut summary = golden();
    let mut all = Latency::new();
    summary.intervals = replies_each_part
        .iter()
        .enumerate()
        .map(|(part, replies)| {
            let mut latency = Latency::new();
            (0..*replies).for_each(|_| latency.record(took));
            all.add(&latency);
            let calls = crate::measure::Outcomes { answered: *replies, ..Default::default() };
            IntervalRecord {
                start_ns: part as u64 * part_ns,
                length_ns: part_ns,
                calls,
                latency: (&latency).into(),
                in_flight: None,
                largest_lateness_ns: None,
                client_cpu_ns: None,
                server_cpu_ns: None,
            }
        })
        .collect();
    summary.window_ns = replies_each_part.len() as u64 * part_ns;
    summary.refusals.clear();
    summary.sizes.clear();
    summary.plan.sizes.truncate(1);
    summary.calls.planned = all.count();
    summary.calls.outcomes = crate::measure::Outcomes { answered: all.count(), ..Default::default() };
    summary.soundness.verdict = crate::result::Rating::Sound;
    summary.latency.response = None;
    summary.latency.service = (&all).into();
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let per_second = all.count() as f64 / (summary.window_ns as f64 / 1e9);
    summary.goodput.calls_per_second = per_second;
    summary
}

const MILLISECOND: std::time::Duration = std::time::Duration::from_millis(1);

fn figure<'a>(comparison: &'a Comparison, name: &str) -> &'a Figure {
    comparison.figures.iter().find(|figure| figure.name == name).expect("a figure")
}

#[test]
fn single_runs_are_compared_by_their_seconds() {
    let base = run(&[1_000, 1_010, 990, 1_005, 995, 1_000], MILLISECOND);
    let candidate = run(&[900, 905, 895, 910, 890, 900], 2 * MILLISECOND);
    let comparison = Comparison::new(&[base], &[candidate], false).expect("comparable");
    let rate = figure(&comparison, "calls_per_second");
    assert!((rate.ratio - 0.9).abs() < 0.001, "{rate:?}");
    let (low, high) = rate.interval.expect("six seconds");
    assert!(low > 0.88 && low <= rate.ratio && rate.ratio <= high && high < 0.92, "{rate:?}");
    assert_eq!((rate.method, rate.p), (Some(Method::Seconds), None));
    let p50 = figure(&comparison, "p50_ns");
    assert!((p50.ratio - 2.0).abs() < 0.01, "{p50:?}");
    assert!(comparison.findings.iter().any(|finding| finding.name == "one_run_each"));
    assert!(comparison.limits.is_empty());
}

#[test]
fn intervals_shorter_than_a_second_are_compared_by_their_seconds() {
    let second = [190, 10, 150, 50, 100, 100, 100, 100, 120, 80];
    let parts = |seconds: usize| -> Vec<u64> { second.repeat(seconds) };
    let run = |seconds: usize, took| run_of_parts(&parts(seconds), 100_000_000, took);
    let (base, candidate) = (run(6, MILLISECOND), run(6, 2 * MILLISECOND));
    let comparison = Comparison::new(&[base], &[candidate], false).expect("comparable");
    let rate = figure(&comparison, "calls_per_second");
    // All seconds have the same number of replies, so they do not vary; the tenths do.
    assert_eq!(rate.interval, Some((1.0, 1.0)));
    let short = Comparison::new(&[run(4, MILLISECOND)], &[run(4, MILLISECOND)], false).expect("comparable");
    assert_eq!(figure(&short, "calls_per_second").interval, None, "four seconds are too few");
}

#[test]
fn a_size_that_one_side_alone_sent_is_no_moved_limit() {
    let base = run(&[100; 6], MILLISECOND);
    let mut candidate = run(&[100; 6], MILLISECOND);
    candidate.plan.sizes[0].message_bytes *= 2;
    let comparison = Comparison::new(&[base], &[candidate], true).expect("comparable");
    assert_eq!(comparison.limits, []);
}

#[test]
fn several_runs_are_compared_as_runs() {
    let runs = |rates: [u64; 5]| rates.map(|rate| run(&[rate; 6], MILLISECOND));
    let base = runs([1_000, 1_020, 980, 1_010, 990]);
    let candidate = runs([900, 910, 890, 905, 895]);
    let comparison = Comparison::new(&base, &candidate, false).expect("comparable");
    let rate = figure(&comparison, "calls_per_second");
    assert_eq!(rate.method, Some(Method::Runs));
    // All values of one side lie below all of the other: 2 of the 252 ways to choose five of ten.
    let p = rate.p.expect("a test");
    assert!((p - 2.0 / 252.0).abs() < 1e-9, "{p}");
    assert!(rate.p_adjusted.is_some_and(|adjusted| adjusted >= p));
    let (low, high) = rate.interval.expect("enough");
    assert!(low > 0.85 && high < 0.95, "{rate:?}");
    assert!(comparison.findings.is_empty(), "{:?}", comparison.findings);
    let few = Comparison::new(&base[..2], &candidate[..2], false).expect("comparable");
    assert!(few.findings.iter().any(|finding| finding.name == "few_runs"));
    assert_eq!(figure(&few, "calls_per_second").interval, None);
}

#[test]
fn different_plans_are_compared_only_where_that_is_asked_for() {
    let (base, mut candidate) = (run(&[10; 6], MILLISECOND), run(&[10; 6], MILLISECOND));
    candidate.plan.connections = 77;
    let sides = ([base], [candidate]);
    let error = Comparison::new(&sides.0, &sides.1, false).expect_err("another plan").to_string();
    assert!(error.contains("connections:") && error.contains("and 77"), "{error}");
    let allowed = Comparison::new(&sides.0, &sides.1, true).expect("allowed");
    assert!(allowed.findings.iter().any(|finding| finding.name == "different_plans"));
    assert!(Comparison::new(&[], &sides.1, true).is_err());
}

#[test]
fn a_limit_that_moved_by_a_byte_is_shown() {
    let (base, mut candidate) = (golden(), golden());
    assert!(!candidate.refusals.is_empty(), "the golden result has a refusal");
    let before = candidate.refusals[0].limit_bytes.expect("named");
    candidate.refusals[0].limit_bytes = Some(before - 1);
    let comparison = Comparison::new(&[base], &[candidate], false).expect("comparable");
    let [moved] = comparison.limits.as_slice() else { panic!("{:?}", comparison.limits) };
    assert!(moved.what.contains("limit for"), "{moved:?}");
    assert_ne!(moved.base, moved.candidate);
}

#[test]
fn a_side_that_lost_calls_is_told_with_its_share() {
    let base = run(&[1_000; 6], MILLISECOND);
    let mut candidate = run(&[700; 6], MILLISECOND);
    let lost = |summary: &Summary| {
        let comparison = Comparison::new(std::slice::from_ref(&base), std::slice::from_ref(summary), false);
        let findings = comparison.expect("comparable").findings;
        findings.into_iter().find(|finding| finding.name == "missing_answers").map(|finding| finding.detail)
    };
    assert_eq!(lost(&candidate), None);
    candidate.calls.planned += 1_800;
    candidate.calls.outcomes.unfinished = 1_800;
    let said = lost(&candidate).expect("a finding");
    assert!(said.starts_with("0.00 % of the base's planned calls and 30.00 % of the candidate's"), "{said}");
    candidate.calls.outcomes.refused = 1_800;
    candidate.calls.outcomes.unfinished = 0;
    assert_eq!(lost(&candidate), None, "refused messages are a subject of their own");
}
