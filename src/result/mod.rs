//! The meaning of a run: the summary, its objectives, and its soundness.

pub mod document;
pub mod finding;
pub mod objective;
pub mod quantiles;
pub mod soundness;
pub mod summary;

pub use document::Contradiction;
pub(crate) use document::{alike, holds, near, same, schema_of};
pub use finding::{Finding, FindingKind, Rating, Weight};
pub use objective::Objective;
pub use quantiles::{QUANTILES, samples_needed};
