//! Errors of settings that make no plan.

use std::time::Duration;

use super::payload::PayloadError;
use crate::{
    rpc::metadata::MetadataError,
    units::{exact_duration, grouped},
};

/// Error of settings that make no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A number that must be positive is not.
    #[error("{what} is 0, so nothing would run; use at least 1{unit}")]
    Zero {
        /// What is 0.
        what: &'static str,
        /// The unit of the smallest value, if it has one.
        unit: &'static str,
    },
    /// A number is over its bound.
    #[error("{what} is {got}; {most} at most")]
    TooMany {
        /// What is too large.
        what: &'static str,
        /// The value.
        got: String,
        /// The bound.
        most: String,
    },
    /// The workers asked for cannot all have a share.
    #[error("{workers} workers need at least one {of} each, but there {are} {got}; ask for fewer workers or at least {workers} {of}s", are = if *got == 1 { "is" } else { "are" })]
    WorkersWithout {
        /// Workers asked for.
        workers: usize,
        /// What each needs.
        of: &'static str,
        /// How many of it there are.
        got: u64,
    },
    /// Stages that bring no call.
    #[error("the stages bring no call at all; give at least one a rate above 0")]
    NoCalls,
    /// Stages and a duration contradict each other.
    #[error("stages already define the length of the run; leave out the duration ({})", exact_duration(*.0))]
    StagesAndDuration(Duration),
    /// The payload cannot be built.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// A pair of metadata cannot be sent.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The client's receive limit is beyond what a message can have.
    #[error("the client's receive limit is {} bytes; 2,147,483,647 at most, because no protobuf message is longer", grouped(*.0))]
    RecvLimit(u64),
}
