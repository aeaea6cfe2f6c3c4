//! Schemas of services: descriptors, messages as JSON, and the tables of replies.
//!
//! The only place that uses `prost_reflect` and `protox`.

mod error;
mod lowering;
mod pool;
mod source;
mod encode;
mod json;
mod check;
mod skeleton;
mod tables;
mod types;
mod document;

pub use check::{Check, CheckError};
pub(crate) use check::{MOST_STEPS, Path, Reads, Scalar};
pub use document::{MethodEntry, Schema};
pub use error::SchemaError;
pub use json::JsonError;
pub use types::Types;
