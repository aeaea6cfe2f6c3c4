//! Ranks as whole numbers: doubled, so that ranks of ties are whole too.

/// Returns twice the rank of each value, starting at 2; equal values share the mean of their ranks.
pub(super) fn doubled(values: &[f64]) -> Vec<usize> {
    // Adding 0.0 turns -0.0 into 0.0, because `total_cmp` orders the two zeros.
    let values: Vec<f64> = values.iter().map(|value| value + 0.0).collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|left, right| values[*left].total_cmp(&values[*right]));
    let mut ranks = vec![0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let value = values[order[from]];
        let ties = order[from..].iter().take_while(|index| values[**index].total_cmp(&value).is_eq()).count();
        // Ranks from + 1 to from + ties: twice their mean.
        let doubled = 2 * from + ties + 1;
        for index in &order[from..from + ties] {
            ranks[*index] = doubled;
        }
        from += ties;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ties_share_their_ranks() {
        assert_eq!(doubled(&[30.0, 10.0, 20.0]), [6, 2, 4]);
        assert_eq!(doubled(&[5.0, 1.0, 5.0, 5.0]), [6, 2, 6, 6]);
        assert_eq!(doubled(&[0.0, -0.0]), [3, 3]);
        assert!(doubled(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn ranks_add_up(values in prop::collection::vec(-3_i8..3, 0..30)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let count = values.len();
            prop_assert_eq!(doubled(&values).iter().sum::<usize>(), count * (count + 1));
        }
    }
}
