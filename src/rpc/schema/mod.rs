//! Schemas of services: descriptors, messages as JSON, and the tables of replies.
//!
//! The only place that uses `prost_reflect` and `protox`.

mod error;
mod lowering;
mod pool;
mod source;
mod encode;
mod json;
mod skeleton;
mod tables;
mod types;
mod document;

pub use document::{MethodEntry, Schema};
pub use error::SchemaError;
pub use json::JsonError;
pub use types::Types;
