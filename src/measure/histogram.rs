//! Histogram of durations: three significant digits from 1 ns to 1 hour, and a count of longer durations.

use std::{
    io::{Cursor, Read},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::read::ZlibDecoder;
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer, Serializer, V2DeflateSerializer, V2Serializer},
};

use crate::units::nanoseconds_of;

/// Longest duration with its own value: an hour, in ns.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Precision of the histogram: values that differ by a thousandth are distinct.
const SIGNIFICANT_DIGITS: u8 = 3;

/// Length of the head of HdrHistogram's compressed V2 encoding: cookie and compressed length.
const COMPRESSED_HEAD: usize = 8;

const COMPRESSED_COOKIE: u64 = 0x1c84_9314;

/// Length of the decompressed head: cookie, payload length, offset, digits, lowest, highest, ratio.
const HEAD: usize = 40;

/// Largest encoding of a histogram with these bounds: 33,792 counts of at most 9 bytes each.
const LARGEST_ENCODING: usize = HEAD + 33_792 * 9;

/// Histogram of call durations.
#[derive(Debug, Clone, PartialEq)]
pub struct Latency {
    histogram: Histogram<u64>,
    /// Durations over an hour. The histogram counts them too, as one hour.
    out_of_range: u64,
}

/// A compact [`Latency`]: about 2 kB instead of the histogram's 270 kB.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackedLatency {
    /// HdrHistogram's V2 encoding; empty if there are no durations.
    bytes: Vec<u8>,
    out_of_range: u64,
}

/// Error of a text that is not an encoded histogram.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The text is not base64.
    #[error("a histogram is not base64")]
    Base64(#[from] base64::DecodeError),
    /// The bytes are not an HdrHistogram.
    #[error("a histogram is not in HdrHistogram's V2 encoding ({0})")]
    Histogram(String),
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
        PackedLatency { bytes, out_of_range: self.out_of_range }
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
        let bytes = unpacked(&BASE64_STANDARD.decode(text)?)
            .map_err(|reason| DecodeError::Histogram(reason.to_owned()))?;
        let read: Histogram<u64> = Deserializer::new()
            .deserialize(&mut Cursor::new(bytes))
            .map_err(|error| DecodeError::Histogram(error.to_string()))?;
        let mut latency = Self { out_of_range, ..Self::new() };
        let added = latency.histogram.add(&read);
        added.map_err(|error| DecodeError::Histogram(error.to_string()))?;
        Ok(latency)
    }
}

/// Decompresses an encoding after checking both heads. A head can claim any length, bounds and precision, and
/// the decoder allocates memory for them.
fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    let (head, deflated) = bytes.split_first_chunk::<COMPRESSED_HEAD>().ok_or("it is too short")?;
    let number = |at: usize, of: &[u8]| -> u64 {
        of[at..at + 4].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    };
    if number(0, head) != COMPRESSED_COOKIE {
        return Err("it begins otherwise");
    }
    if number(4, head) != deflated.len() as u64 {
        return Err("its length is not the one that it claims");
    }
    let mut inflated = Vec::new();
    let mut reader = ZlibDecoder::new(deflated).take(LARGEST_ENCODING as u64 + 1);
    reader.read_to_end(&mut inflated).map_err(|_| "it does not decompress")?;
    if inflated.len() > LARGEST_ENCODING {
        return Err("it decompresses to more than any histogram has");
    }
    let (head, payload) = inflated.split_first_chunk::<HEAD>().ok_or("it decompresses to too little")?;
    if number(4, head) != payload.len() as u64 {
        return Err("its payload has not the length that it claims");
    }
    let wide = |at: usize| number(at, head) << 32 | number(at + 4, head);
    if (number(12, head), wide(16), wide(24)) != (u64::from(SIGNIFICANT_DIGITS), 1, LONGEST_NS) {
        return Err("it has not the bounds, 1 ns to 1 hour, and the 3 digits of a latency");
    }
    Ok(inflated)
}

