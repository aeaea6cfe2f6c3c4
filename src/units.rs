//! Quantities as people write and read them: sizes, durations, rates, counts, limits.
//!
//! The only place that parses and formats them. Everything else holds bytes, [`Duration`]s and
//! calls a second.

mod format;

use std::{str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

pub use format::{
    decimal, exact_duration, format_duration, format_nanoseconds, format_share, format_throughput, grouped,
};

/// The longest duration that a flag takes: a year. It keeps sums of durations far from overflow.
pub const LONGEST: Duration = Duration::from_secs(366 * 24 * 3_600);

/// Why a text is not the quantity that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{got}` is not {expected}: {reason}; {way_out}")]
pub struct QuantityError {
    got: String,
    expected: &'static str,
    reason: &'static str,
    way_out: String,
}

/// A number of bytes, from 0. Written `64`, `64KiB`, `4MiB`, `1GiB` (binary), `64kB`, `4MB` (decimal).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByteSize(pub u64);

/// Calls a second, above 0, in total over all workers. Written `5000`, `5k`, `2.5k/s`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(f64);

/// How many, from 0. Written `2000`, `10k`, `1M`, `1e6`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u64);

/// The largest message that a side takes, in message bytes. Written as a [`ByteSize`] or `unlimited`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Messages up to this many bytes pass.
    Bytes(u64),
    /// Every message passes.
    Unlimited,
}

impl Rate {
    /// The highest rate that a flag takes: far beyond what one machine can send.
    pub const HIGHEST: Self = Self(1e7);

    /// A rate of `per_second` calls, if that is a number above 0 and at most [`Rate::HIGHEST`].
    #[must_use]
    pub fn new(per_second: f64) -> Option<Self> {
        (per_second > 0.0 && per_second <= Self::HIGHEST.0).then_some(Self(per_second))
    }

    /// Calls a second.
    #[must_use]
    pub fn per_second(self) -> f64 {
        self.0
    }
}

impl Limit {
    /// Whether a message of this many bytes passes.
    #[must_use]
    pub fn admits(self, message_bytes: u64) -> bool {
        match self {
            Self::Bytes(limit) => message_bytes <= limit,
            Self::Unlimited => true,
        }
    }

    /// The limit as a number of bytes, the largest there is when there is none.
    #[must_use]
    pub fn as_bytes(self) -> u64 {
        match self {
            Self::Bytes(limit) => limit,
            Self::Unlimited => u64::MAX,
        }
    }

    /// The limit for an interface that counts in `usize`.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.as_bytes()).unwrap_or(usize::MAX)
    }
}

/// A written number split from its unit: `2.5k/s` is 2.5 and `k/s`.
struct Written<'a> {
    number: Number,
    unit: &'a str,
}

/// A decimal number without rounding: `whole` and the digits after its point.
struct Number {
    whole: u64,
    fraction_digits: u32,
    fraction: u64,
    /// Of ten: 6 in `1e6`.
    exponent: u32,
}

impl Number {
    /// This number times `factor`, if it is whole and fits.
    fn times(&self, factor: u64) -> Option<u64> {
        let scale = 10_u128.checked_pow(self.fraction_digits)?;
        let digits = u128::from(self.whole).checked_mul(scale)?.checked_add(u128::from(self.fraction))?;
        let factor = u128::from(factor).checked_mul(10_u128.checked_pow(self.exponent)?)?;
        let product = digits.checked_mul(factor)?;
        (product % scale == 0).then(|| u64::try_from(product / scale).ok())?
    }

    /// The number times `factor`, to the precision of a float: a rate need not be whole.
    #[expect(clippy::cast_precision_loss, reason = "a rate of more than 15 digits is refused")]
    fn times_float(&self, factor: f64) -> f64 {
        let scale = 10_f64.powi(i32::try_from(self.fraction_digits).unwrap_or(i32::MAX));
        let power = 10_f64.powi(i32::try_from(self.exponent).unwrap_or(i32::MAX));
        (self.whole as f64 + self.fraction as f64 / scale) * power * factor
    }
}

