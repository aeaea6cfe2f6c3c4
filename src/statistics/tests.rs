//! Tests against fixtures from `SciPy` (made by `scripts/fixtures/statistics`), and properties that hold for
//! any values.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
struct Fixtures {
    signed_rank: Vec<Signed>,
    signed_rank_with_ties: Vec<Signed>,
    rank_sum: Vec<Sum>,
    rank_sum_with_ties: Vec<Sum>,
    rank_sum_of_many: Vec<Sum>,
}

#[derive(Debug, Deserialize)]
struct Signed {
    differences: Vec<f64>,
    rank_sum: f64,
    p_above: f64,
    p_below: f64,
    hodges_lehmann: f64,
}

#[derive(Debug, Deserialize)]
struct Sum {
    first: Vec<f64>,
    second: Vec<f64>,
    u: f64,
    p_above: f64,
    p_below: f64,
    shift: f64,
}

fn fixtures() -> Fixtures {
    serde_json::from_str(include_str!("../../tests/data/statistics.json")).expect("well formed")
}

fn close(got: f64, expected: f64) -> bool {
    (got - expected).abs() <= 1e-9 * expected.abs().max(1e-3)
}

#[test]
fn the_signed_rank_test_agrees_with_scipy() {
    let Fixtures { signed_rank, signed_rank_with_ties, .. } = fixtures();
    assert!(signed_rank.len() >= 14 && signed_rank_with_ties.len() >= 6);
    for fixture in signed_rank.iter().chain(&signed_rank_with_ties) {
        let got = SignedRank::of(&fixture.differences).expect("enough");
        assert!(close(got.rank_sum, fixture.rank_sum), "{got:?} {fixture:?}");
        assert!(close(got.p_above, fixture.p_above), "{got:?} {fixture:?}");
        assert!(close(got.p_below, fixture.p_below), "{got:?} {fixture:?}");
        let estimate = hodges_lehmann(&fixture.differences).expect("enough");
        assert!(close(estimate, fixture.hodges_lehmann), "{estimate} {fixture:?}");
    }
}

#[test]
fn the_rank_sum_test_agrees_with_scipy() {
    let Fixtures { rank_sum, rank_sum_with_ties, rank_sum_of_many, .. } = fixtures();
    assert!(rank_sum.len() >= 10 && rank_sum_with_ties.len() >= 4 && rank_sum_of_many.len() >= 4);
    for fixture in rank_sum.iter().chain(&rank_sum_with_ties).chain(&rank_sum_of_many) {
        let got = RankSum::of(&fixture.first, &fixture.second).expect("enough");
        assert!(close(got.u, fixture.u), "{got:?} {fixture:?}");
        assert!(close(got.p_above, fixture.p_above), "{got:?} {fixture:?}");
        assert!(close(got.p_below, fixture.p_below), "{got:?} {fixture:?}");
        assert!(close(shift(&fixture.first, &fixture.second).expect("enough"), fixture.shift));
    }
}

#[test]
fn what_is_too_little_is_no_test() {
    assert_eq!(SignedRank::of(&[]), None);
    assert_eq!(SignedRank::of(&[0.0, 0.0]), None);
    assert_eq!(SignedRank::of(&[1.0, f64::NAN]), None);
    assert_eq!(RankSum::of(&[], &[1.0]), None);
    assert_eq!(RankSum::of(&[f64::NAN], &[1.0]), None);
    assert_eq!(hodges_lehmann(&[]), None);
    // 2^-5 on each side is more than 2.5 %.
    assert_eq!(hodges_lehmann_interval(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95), None);
    assert_eq!(hodges_lehmann_interval(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0.95), Some((1.0, 6.0)));
    assert_eq!(shift_interval(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], 0.95), None);
    assert!(shift_interval(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 5.0], 0.95).is_some());
    assert!(close(smallest_p(7), 1.0 / 128.0));
}

fn values(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-100.0..100.0_f64, count)
}

