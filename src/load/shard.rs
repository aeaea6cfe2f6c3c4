//! One process of a run that several processes share.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Part of a run: shard `index` of `of`, from 0.
///
/// All shards have one plan and one seed. Each takes its part of the plan's arrivals, calls in flight and counts, so
/// that all shards together make the calls of one process with the whole plan, each with the same message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shard {
    /// Number of the shard, from 0.
    pub index: u64,
    /// Number of shards.
    pub of: u64,
}

/// Most shards of a run.
pub const MOST_SHARDS: u64 = 1_000_000;

/// Error of a text that names no shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShardError {
    /// The text has another form.
    #[error("`{0}` is no shard; write its number from 0 and the number of shards, such as 2/8, or `auto`")]
    Form(String),
    /// The number is too large.
    #[error("shard {index} of {of} does not exist: shards have numbers from 0 to {}", of - 1)]
    Index {
        /// The number of the shard.
        index: u64,
        /// The number of shards.
        of: u64,
    },
    /// There are too many shards.
    #[error("{0} shards; 1 to {MOST_SHARDS} are possible")]
    Count(u64),
}

impl Shard {
    /// The whole run in one process.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Makes a shard.
    ///
    /// # Errors
    /// The number is not below the number of shards, or there are too many.
    pub fn new(index: u64, of: u64) -> Result<Self, ShardError> {
        match of {
            1..=MOST_SHARDS if index < of => Ok(Self { index, of }),
            1..=MOST_SHARDS => Err(ShardError::Index { index, of }),
            of => Err(ShardError::Count(of)),
        }
    }

    /// Returns true for the whole run.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.of == 1
    }

    /// Part of `total` for this shard. Parts differ by at most one.
    #[must_use]
    pub fn share(self, total: u64) -> u64 {
        total / self.of + u64::from(self.index < total % self.of)
    }

    /// Number of this shard's worker among the workers of all shards, if each shard had `workers` workers.
    #[must_use]
    pub fn worker(self, index: u64) -> u64 {
        self.index + self.of * index
    }
}

impl Default for Shard {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "shard {} of {}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let form = || ShardError::Form(text.escape_debug().to_string());
        let (index, of) = text.split_once('/').ok_or_else(form)?;
        let number = |text: &str| text.parse::<u64>().map_err(|_| form());
        Self::new(number(index)?, number(of)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shards_are_numbers_from_0() {
        assert_eq!("2/8".parse(), Ok(Shard { index: 2, of: 8 }));
        assert_eq!(Shard { index: 2, of: 8 }.to_string(), "shard 2 of 8");
        for (text, words) in [
            ("8/8", "shard 8 of 8 does not exist: shards have numbers from 0 to 7"),
            ("0/0", "0 shards"),
            ("1/1000001", "1 to 1000000"),
            ("-1/2", "is no shard"),
            ("3", "such as 2/8"),
            ("", "is no shard"),
        ] {
            let error = text.parse::<Shard>().expect_err(text).to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn parts_differ_by_one_and_make_the_whole(total in 0_u64..1_000_000, of in 1_u64..200) {
            let parts: Vec<u64> = (0..of).map(|index| Shard { index, of }.share(total)).collect();
            prop_assert_eq!(parts.iter().sum::<u64>(), total);
            prop_assert!(parts.iter().max().unwrap_or(&0) - parts.iter().min().unwrap_or(&0) <= 1);
        }
    }
}
