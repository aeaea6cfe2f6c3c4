//! Durations: text to value, and serde for nanoseconds.

use std::time::Duration;

use super::written::{QuantityError, is_of_a_number, split};

/// Longest duration that a flag accepts: one year. The bound keeps sums of durations far from overflow.
pub const LONGEST: Duration = Duration::from_secs(366 * 24 * 3_600);

/// Parses a duration: `250us`, `10ms`, `1.5s`, `2m`, `1h`, `1h30m` or `0`.
///
/// # Errors
/// Fails if the text has no unit or an unknown unit, is negative, is finer than a nanosecond, or is longer
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
            // Zero needs no unit.
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

/// Nanoseconds of a duration, capped at `u64::MAX` (584 years).
#[must_use]
pub fn nanoseconds_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Serde functions for durations in documents: integers in ns.
pub mod nanoseconds {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Duration, nanoseconds_of};

    /// Serializes a duration as an integer number of nanoseconds.
    ///
    /// # Errors
    /// Returns the serializer's errors.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(nanoseconds_of(*duration))
    }

    /// Deserializes a duration from an integer number of nanoseconds.
    ///
    /// # Errors
    /// Fails if the value is not an unsigned integer.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_nanos)
    }

    /// Serde functions for durations that may be absent.
    pub mod optional {
        use super::{Deserialize, Deserializer, Duration, Serializer, nanoseconds_of};

        /// Serializes a duration as an integer number of nanoseconds, or as none.
        ///
        /// # Errors
        /// Returns the serializer's errors.
        pub fn serialize<S: Serializer>(
            duration: &Option<Duration>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            match duration {
                Some(duration) => serializer.serialize_some(&nanoseconds_of(*duration)),
                None => serializer.serialize_none(),
            }
        }

        /// Deserializes a duration that may be absent.
        ///
        /// # Errors
        /// Fails if the value is present and not an unsigned integer.
        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
            Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_nanos))
        }
    }
}
