//! Errors of shards that cannot be merged.

use crate::{measure::NotConserved, result::ReadError};

/// Reason why shards cannot be merged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShardsError {
    /// There is no shard.
    #[error("there is no shard to merge; name the results of `plimsoll run --shard`")]
    Nothing,
    /// A result is a whole run.
    #[error("`{0}` is a whole run and no shard; compare whole runs with `plimsoll compare`")]
    Whole(String),
    /// A result lacks counts.
    #[error("`{0}` has no counts to merge: an earlier version wrote it")]
    NoCounts(String),
    /// Counts of a result cannot be used.
    #[error("cannot use `{name}`")]
    Read {
        /// The result.
        name: String,
        /// The reason.
        source: ReadError,
    },
    /// A shard is there twice.
    #[error(
        "shard {index} of {of} is there twice: `{name}` and `{earlier}`; one of them is of another attempt"
    )]
    Twice {
        /// Number of the shard.
        index: u64,
        /// Number of shards.
        of: u64,
        /// The second result.
        name: String,
        /// The first result.
        earlier: String,
    },
    /// A result is of another run.
    #[error("`{name}` is of another run: its {what} is {got}, that of `{first}` is {expected}")]
    Other {
        /// The result.
        name: String,
        /// The first difference.
        what: String,
        /// Its value in the result.
        got: String,
        /// The first result.
        first: String,
        /// Its value in the first result.
        expected: String,
    },
    /// A shard planned another number of calls than its part.
    #[error(
        "`{name}`: shard {index} planned {got} calls where the plan gives it {expected}: this is a defect of plimsoll"
    )]
    Planned {
        /// The result.
        name: String,
        /// Number of the shard.
        index: u64,
        /// Planned calls of the shard.
        got: u64,
        /// Calls that the plan gives it.
        expected: u64,
    },
    /// Shards are missing.
    #[error("{count} of {of} shards {are} missing: {which}; --partial merges the others, with a warning", are = if *count == 1 { "is" } else { "are" })]
    Missing {
        /// Number of missing shards.
        count: usize,
        /// Number of shards.
        of: u64,
        /// The missing shards.
        which: String,
    },
    /// Calls were lost in the merge.
    #[error(transparent)]
    NotConserved(#[from] NotConserved),
    /// The figures of the merged result contradict each other.
    #[error("the merged result contradicts itself: the file of a shard was edited")]
    Edited(#[source] ReadError),
    /// Two shards cannot be added.
    #[error("`{name}` cannot be added to the other shards: {why}")]
    Merge {
        /// The result.
        name: String,
        /// The reason.
        why: String,
    },
}

impl ShardsError {
    /// Returns true if a document is of another program.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        matches!(self, Self::Read { source: ReadError::NoSchema(_) | ReadError::Foreign { .. }, .. })
    }
}

/// Names numbers, up to ten of them.
pub(super) fn listed(numbers: &[u64]) -> String {
    let shown: Vec<String> = numbers.iter().take(10).map(ToString::to_string).collect();
    let more = if numbers.len() > 10 { format!(" and {} more", numbers.len() - 10) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
