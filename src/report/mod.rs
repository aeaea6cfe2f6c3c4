//! Reports: functions from finished values to writers, one format per file.
//!
//! No report measures, and no other module prints.

pub mod outside;
mod style;
pub mod json;
mod table;
pub mod announcement;
pub mod verdict_words;
pub mod benchmarks;
pub mod csv;
pub mod history;
pub mod destination;
pub mod error;
pub mod methods;
pub mod reply;
pub mod compare;
pub mod interference;
pub mod limits;
pub mod sweep;
pub mod text;
pub mod verdict;
pub mod junit;
pub mod hgrm;
pub mod hlog;
pub mod prometheus;
pub mod plot;
pub mod page;
pub mod html;
pub mod markdown;
pub mod formats;
pub mod saved;
pub mod schemas;

pub use announcement::Announcement;
pub use formats::{Format, Writable};
pub use methods::Methods;
pub use saved::SavedDocument;
pub use schemas::json_schema;
