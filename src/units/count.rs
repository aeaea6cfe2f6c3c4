//! Counts of calls.

use std::str::FromStr;

use super::written::{QuantityError, split};

/// Number of calls, from 0. Written `2000`, `10k`, `1M` or `1e6`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u64);

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
