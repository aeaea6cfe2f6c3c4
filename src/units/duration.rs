//! Durations: text to value, and serde for nanoseconds.

use std::time::Duration;

use super::written::{QuantityError, is_of_a_number, split};

/// The longest duration that a flag takes: a year. It keeps sums of durations far from overflow.
pub const LONGEST: Duration = Duration::from_secs(366 * 24 * 3_600);

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

/// Nanoseconds of a duration, the most there are (584 years) when it is longer.
#[must_use]
pub fn nanoseconds_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Durations in documents: integers, in ns.
pub mod nanoseconds {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Duration, nanoseconds_of};

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
