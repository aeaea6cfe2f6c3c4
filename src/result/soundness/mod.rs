//! Whether the figures of a run can be trusted, and if not, why and what to do.

mod saturation;
mod findings;
pub mod judgement;

pub(crate) use findings::MISSING_ANSWERS;
pub use judgement::Soundness;
pub use saturation::{Bottleneck, Saturation, is_generator_saturated};
