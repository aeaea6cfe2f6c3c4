//! scratch
pub mod units;
pub mod pb;
pub mod payload;
pub mod outcome;
pub mod schedule;
pub mod server;
