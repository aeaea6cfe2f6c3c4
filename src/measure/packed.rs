//! A histogram of durations as few bytes: HdrHistogram's V2 encoding, and its decoder.
//!
//! The decoder takes time for the durations that occur, not for all that could: parts of large runs have thousands of
//! histograms.

use std::io::Read;

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::read::ZlibDecoder;

/// Longest duration with its own value: an hour, in ns.
pub(super) const LONGEST_NS: u64 = 3_600_000_000_000;

/// Precision of the histogram: values that differ by a thousandth are distinct.
pub(super) const SIGNIFICANT_DIGITS: u8 = 3;

/// Length of the head of HdrHistogram's compressed V2 encoding: cookie and compressed length.
const COMPRESSED_HEAD: usize = 8;

const COMPRESSED_COOKIE: u64 = 0x1c84_9314;

/// Length of the decompressed head: cookie, payload length, offset, digits, lowest, highest, ratio.
const HEAD: usize = 40;

/// Number of counts of a histogram with these bounds.
const COUNTS: usize = 33_792;

/// Values with a count of their own in each bucket, after the first: half of the smallest power of two that holds
/// three digits.
pub(super) const HALF_BUCKET: u64 = 1_024;

/// Largest encoding of a histogram with these bounds: each count takes at most 9 bytes.
const LARGEST_ENCODING: usize = HEAD + COUNTS * 9;

/// A histogram of durations in a compact form: about 2 kB instead of the histogram's 270 kB.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackedLatency {
    /// HdrHistogram's V2 encoding, whose counts were checked; empty if there are no durations.
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

impl PackedLatency {
    /// Decodes the output of [`Latency::encode`].
    ///
    /// # Errors
    /// Fails if the text is not such an output, or its histogram has other bounds than a latency.
    pub fn decode(text: &str, out_of_range: u64) -> Result<Self, DecodeError> {
        let wrong = |reason: &str| DecodeError::Histogram(reason.to_owned());
        let bytes = unpacked(&BASE64_STANDARD.decode(text)?).map_err(wrong)?;
        let packed = Self { bytes, out_of_range };
        packed.counts().try_for_each(|count| count.map(|_| ())).map_err(wrong)?;
        Ok(packed)
    }

    /// Makes one of an encoding that HdrHistogram wrote.
    pub(super) fn of_written(bytes: Vec<u8>, out_of_range: u64) -> Self {
        Self { bytes, out_of_range }
    }

    /// Number of durations over an hour.
    #[must_use]
    pub fn out_of_range(&self) -> u64 {
        self.out_of_range
    }

    /// Number of durations, including those out of range.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.recorded().fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    /// Iterates over the durations in ascending order: a duration in ns, and its count.
    pub(crate) fn recorded(&self) -> impl Iterator<Item = (u64, u64)> {
        self.counts().map(|count| count.expect("checked when it was made"))
    }

    fn counts(&self) -> Counts<'_> {
        Counts { payload: self.bytes.get(HEAD..).unwrap_or_default(), index: 0 }
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
    if wide(32) != 1.0_f64.to_bits() {
        return Err("its values are scaled");
    }
    Ok(inflated)
}

/// Counts of a V2 encoding: a duration in ns, and its count. Each is a LEB128 number of at most 9 bytes, zigzag
/// encoded; a negative one stands for as many counts of zero.
struct Counts<'bytes> {
    payload: &'bytes [u8],
    /// Number of the next count.
    index: u64,
}

impl Counts<'_> {
    fn number(&mut self) -> Result<i64, &'static str> {
        let mut number = 0;
        for place in 0..9 {
            let (byte, rest) = self.payload.split_first().ok_or("its last count is cut off")?;
            self.payload = rest;
            if place == 8 || byte & 0x80 == 0 {
                number |= u64::from(*byte) << (7 * place);
                break;
            }
            number |= u64::from(byte & 0x7f) << (7 * place);
        }
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }
}

impl Iterator for Counts<'_> {
    type Item = Result<(u64, u64), &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.payload.is_empty() {
            let number = match self.number() {
                Ok(number) => number,
                Err(reason) => return Some(Err(reason)),
            };
            if number <= 0 {
                self.index = self.index.saturating_add(number.unsigned_abs().max(1));
                continue;
            }
            let index = self.index;
            self.index += 1;
            if index >= COUNTS as u64 {
                return Some(Err("it has more counts than a latency"));
            }
            return Some(Ok((value_of(index), number.unsigned_abs())));
        }
        None
    }
}

/// Smallest duration of a count, in ns. The first bucket has twice as many counts, each of 1 ns; each bucket after it
/// has counts of twice the width.
fn value_of(index: u64) -> u64 {
    match index / HALF_BUCKET {
        0 => index,
        bucket => (index % HALF_BUCKET + HALF_BUCKET) << (bucket - 1),
    }
}

#[cfg(test)]
mod tests {
    use hdrhistogram::{
        Histogram,
        serialization::{Deserializer, Serializer, V2DeflateSerializer},
    };
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_histogram_is_an_error() {
        for wrong in ["", "?", "AAAA", "SElTVEZBQUE="] {
            assert!(PackedLatency::decode(wrong, 0).is_err(), "{wrong}");
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
        let own: Histogram<u64> =
            Histogram::new_with_bounds(1, LONGEST_NS, SIGNIFICANT_DIGITS).expect("constant bounds");
        assert_eq!(own.distinct_values(), COUNTS);
        let refused = |bytes: &[u8]| {
            PackedLatency::decode(&BASE64_STANDARD.encode(bytes), 0).expect_err("not ours").to_string()
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
        assert!(
            PackedLatency::decode(&BASE64_STANDARD.encode(compressed(&head(0, 3, LONGEST_NS))), 0).is_ok()
        );
    }

    proptest! {
        #[test]
        fn any_payload_gives_the_histogram_of_the_library_that_wrote_it_or_an_error(
            payload in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..4, Just(0xff)], 0..200),
        ) {
            let mut content = Vec::new();
            for word in [0x1c84_9313_u32, u32::try_from(payload.len()).expect("small"), 0, 3] {
                content.extend(word.to_be_bytes());
            }
            content.extend(1_u64.to_be_bytes());
            content.extend(LONGEST_NS.to_be_bytes());
            content.extend(1.0_f64.to_be_bytes());
            content.extend(payload);
            let decoded = PackedLatency::decode(&BASE64_STANDARD.encode(compressed(&content)), 0);
            // The library's own decoder negates the number of zeros, which overflows for the smallest one.
            let theirs = std::panic::catch_unwind(|| {
                Deserializer::new().deserialize(&mut std::io::Cursor::new(&content))
            });
            let theirs: Option<Histogram<u64>> = theirs.ok().and_then(Result::ok);
            if let (Ok(packed), Some(theirs)) = (&decoded, &theirs) {
                let expected: Vec<(u64, u64)> =
                    theirs.iter_recorded().map(|value| (value.value_iterated_to(), value.count_at_value())).collect();
                let highest = |value| theirs.highest_equivalent(value);
                let got: Vec<(u64, u64)> = packed.recorded().map(|(value, count)| (highest(value), count)).collect();
                prop_assert_eq!(got, expected);
            }
            if theirs.is_some() {
                prop_assert!(decoded.is_ok());
            }
        }
    }
}
