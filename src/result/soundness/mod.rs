//! Soundness: trust in the figures of a run, with reasons and next steps.

mod saturation;
mod clock;
mod connections;
mod findings;
pub mod judgement;

pub(crate) use findings::MISSING_ANSWERS;
pub use judgement::Soundness;
pub use saturation::{Bottleneck, Saturation, is_generator_saturated};