proptest! {
    #[test]
    fn the_signed_rank_test_is_even_handed(values in values(1..40)) {
        let mirrored: Vec<f64> = values.iter().map(|value| -value).collect();
        let scaled: Vec<f64> = values.iter().map(|value| value * 3.0).collect();
        let (Some(got), Some(other), Some(same)) =
            (SignedRank::of(&values), SignedRank::of(&mirrored), SignedRank::of(&scaled)) else { return Ok(()) };
        prop_assert!(close(got.p_above, other.p_below) && close(got.p_below, other.p_above));
        prop_assert!(close(got.p_above, same.p_above));
        // The rank sum itself is in both tails.
        prop_assert!(got.p_above + got.p_below >= 1.0 - 1e-9);
        prop_assert!(got.p_above >= smallest_p(got.count) * (1.0 - 1e-9));
        prop_assert!((0.0..=1.0).contains(&got.p_two_sided()));
    }

    #[test]
    fn the_rank_sum_test_is_even_handed(first in values(1..20), second in values(1..20)) {
        let got = RankSum::of(&first, &second).expect("enough");
        let other = RankSum::of(&second, &first).expect("enough");
        prop_assert!(close(got.p_above, other.p_below) && close(got.p_below, other.p_above));
        prop_assert!(got.p_above + got.p_below >= 1.0 - 1e-9);
        #[expect(clippy::cast_precision_loss, reason = "a few")]
        let pairs = (first.len() * second.len()) as f64;
        prop_assert!(close(got.u + other.u, pairs));
    }

    /// Checks that values just inside an interval are not rejected by the test, and values just outside are.
    #[test]
    fn intervals_are_what_the_tests_do_not_contradict(values in values(8..25)) {
        let (low, high) = hodges_lehmann_interval(&values, 0.95).expect("enough");
        let estimate = hodges_lehmann(&values).expect("enough");
        prop_assert!(low <= estimate && estimate <= high);
        let p = |at: f64| {
            let moved: Vec<f64> = values.iter().map(|value| value - at).collect();
            SignedRank::of(&moved).expect("enough").p_two_sided()
        };
        let step = 1e-9;
        prop_assert!(p(low + step) > 0.05 && p(high - step) > 0.05, "{} {}", p(low + step), p(high - step));
        prop_assert!(p(low - step) <= 0.05 && p(high + step) <= 0.05, "{} {}", p(low - step), p(high + step));
    }

    #[test]
    fn shift_intervals_are_what_the_tests_do_not_contradict(first in values(5..15), second in values(5..15)) {
        let (low, high) = shift_interval(&first, &second, 0.95).expect("enough");
        let estimate = shift(&first, &second).expect("enough");
        prop_assert!(low <= estimate && estimate <= high);
        let p = |at: f64| {
            let moved: Vec<f64> = first.iter().map(|value| value - at).collect();
            RankSum::of(&moved, &second).expect("enough").p_two_sided()
        };
        let step = 1e-9;
        prop_assert!(p(low + step) > 0.05 && p(high - step) > 0.05);
        prop_assert!(p(low - step) <= 0.05 && p(high + step) <= 0.05);
    }
}

#[test]
fn a_median_is_the_middle() {
    assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[4.0, 9.0, 1.0, 2.0]), Some(3.0));
    assert_eq!(median(&[]), None);
    assert_eq!((whole_median(vec![9, 1, 2, 5]), whole_median(vec![9, 1, 2])), (Some(3), Some(2)));
    assert_eq!((upper_median(vec![9, 1, 2, 5]), upper_median(vec![9, 1, 2])), (Some(5), Some(2)));
    assert_eq!((whole_median(Vec::new()), upper_median(Vec::new())), (None, None));
}

#[test]
fn holm_is_as_worked_out_by_hand() {
    // Sorted: .01 x 4, .02 x 3, .03 x 2, .04 x 1, each at least as large as the one before.
    let close = |got: Vec<f64>, expected: &[f64]| {
        assert!(got.iter().zip(expected).all(|(got, expected)| (got - expected).abs() < 1e-12), "{got:?}");
    };
    close(holm(&[0.04, 0.01, 0.03, 0.02]), &[0.06, 0.04, 0.06, 0.06]);
    close(holm(&[0.5, 0.9]), &[1.0, 1.0]);
    assert!(holm(&[]).is_empty());
}

proptest! {
    #[test]
    fn holm_is_between_the_p_value_and_bonferronis(p_values in prop::collection::vec(0.0..=1.0_f64, 1..20)) {
        let adjusted = holm(&p_values);
        #[expect(clippy::cast_precision_loss, reason = "a few")]
        let questions = p_values.len() as f64;
        for (p, adjusted) in p_values.iter().zip(&adjusted) {
            prop_assert!(p <= adjusted && *adjusted <= (p * questions).min(1.0) + 1e-12);
        }
        // A smaller p-value has a smaller or equal adjusted value.
        for (left, right) in (0..p_values.len()).flat_map(|left| (0..p_values.len()).map(move |right| (left, right))) {
            prop_assert!(p_values[left] > p_values[right] || adjusted[left] <= adjusted[right]);
        }
    }
}
