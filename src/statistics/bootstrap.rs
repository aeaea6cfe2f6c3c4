//! The bootstrap: confidence intervals for figures without an exact test.

use crate::units::draw;

/// Returns a confidence interval, at this confidence (0..1), for a figure of one or more series whose
/// neighbours resemble each other. The interval's ends are quantiles of the figure over resampled series.
///
/// A resampled series consists of blocks of neighbours, which may overlap, up to the length of the original
/// series (Künsch 1989). The block length is the third root of the series' length, at least 1.
///
/// The closure `figure` receives the drawn places of each series, each below the series' length. Resamples
/// for which `figure` returns `None` are left out. The result is `None` if fewer than half of `rounds`
/// remain. Equal seeds give equal intervals.
#[must_use]
pub fn block_bootstrap(
    lengths: &[usize],
    rounds: u32,
    seed: u64,
    confidence: f64,
    mut figure: impl FnMut(&[Vec<usize>]) -> Option<f64>,
) -> Option<(f64, f64)> {
    if lengths.contains(&0) || rounds == 0 {
        return None;
    }
    let mut random = (0_u64..).map(|k| draw(seed, k));
    let mut figures = Vec::new();
    let mut drawn = vec![Vec::new(); lengths.len()];
    for _ in 0..rounds {
        for (length, places) in lengths.iter().zip(&mut drawn) {
            let block = third_root(*length).clamp(1, *length);
            let starts = (length - block + 1) as u64;
            places.clear();
            while places.len() < *length {
                let start = usize::try_from(random.next()? % starts).ok()?;
                places.extend(start..start + block);
            }
            places.truncate(*length);
        }
        figures.extend(figure(&drawn));
    }
    if figures.len() * 2 < rounds as usize {
        return None;
    }
    figures.sort_by(f64::total_cmp);
    let outside = (1.0 - confidence) / 2.0;
    Some((quantile(&figures, outside), quantile(&figures, 1.0 - outside)))
}

/// Returns the third root, rounded down.
fn third_root(number: usize) -> usize {
    (0..=number).take_while(|root| root * root * root <= number).last().unwrap_or(0)
}

/// Returns the value nearest to a quantile. The values are sorted in rising order, and there is at least one.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place among them"
)]
fn quantile(sorted: &[f64], quantile: f64) -> f64 {
    let place = (quantile * (sorted.len() - 1) as f64).round() as usize;
    sorted[place.min(sorted.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(values: &[f64], places: &[usize]) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a few")]
        let count = places.len() as f64;
        places.iter().map(|place| values[*place]).sum::<f64>() / count
    }

    #[test]
    fn the_same_seed_gives_the_same_interval_and_it_holds_the_mean() {
        let values: Vec<f64> = (0_u32..100).map(|k| f64::from(k % 10)).collect();
        let interval =
            |seed| block_bootstrap(&[100], 1_000, seed, 0.95, |places| Some(mean(&values, &places[0])));
        assert_eq!(interval(1), interval(1));
        assert_ne!(interval(1), interval(2));
        let (low, high) = interval(1).expect("enough");
        assert!(low < 4.5 && 4.5 < high && high - low < 3.0, "{low} {high}");
    }

    #[test]
    fn of_nothing_there_is_none() {
        assert_eq!(block_bootstrap(&[0, 3], 100, 1, 0.95, |_| Some(1.0)), None);
        assert_eq!(block_bootstrap(&[5], 100, 1, 0.95, |_| None), None);
        let ones = block_bootstrap(&[3], 100, 1, 0.95, |places| Some(mean(&[1.0; 3], &places[0])));
        assert_eq!(ones, Some((1.0, 1.0)));
        assert_eq!([0, 1, 7, 8, 26, 27].map(third_root), [0, 1, 1, 2, 2, 3]);
    }

    /// Checks that about 95 of 100 intervals at 95 % contain the true mean, 0.5, of independent values.
    #[test]
    fn intervals_hold_the_truth_about_as_often_as_they_say() {
        #[expect(clippy::cast_precision_loss, reason = "53 bits")]
        let uniform = |k: u64| (crate::units::random::bits(k) >> 11) as f64 / (1_u64 << 53) as f64;
        let holds = (0_u64..200)
            .filter(|series| {
                let values: Vec<f64> = (0..60).map(|k| uniform(series * 1_000 + k)).collect();
                let interval =
                    block_bootstrap(&[60], 400, *series, 0.95, |places| Some(mean(&values, &places[0])));
                interval.is_some_and(|(low, high)| low <= 0.5 && 0.5 <= high)
            })
            .count();
        assert!((176..=198).contains(&holds), "{holds} of 200");
    }
}
