//! Errors of settings that do not form a valid plan.

use std::time::Duration;

use super::payload_error::PayloadError;
use crate::{
    rpc::metadata::MetadataError,
    units::{exact_duration, grouped},
};

/// Error of settings that do not form a valid plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A number that must be positive is 0.
    #[error("{what} is 0, so nothing would run; use at least 1{unit}")]
    Zero {
        /// The setting that is 0.
        what: &'static str,
        /// Unit of the smallest accepted value; empty if it has none.
        unit: &'static str,
    },
    /// A number is over its upper bound.
    #[error("{what} is {got}; {most} at most")]
    TooMany {
        /// The setting that is too large.
        what: &'static str,
        /// The value.
        got: String,
        /// The upper bound.
        most: String,
    },
    /// The requested workers cannot all have a share.
    #[error("{workers} workers need at least one {of} each, but there {are} {got}; ask for fewer workers or at least {workers} {of}s", are = if *got == 1 { "is" } else { "are" })]
    WorkersWithout {
        /// The requested number of workers.
        workers: usize,
        /// The thing of which each worker needs at least one.
        of: &'static str,
        /// The available number of these things.
        got: u64,
    },
    /// Each shard needs a part.
    #[error("{got} {what} are too few for {shards} shards; ask for at least {shards}", got = grouped(*got), shards = grouped(*shards))]
    TooFewForShards {
        /// The things that are shared.
        what: &'static str,
        /// Their number.
        got: u64,
        /// The number of shards.
        shards: u64,
    },
    /// The stages contain no call.
    #[error("the stages produce no call; give at least one stage a rate above 0")]
    NoCalls,
    /// Stages and a duration contradict each other.
    #[error("stages already define the length of the run; leave out the duration ({})", exact_duration(*.0))]
    StagesAndDuration(Duration),
    /// The method and the messages do not fit each other.
    #[error(
        "{0} needs messages of its own; give them as encoded requests, and texts to example.FormatData/DoFormat alone"
    )]
    MethodAndData(String),
    /// The payload cannot be built.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// A pair of metadata cannot be sent.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The client's receive limit is larger than any message can be.
    #[error("the client's receive limit is {} bytes; 2,147,483,647 at most, because no protobuf message is longer", grouped(*.0))]
    RecvLimit(u64),
}
