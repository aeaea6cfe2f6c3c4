//! Markdown, for the summaries of CI jobs.

pub mod escape;
pub mod page;
pub mod verdict;

pub use verdict::write;
