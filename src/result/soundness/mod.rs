//! Whether the figures of a run can be trusted, and if not, why and what to do.

pub mod finding;
mod saturation;
mod findings;
pub mod judgement;

pub use finding::{Finding, Rating, Weight};
pub(crate) use findings::MISSING_ANSWERS;
pub use judgement::Soundness;
pub use saturation::{Bottleneck, Saturation};
