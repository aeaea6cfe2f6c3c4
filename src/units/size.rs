//! Sizes in bytes, and size limits.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::{
    digits::grouped,
    written::{QuantityError, split},
};

/// A number of bytes, from 0. Written `64`, `64KiB`, `4MiB`, `1GiB` (binary), `64kB` or `4MB` (decimal).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ByteSize(pub u64);

/// Largest message that a side accepts, in message bytes. Written as a [`ByteSize`] or `unlimited`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Accepts messages up to this number of bytes.
    Bytes(u64),
    /// Accepts every message.
    Unlimited,
}

impl Limit {
    /// The limit in bytes; `u64::MAX` for no limit.
    #[must_use]
    pub fn as_bytes(self) -> u64 {
        match self {
            Self::Bytes(limit) => limit,
            Self::Unlimited => u64::MAX,
        }
    }

    /// The limit for interfaces that count in `usize`.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.as_bytes()).unwrap_or(usize::MAX)
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

/// Serializes a limit as an integer number of bytes, or as `null` for no limit.
impl Serialize for Limit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bytes(bytes) => serializer.serialize_some(bytes),
            Self::Unlimited => serializer.serialize_none(),
        }
    }
}

impl JsonSchema for Limit {
    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Option<u64>>()
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map_or(Self::Unlimited, Self::Bytes))
    }
}

impl fmt::Display for ByteSize {
    /// Formats the size in its shortest exact form: `4 MiB`, but `4194305 B`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
            let factor = 1_u64 << shift;
            if self.0 >= factor && self.0.is_multiple_of(factor) {
                return write!(formatter, "{} {unit}", self.0 / factor);
            }
        }
        write!(formatter, "{} B", grouped(self.0))
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => ByteSize(*bytes).fmt(formatter),
            Self::Unlimited => formatter.write_str("unlimited"),
        }
    }
}
