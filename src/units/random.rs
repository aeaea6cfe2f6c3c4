//! Deterministic pseudo-random numbers: the same seed repeats a run.

/// Increment of SplitMix64's state per number: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Hashes the input with SplitMix64 (Steele, Lea, Flood 2014): every output bit depends on every input bit.
pub(crate) fn bits(input: u64) -> u64 {
    let mut bits = input.wrapping_add(STEP);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Returns number `k` of a seed, independent of the numbers drawn before.
pub(crate) fn draw(seed: u64, k: u64) -> u64 {
    bits(seed ^ bits(k))
}

/// Shuffles items in place (Fisher-Yates), from the last place down. `random(place)` selects which item up to
/// `place` moves there.
pub(crate) fn shuffle<T>(items: &mut [T], random: impl Fn(usize) -> u64) {
    for place in (1..items.len()).rev() {
        items.swap(place, usize::try_from(random(place) % (place as u64 + 1)).unwrap_or(0));
    }
}

/// A stream of SplitMix64 numbers.
#[derive(Debug, Clone)]
pub(crate) struct Sequence {
    state: u64,
}

impl Sequence {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Returns a number from the interval (0, 1]: never 0, because its logarithm is infinite.
    #[expect(clippy::cast_precision_loss, reason = "the 53 bits that a float holds")]
    pub(crate) fn next_above_zero(&mut self) -> f64 {
        let bits = bits(self.state);
        self.state = self.state.wrapping_add(STEP);
        ((bits >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        // The first numbers of SplitMix64 for the seed 1234567, from its reference code.
        let seed = 1_234_567_u64;
        let numbers = [0, 1, 2].map(|k: u64| bits(seed.wrapping_add(STEP.wrapping_mul(k))));
        assert_eq!(
            numbers,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn orders_of_a_shuffle_are_equally_likely() {
        let mut orders = std::collections::BTreeMap::new();
        for seed in 0..6_000 {
            let mut items = ['a', 'b', 'c'];
            shuffle(&mut items, |place| draw(seed, place as u64));
            *orders.entry(items).or_insert(0) += 1;
        }
        assert_eq!(orders.len(), 6);
        assert!(orders.values().all(|count| (850..1_150).contains(count)), "{orders:?}");
    }

    #[test]
    fn fractions_are_above_zero_and_even_on_average() {
        let mut sequence = Sequence::new(1);
        let fractions: Vec<f64> = (0..10_000).map(|_| sequence.next_above_zero()).collect();
        assert!(fractions.iter().all(|fraction| *fraction > 0.0 && *fraction <= 1.0));
        let mean = fractions.iter().sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }
}
