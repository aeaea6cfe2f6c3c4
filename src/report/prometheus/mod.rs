//! Formats of Prometheus: final figures without times, and a run over time.

mod exposition;
pub mod figures;
pub mod series;

pub use figures::{limits, run};
pub use series::write as series;
