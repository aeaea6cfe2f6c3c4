//! Sizes and loads of a sweep: their syntax, and the points of the grid.

use std::{collections::BTreeSet, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    load::MOST_SIZES,
    rpc::{
        LARGEST_MESSAGE,
        format_data::{nearest_reachable, reachable_around},
    },
    units::{ByteSize, decimal, grouped},
};

/// Factor between two rungs of a ladder.
const RUNG: u64 = 4;

/// gRPC's default limit. Every ladder across it has sizes on both sides.
const DEFAULT_LIMIT: u64 = 4 << 20;

/// Sizes of a sweep, in the syntax of the command line: `64,1KiB,4MiB`, or a ladder `64B..16MiB`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub enum Sizes {
    /// A list of sizes.
    List(Vec<u64>),
    /// A ladder from the first to the last size, each four times the one before, with both sides of each
    /// limit between.
    Ladder(u64, u64),
}

/// The load of a point.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GridLoad {
    /// Calls in flight, in a closed loop.
    Concurrency(u64),
    /// Calls per second, in an open loop.
    RatePerSecond(f64),
}

/// One run of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Size of the request.
    pub message_bytes: u64,
    /// Load in a closed or an open loop.
    #[serde(flatten)]
    pub load: GridLoad,
    /// Number of the repetition, starting at 1.
    pub repetition: u32,
}

/// Reason why a text gives no sizes of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{got}` is not the sizes of a sweep: {reason}; write a list, such as `64,1KiB,4MiB`, or a ladder, such as `64B..16MiB`"
)]
pub struct SizesError {
    got: String,
    reason: String,
}

impl FromStr for Sizes {
    type Err = SizesError;

    fn from_str(text: &str) -> Result<Self, SizesError> {
        let error = |reason: String| SizesError { got: text.to_owned(), reason };
        let size = |text: &str| {
            let parsed: Result<ByteSize, _> = text.trim().parse();
            let bytes = parsed.map_err(|cause| error(cause.to_string()))?.0;
            if bytes > LARGEST_MESSAGE {
                return Err(error(format!("{} bytes are over protobuf's limit", grouped(bytes))));
            }
            Ok(bytes)
        };
        if let Some((from, to)) = text.split_once("..") {
            let (from, to) = (size(from)?, size(to)?);
            if from == 0 || from >= to {
                return Err(error("a ladder goes from a size above 0 to a larger one".to_owned()));
            }
            return Ok(Self::Ladder(from, to));
        }
        let sizes = text.split(',').map(size).collect::<Result<Vec<_>, _>>()?;
        if sizes.len() > MOST_SIZES {
            return Err(error(format!("{} sizes are more than {MOST_SIZES}", sizes.len())));
        }
        Ok(Self::List(sizes))
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ladder(from, to) => write!(formatter, "{from}..{to}"),
            Self::List(sizes) => {
                let sizes: Vec<String> = sizes.iter().map(u64::to_string).collect();
                formatter.write_str(&sizes.join(","))
            }
        }
    }
}

impl TryFrom<String> for Sizes {
    type Error = SizesError;

    fn try_from(text: String) -> Result<Self, SizesError> {
        text.parse()
    }
}

impl From<Sizes> for String {
    fn from(sizes: Sizes) -> Self {
        sizes.to_string()
    }
}

impl Sizes {
    /// Returns the sizes in rising order, as texts can produce them; a ladder includes both sides of these
    /// limits.
    #[must_use]
    pub fn with_limits(&self, limits: &[u64]) -> Vec<u64> {
        let sizes: BTreeSet<u64> = match self {
            Self::List(sizes) => sizes.iter().map(|size| nearest_reachable(*size)).collect(),
            Self::Ladder(from, to) => {
                let rungs = std::iter::successors(Some(*from), |size| size.checked_mul(RUNG));
                let rungs = rungs.take_while(|size| size < to).chain([*to]);
                let mut sizes: BTreeSet<u64> = rungs.map(nearest_reachable).collect();
                for limit in
                    limits.iter().chain([&DEFAULT_LIMIT]).filter(|limit| (*from..=*to).contains(*limit))
                {
                    let at = reachable_around(*limit).0;
                    let under = reachable_around(at.saturating_sub(1)).0;
                    let over = reachable_around(limit + 1).1;
                    sizes.extend([under, at, over]);
                }
                sizes
            }
        };
        sizes.into_iter().collect()
    }
}

impl fmt::Display for GridLoad {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Concurrency(calls) => write!(formatter, "{} in flight", grouped(*calls)),
            Self::RatePerSecond(rate) => write!(formatter, "{} calls/s", decimal(*rate)),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}, {}", ByteSize(self.message_bytes), self.load)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_ladder_shows_each_limit_from_both_sides() {
        let sizes: Sizes = "64B..16MiB".parse().expect("a ladder");
        let sizes = sizes.with_limits(&[1_000, 130, 99 << 20]);
        for size in [64, 256, 1_024, 4 << 20, 16 << 20, (4 << 20) - 1, (4 << 20) + 1, 999, 1_000, 1_001] {
            assert!(sizes.contains(&size), "{size} in {sizes:?}");
        }
        // No text produces 130 bytes.
        assert!([128, 129, 131].iter().all(|size| sizes.contains(size)) && !sizes.contains(&130));
        assert!(sizes.iter().all(|size| *size <= 16 << 20));
    }

    #[test]
    fn sizes_are_a_list_or_a_ladder() {
        let list: Sizes = "64, 1KiB,4MiB".parse().expect("a list");
        assert_eq!(list.with_limits(&[100]), [64, 1_024, 4 << 20]);
        assert_eq!(list.to_string().parse(), Ok(list));
        for wrong in ["", "64,x", "1KiB..64", "0..64", "64..3GiB", ".."] {
            assert!(wrong.parse::<Sizes>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,40}") {
            let _ = text.parse::<Sizes>();
        }
    }
}
