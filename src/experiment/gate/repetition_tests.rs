//! Tests: properties of any repetition, and of any order of slices.

use proptest::prelude::*;

use super::*;

#[test]
fn every_order_comes_and_none_is_preferred() {
    let mut seen = std::collections::BTreeMap::new();
    for round in 0..6_000 {
        let order = order(42, round).map(|arm| arm as usize);
        *seen.entry(order).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
    assert!(seen.values().all(|count| (800..1_200).contains(count)), "{seen:?}");
}

fn slices(figures: &[f64]) -> Slices {
    Slices { calls_per_second: figures.iter().copied().map(Some).collect(), ..Slices::default() }
}

fn repetition(base: &[f64], again: &[f64], candidate: &[f64]) -> Repetition {
    let [base, base_again, candidate] = [base, again, candidate].map(slices);
    Repetition { slice_ns: 1, base, base_again, candidate }
}

#[test]
fn what_slows_both_cancels_out() {
    let repetition = repetition(&[100.0, 50.0, 10.0], &[100.0, 50.0, 10.0], &[90.0, 45.0, 9.0]);
    let difference = repetition.difference(GateMetric::CallsPerSecond).expect("figures");
    assert!((difference - 0.9_f64.ln()).abs() < 1e-12, "{difference}");
    assert_eq!(repetition.noise(GateMetric::CallsPerSecond), Some(0.0));
    assert_eq!(repetition.difference(GateMetric::P50), None, "no figures");
}

/// Checks arms that are slow in every third round, in turn: no arm is slower than another.
#[test]
fn noise_that_only_slows_favours_nobody() {
    let slow_in = |turn: usize| -> Vec<f64> {
        (0..30).map(|round| if round % 3 == turn { 50.0 } else { 100.0 }).collect()
    };
    let repetition = repetition(&slow_in(0), &slow_in(1), &slow_in(2));
    assert_eq!(repetition.difference(GateMetric::CallsPerSecond), Some(0.0));
}

proptest! {
    #[test]
    fn swapping_the_sides_turns_the_sign(a in 1.0..1e6_f64, b in 1.0..1e6_f64) {
        let there = repetition(&[a], &[a], &[b]).difference(GateMetric::CallsPerSecond).expect("one");
        let back = repetition(&[b], &[b], &[a]).difference(GateMetric::CallsPerSecond).expect("one");
        prop_assert!((there + back).abs() < 1e-9);
    }
}