/// Splits a text into number and unit, or says what is wrong with the number.
fn split(text: &str) -> Result<Written<'_>, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.starts_with('-') {
        return Err("it is negative");
    }
    let unit_start = text.find(|character: char| !is_of_a_number(character)).unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_start);
    let (exponent, unit) = exponent(unit)?;
    let digits = digits.replace('_', "");
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err("it has no number");
    }
    if fraction.contains('.') {
        return Err("it has two points");
    }
    if fraction.len() > 18 {
        return Err("it has more than 18 digits after the point");
    }
    let parse = |digits: &str| match digits {
        "" => Ok(0),
        digits => digits.parse().map_err(|_| "it is too large"),
    };
    let number = Number {
        whole: parse(whole)?,
        fraction_digits: u32::try_from(fraction.len()).map_err(|_| "it is too long")?,
        fraction: parse(fraction)?,
        exponent,
    };
    Ok(Written { number, unit: unit.trim() })
}

/// Splits an exponent of ten from a unit: 6 and nothing in `e6`, none and `k` in `k`.
fn exponent(text: &str) -> Result<(u32, &str), &'static str> {
    let Some(behind) = text.strip_prefix(['e', 'E']) else { return Ok((0, text)) };
    let unsigned = behind.strip_prefix(['+', '-']).unwrap_or(behind);
    let end = unsigned.find(|character: char| !character.is_ascii_digit()).unwrap_or(unsigned.len());
    let (digits, unit) = unsigned.split_at(end);
    match digits.parse() {
        // No exponent at all: a unit that begins with this letter.
        Err(_) if digits.is_empty() => Ok((0, text)),
        Ok(exponent @ 0..=18) if !behind.starts_with('-') => Ok((exponent, unit)),
        _ => Err("its exponent is not from 0 to 18"),
    }
}

impl FromStr for ByteSize {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let error = |reason| QuantityError {
            got: text.to_owned(),
            expected: "a size",
            reason,
            way_out: "write a size such as `4194304`, `64KiB`, `4MiB` or `4MB`".to_owned(),
        };
        let written = split(text).map_err(error)?;
        let factor = match written.unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "k" | "m" | "g" => return Err(error("the unit could be binary or decimal")),
            _ => return Err(error("the unit is unknown")),
        };
        let bytes = written.number.times(factor);
        bytes.map(Self).ok_or_else(|| error("it is not a whole number of bytes below 2^64"))
    }
}

impl FromStr for Limit {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        if text == "unlimited" {
            return Ok(Self::Unlimited);
        }
        match text.parse() {
            Ok(ByteSize(bytes)) => Ok(Self::Bytes(bytes)),
            Err(QuantityError { got, reason, way_out, .. }) => Err(QuantityError {
                got,
                expected: "a size limit",
                reason,
                way_out: format!("{way_out}, or `unlimited`"),
            }),
        }
    }
}

impl FromStr for Rate {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let error = |reason| QuantityError {
            got: text.to_owned(),
            expected: "a rate",
            reason,
            way_out: "write calls a second, such as `5000`, `5k` or `2.5k/s`".to_owned(),
        };
        let written = split(text).map_err(error)?;
        let factor = match written.unit.strip_suffix("/s").unwrap_or(written.unit) {
            "" => 1.0,
            "k" => 1e3,
            "M" => 1e6,
            _ => return Err(error("the unit is unknown")),
        };
        let per_second = written.number.times_float(factor);
        if per_second <= 0.0 {
            return Err(error("no call would ever start"));
        }
        Self::new(per_second).ok_or_else(|| error("it is over 10M/s"))
    }
}

