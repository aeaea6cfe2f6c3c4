//! Experiments: questions that take more than one run, one folder per question.

pub mod driven;
pub mod compare;
pub mod interference;
pub mod limits;
pub mod gate;
pub mod sweep;
pub mod merge;
