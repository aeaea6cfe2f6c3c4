//! Rates in calls per second.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    digits::decimal,
    written::{QuantityError, split},
};

/// Calls per second, above 0, in total over all workers. Written `5000`, `5k` or `2.5k/s`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Rate(f64);

impl Rate {
    /// Highest rate that a flag accepts: far above what one machine can send.
    pub const HIGHEST: Self = Self(1e7);

    /// Returns a rate of `per_second` calls, or `None` unless the number is above 0 and at most
    /// [`Rate::HIGHEST`].
    #[must_use]
    pub fn new(per_second: f64) -> Option<Self> {
        (per_second > 0.0 && per_second <= Self::HIGHEST.0).then_some(Self(per_second))
    }

    /// The rate in calls per second.
    #[must_use]
    pub fn per_second(self) -> f64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let error = |reason| QuantityError {
            got: text.to_owned(),
            expected: "a rate",
            reason,
            way_out: "write calls per second, such as `5000`, `5k` or `2.5k/s`".to_owned(),
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

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} calls/s", decimal(self.0))
    }
}