impl FromStr for Count {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let error = |reason| QuantityError {
            got: text.to_owned(),
            expected: "a count",
            reason,
            way_out: "write a whole number such as `2000`, `10k`, `1M` or `1e6`".to_owned(),
        };
        let written = split(text).map_err(error)?;
        let factor = match written.unit {
            "" => 1,
            "k" => 1_000,
            "M" => 1_000_000,
            _ => return Err(error("the unit is unknown")),
        };
        written.number.times(factor).map(Self).ok_or_else(|| error("it is not whole, or too large"))
    }
}

/// Reads a duration: `250us`, `10ms`, `1.5s`, `2m`, `1h`, `1h30m`; also `0`.
///
/// # Errors
/// When the text has no unit, an unknown unit, is negative, finer than a nanosecond, or longer
/// than [`LONGEST`].
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    let error = |reason| QuantityError {
        got: text.to_owned(),
        expected: "a duration",
        reason,
        way_out: "write numbers and their units, such as `250us`, `10ms`, `1.5s`, `2m`, `1h` or `1h30m`"
            .to_owned(),
    };
    let mut rest = text.trim();
    let mut nanoseconds = 0_u64;
    loop {
        let number_end = rest.find(|character: char| !is_of_a_number(character)).unwrap_or(rest.len());
        let unit_end =
            rest[number_end..].find(is_of_a_number).map_or(rest.len(), |length| number_end + length);
        let (part, behind) = rest.split_at(unit_end);
        let written = split(part).map_err(error)?;
        let unit = match written.unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" | "min" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            // Zero is zero in any unit.
            "" if part == text.trim() && written.number.times(1) == Some(0) => 1,
            "" => {
                let whole = text.trim();
                let way_out = format!("write `{whole}ms`, `{whole}s` or another unit");
                return Err(QuantityError { way_out, ..error("a bare number has no unit") });
            }
            _ => return Err(error("the unit is unknown")),
        };
        let part = written.number.times(unit);
        let part = part.ok_or_else(|| error("it is not a whole number of nanoseconds, or too long"))?;
        nanoseconds = nanoseconds.checked_add(part).ok_or_else(|| error("it is longer than a year"))?;
        if behind.is_empty() {
            break;
        }
        rest = behind;
    }
    let duration = Duration::from_nanos(nanoseconds);
    if duration <= LONGEST { Ok(duration) } else { Err(error("it is longer than a year")) }
}

fn is_of_a_number(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, '.' | '_')
}

/// Nanoseconds of a duration, the most there are (584 years) when it is longer.
#[must_use]
pub fn nanoseconds_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Durations in documents: integers, in ns.
pub mod nanoseconds {
    use super::{Duration, nanoseconds_of};
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes a duration as an integer of nanoseconds.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(nanoseconds_of(*duration))
    }

    /// Reads a duration from an integer of nanoseconds.
    ///
    /// # Errors
    /// When there is no such integer.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_nanos)
    }

    /// The same for a duration that may be absent.
    pub mod optional {
        use super::{Deserialize, Deserializer, Duration, Serializer, nanoseconds_of};

        /// Writes a duration that is there as an integer of nanoseconds.
        ///
        /// # Errors
        /// Those of the serializer.
        pub fn serialize<S: Serializer>(
            duration: &Option<Duration>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match duration {
                Some(duration) => serializer.serialize_some(&nanoseconds_of(*duration)),
                None => serializer.serialize_none(),
            }
        }

        /// Reads a duration that may be absent.
        ///
        /// # Errors
        /// When there is something else than an integer.
        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
            Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_nanos))
        }
    }
}

