//! Reports: finished values to writers, one format a file; and the progress of a run.
//!
//! Nothing here measures, and nothing else prints.

mod table;
pub mod verdict_words;
pub mod benchmarks;
pub mod csv;
pub mod history;
pub mod destination;
pub mod error;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod outside;
pub mod reply;
mod style;
pub mod compare;
pub mod interference;
pub mod limits;
pub mod sweep;
pub mod text;
pub mod verdict;
