//! Results of a run: the summary, its objectives, and its soundness.

pub mod finding;
mod consistency;
pub mod document;
pub mod objective;
pub mod quantiles;
pub mod soundness;
pub mod summary;

pub use consistency::Contradiction;
pub(crate) use consistency::{alike, holds, near, same};
pub use document::{Document, DocumentKind, ReadError};
pub use finding::{Finding, FindingKind, Rating, Weight};
pub use objective::Objective;
pub use quantiles::{QUANTILES, rank, samples_needed};
pub use soundness::Soundness;