/// Limits in documents: an integer of bytes, or `null` for none.
impl Serialize for Limit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bytes(bytes) => serializer.serialize_some(bytes),
            Self::Unlimited => serializer.serialize_none(),
        }
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map_or(Self::Unlimited, Self::Bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_binary_or_decimal() {
        for (text, bytes) in [
            ("0", 0),
            ("4194304", 4_194_304),
            ("4_194_304", 4_194_304),
            ("64KiB", 65_536),
            ("1.5MiB", 1_572_864),
            ("1GiB", 1 << 30),
            ("64kB", 64_000),
            ("4MB", 4_000_000),
            ("10 MiB", 10 << 20),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_says_why() {
        for (text, reason) in [
            ("", "empty"),
            ("-1", "negative"),
            ("4M", "binary or decimal"),
            ("4 parsecs", "unknown"),
            ("1.0001KiB", "whole"),
            ("99999999999999999999", "too large"),
            ("99999999999GiB", "below 2^64"),
            ("1.2.3", "two points"),
            ("KiB", "no number"),
        ] {
            let error = text.parse::<ByteSize>().expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(error.contains("write a size"), "{text}: {error}");
        }
    }

    #[test]
    fn a_bare_number_is_no_duration_and_the_error_shows_what_to_write() {
        let error = parse_duration("10").expect_err("no unit").to_string();
        assert_eq!(
            error,
            "`10` is not a duration: a bare number has no unit; write `10ms`, `10s` or another unit"
        );
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(parse_duration("250us"), Ok(Duration::from_micros(250)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert!(parse_duration("9000000h").is_err());
    }

    #[test]
    fn a_duration_may_have_several_parts_and_zero_needs_no_unit() {
        let seconds = |seconds| Ok(Duration::from_secs(seconds));
        assert_eq!(parse_duration("1h30m"), seconds(5_400));
        assert_eq!(parse_duration("1m30s"), seconds(90));
        assert_eq!(parse_duration("1h 0.5m"), seconds(3_630));
        assert_eq!(parse_duration("1s500ms"), Ok(Duration::from_millis(1_500)));
        assert_eq!(parse_duration("0"), seconds(0));
        assert_eq!(parse_duration("0s"), seconds(0));
        for (text, reason) in [
            ("1h30", "no unit"),
            ("1h0", "no unit"),
            ("30", "no unit"),
            ("1h30x", "unit is unknown"),
            ("1h-30m", "unit is unknown"),
            ("8784h1s", "longer than a year"),
            ("5000000h5000000h", "year"),
            ("", "empty"),
        ] {
            let error = parse_duration(text).expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn numbers_may_have_an_exponent() {
        assert_eq!("1e6".parse(), Ok(Count(1_000_000)));
        assert_eq!("2.5E3".parse(), Ok(Count(2_500)));
        assert_eq!("1e+3".parse(), Ok(Count(1_000)));
        assert_eq!("1e3/s".parse::<Rate>().map(Rate::per_second), Ok(1_000.0));
        assert_eq!("1e3kB".parse(), Ok(ByteSize(1_000_000)));
        for (text, reason) in [
            ("1e-3", "exponent"),
            ("1e19", "exponent"),
            ("1e99999999999", "exponent"),
            ("1.55e1", "not whole"),
            ("1e", "unit is unknown"),
            ("1eggs", "unit is unknown"),
        ] {
            let error = text.parse::<Count>().expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn rates_and_counts_take_multipliers() {
        assert_eq!("2.5k/s".parse::<Rate>().map(Rate::per_second), Ok(2_500.0));
        assert_eq!("5000".parse::<Rate>().map(Rate::per_second), Ok(5_000.0));
        assert_eq!("10k".parse(), Ok(Count(10_000)));
        assert_eq!("1M".parse(), Ok(Count(1_000_000)));
        assert!("0".parse::<Rate>().expect_err("zero").to_string().contains("no call would ever start"));
        assert!("1.5".parse::<Count>().is_err());
        assert!("nan".parse::<Rate>().is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_a_parser_panic(text in "\\PC{0,40}") {
            let _ = text.parse::<ByteSize>();
            let _ = text.parse::<Rate>();
            let _ = text.parse::<Count>();
            let _ = text.parse::<Limit>();
            let _ = parse_duration(&text);
        }

        #[test]
        fn a_duration_written_exactly_reads_back(nanoseconds in 0_u64..1_000_000_000_000_000) {
            let duration = Duration::from_nanos(nanoseconds);
            prop_assert_eq!(parse_duration(&exact_duration(duration)), Ok(duration));
        }
    }
}