impl PackedLatency {
    /// Unpacks the histogram.
    #[must_use]
    pub fn unpack(&self) -> Latency {
        let mut latency = Latency { out_of_range: self.out_of_range, ..Latency::new() };
        if !self.bytes.is_empty() {
            let read: Histogram<u64> =
                Deserializer::new().deserialize(&mut Cursor::new(&self.bytes)).expect("what was packed");
            latency.histogram.add(&read).expect("the same bounds");
        }
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

    #[test]
    fn what_is_no_histogram_is_an_error() {
        for wrong in ["", "?", "AAAA", "SElTVEZBQUE="] {
            assert!(Latency::decode(wrong, 0).is_err(), "{wrong}");
        }
    }

    /// Encodes a histogram with any bounds, like other programs do.
    fn encoded(histogram: &Histogram<u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(histogram, &mut bytes).expect("memory takes any bytes");
        bytes
    }

    /// Makes the compressed encoding of this content.
    fn compressed(content: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(content).expect("memory takes any bytes");
        let packed = packed.finish().expect("memory takes any bytes");
        let length = u32::try_from(packed.len()).expect("small");
        [&0x1c84_9314_u32.to_be_bytes()[..], &length.to_be_bytes(), &packed].concat()
    }

    #[test]
    fn a_histogram_takes_no_more_memory_than_one_of_ours() {
        assert_eq!(COMPRESSED_COOKIE, u64::from(u32::from_be_bytes([0x1c, 0x84, 0x93, 0x14])));
        assert!(Latency::new().histogram.distinct_values() <= (LARGEST_ENCODING - HEAD) / 9);
        let refused = |bytes: &[u8]| {
            Latency::decode(&BASE64_STANDARD.encode(bytes), 0).expect_err("not ours").to_string()
        };
        let head = |payload: i32, digits: u32, highest: u64| {
            let mut head = Vec::new();
            for word in [0x1c84_9313_u32, payload.cast_unsigned(), 0, digits] {
                head.extend(word.to_be_bytes());
            }
            head.extend(1_u64.to_be_bytes());
            head.extend(highest.to_be_bytes());
            head.extend(1.0_f64.to_be_bytes());
            head
        };
        assert!(refused(&compressed(&head(-1, 3, LONGEST_NS))).contains("claims"));
        assert!(refused(&compressed(&head(0, 5, LONGEST_NS))).contains("3 digits"));
        assert!(refused(&compressed(&head(0, 3, u64::MAX))).contains("bounds"));
        assert!(refused(&compressed(&vec![0; 20 << 20])).contains("more than any"));
        assert!(refused(&[0x1c, 0x84, 0x93, 0x14, 0xff, 0xff, 0xff, 0xff]).contains("claims"));
        assert!(refused(&compressed(b"")).contains("too little"));
        let wide = Histogram::new_with_bounds(1, u64::MAX / 2, 5).expect("bounds");
        assert!(refused(&encoded(&wide)).contains("bounds"));
        assert!(Latency::decode(&BASE64_STANDARD.encode(compressed(&head(0, 3, LONGEST_NS))), 0).is_ok());
    }

    proptest! {
        #[test]
        fn no_payload_makes_the_decoder_panic(payload in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut content = Vec::new();
            for word in [0x1c84_9313_u32, u32::try_from(payload.len()).expect("small"), 0, 3] {
                content.extend(word.to_be_bytes());
            }
            content.extend(1_u64.to_be_bytes());
            content.extend(LONGEST_NS.to_be_bytes());
            content.extend(1.0_f64.to_be_bytes());
            content.extend(payload);
            if let Ok(latency) = Latency::decode(&BASE64_STANDARD.encode(compressed(&content)), 0) {
                let _ = (latency.mean_ns(), latency.stdev_ns(), latency.quantile_ns(0.99), latency.encode());
            }
        }

        #[test]
        fn encoding_and_packing_lose_nothing(values in prop::collection::vec(0_u64..8_000_000_000_000, 0..50)) {
            let latency = latency(&values);
            prop_assert_eq!(&latency.pack().unpack(), &latency);
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
