//! Contents of pages, document by document. HTML and Markdown are two ways of writing them.

pub mod content;
mod band;
mod forest;
mod percentiles;
pub mod run;
pub mod sweep;
pub mod limits;
pub mod interference;
pub mod compare;
pub mod verdict;

pub use content::Page;
