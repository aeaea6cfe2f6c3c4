//! Histogram of durations: three significant digits from 1 ns to 1 hour, and a count of longer durations.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{Serializer, V2DeflateSerializer, V2Serializer},
};

use super::packed::{DecodeError, HALF_BUCKET, LONGEST_NS, PackedLatency, SIGNIFICANT_DIGITS};
use crate::units::nanoseconds_of;

/// Histogram of call durations.
#[derive(Debug, Clone, PartialEq)]
pub struct Latency {
    histogram: Histogram<u64>,
    /// Durations over an hour. The histogram counts them too, as one hour.
    out_of_range: u64,
}

impl Default for Latency {
    fn default() -> Self {
        Self::new()
    }
}

impl Latency {
    /// Makes an empty histogram.
    #[must_use]
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_NS, SIGNIFICANT_DIGITS);
        Self { histogram: histogram.expect("these constant bounds are valid"), out_of_range: 0 }
    }

    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let nanoseconds = nanoseconds_of(duration);
        if nanoseconds > LONGEST_NS {
            self.out_of_range += 1;
        }
        // As minimum or maximum, 0 would mean that there are no durations.
        self.histogram.saturating_record(nanoseconds.clamp(1, LONGEST_NS));
    }

    /// Adds the counts of another histogram.
    pub fn add(&mut self, other: &Self) {
        let Self { histogram, out_of_range } = other;
        // Adding cannot fail: all histograms have the same bounds, or were checked against them when they
        // were read.
        self.histogram.add(histogram).expect("the same bounds");
        self.out_of_range = self.out_of_range.saturating_add(*out_of_range);
    }

    /// Number of durations, including those out of range.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Number of durations over an hour.
    #[must_use]
    pub fn out_of_range(&self) -> u64 {
        self.out_of_range
    }

    /// Quantile in ns: this share (0 to 1) of the durations does not exceed it. 0 if there are no durations.
    #[must_use]
    pub fn quantile_ns(&self, quantile: f64) -> u64 {
        self.histogram.value_at_quantile(quantile).min(self.max_ns())
    }

    /// Shortest duration, in ns.
    #[must_use]
    pub fn min_ns(&self) -> u64 {
        self.histogram.min()
    }

    /// Longest duration, in ns.
    #[must_use]
    pub fn max_ns(&self) -> u64 {
        self.histogram.max()
    }

    /// Mean duration, in ns.
    #[must_use]
    pub fn mean_ns(&self) -> f64 {
        self.histogram.mean()
    }

    /// Standard deviation, in ns.
    #[must_use]
    pub fn stdev_ns(&self) -> f64 {
        self.histogram.stdev()
    }

    /// Numbers of durations in the ranges that end at these bounds, in ns, ascending. A bound belongs to the
    /// range that it ends.
    #[must_use]
    pub fn counts_up_to(&self, bounds: &[u64]) -> Vec<u64> {
        let mut counts = vec![0; bounds.len()];
        for value in self.histogram.iter_recorded() {
            let range = bounds.partition_point(|bound| *bound < value.value_iterated_to());
            if let Some(count) = counts.get_mut(range.min(bounds.len().saturating_sub(1))) {
                *count += value.count_at_value();
            }
        }
        counts
    }

    /// Iterates over the durations in ascending order: a duration in ns, and its count.
    pub fn recorded(&self) -> impl Iterator<Item = (u64, u64)> {
        self.histogram.iter_recorded().map(|value| (value.value_iterated_to(), value.count_at_value()))
    }

    /// Iterates over quantiles, with so many steps for each halving of the distance to 1: a duration in ns, its
    /// quantile, and the number of durations up to it. The last one is the longest duration.
    pub fn quantiles(&self, steps_per_halving: u32) -> impl Iterator<Item = (u64, f64, u64)> {
        let mut count = 0;
        self.histogram.iter_quantiles(steps_per_halving).map(move |value| {
            count += value.count_since_last_iteration();
            (value.value_iterated_to(), value.quantile_iterated_to(), count)
        })
    }

    /// Numbers of counts as HdrHistogram's tables name them: buckets, and counts of a bucket.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        let of_a_bucket = 2 * usize::try_from(HALF_BUCKET).unwrap_or(usize::MAX);
        (self.histogram.distinct_values() / (of_a_bucket / 2) - 1, of_a_bucket)
    }

    /// Removes all durations and keeps the memory.
    pub fn clear(&mut self) {
        self.histogram.reset();
        self.out_of_range = 0;
    }

    /// Packs the histogram into few bytes.
    #[must_use]
    pub fn pack(&self) -> PackedLatency {
        let mut bytes = Vec::new();
        if !self.histogram.is_empty() {
            V2Serializer::new().serialize(&self.histogram, &mut bytes).expect("memory takes any bytes");
            bytes.shrink_to_fit();
        }
        PackedLatency::of_written(bytes, self.out_of_range)
    }

    /// Encodes the histogram as base64 of the V2 deflate encoding, which every HdrHistogram library can read.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&self.histogram, &mut bytes).expect("memory takes any bytes");
        BASE64_STANDARD.encode(bytes)
    }

    /// Decodes the output of [`Latency::encode`].
    ///
    /// # Errors
    /// Fails if the text is not such an output, or its histogram has other bounds than a latency.
    pub fn decode(text: &str, out_of_range: u64) -> Result<Self, DecodeError> {
        Ok(Self::from(&PackedLatency::decode(text, out_of_range)?))
    }

    /// Adds the counts of a packed histogram. It takes time for the durations that occur, not for all that could.
    pub fn add_packed(&mut self, packed: &PackedLatency) {
        for (value, count) in packed.recorded() {
            self.histogram.record_n(value, count).expect("a value within the bounds");
        }
        self.out_of_range = self.out_of_range.saturating_add(packed.out_of_range());
    }
}

impl From<&PackedLatency> for Latency {
    fn from(packed: &PackedLatency) -> Self {
        let mut latency = Self::new();
        latency.add_packed(packed);
        latency
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn latency(nanoseconds: &[u64]) -> Latency {
        let mut latency = Latency::new();
        for value in nanoseconds {
            latency.record(Duration::from_nanos(*value));
        }
        latency
    }

    #[test]
    fn what_is_out_of_range_is_counted_and_not_lost() {
        let mut latency = latency(&[0, 1_000]);
        latency.record(Duration::from_secs(7_200));
        assert_eq!((latency.count(), latency.out_of_range()), (3, 1));
        assert_eq!(latency.min_ns(), 1);
    }

    #[test]
    fn ranges_count_each_value_once() {
        assert_eq!(latency(&[5, 10, 11, 25, 1_000]).counts_up_to(&[10, 20, 30]), [2, 1, 2]);
        assert_eq!(latency(&[]).counts_up_to(&[10]), [0]);
    }

    proptest! {
        #[test]
        fn encoding_and_packing_lose_nothing(values in prop::collection::vec(0_u64..8_000_000_000_000, 0..50)) {
            let latency = latency(&values);
            prop_assert_eq!(&Latency::from(&latency.pack()), &latency);
            let decoded = Latency::decode(&latency.encode(), latency.out_of_range());
            prop_assert_eq!(&decoded.expect("what was encoded"), &latency);
        }

        #[test]
        fn a_sum_counts_what_its_parts_count(left in prop::collection::vec(0_u64..1_000_000, 0..50), right in prop::collection::vec(0_u64..1_000_000, 0..50)) {
            let mut sum = latency(&left);
            sum.add(&latency(&right));
            prop_assert_eq!(sum, latency(&[left, right].concat()));
        }
    }
}
