//! Plimsoll measures how much load, and how large a message, a gRPC service carries safely.
//!
//! The modules stand in the order that a run goes through them, and each uses only those above it:
//!
//! ```text
//! argv -> cli -> Plan -> Schedule -> [worker: Client -> Outcome -> Recorder] x cores
//!      -> Recording -> Summary -> report -> exit status
//! ```
//!
//! A run begins with a [`plan`]: what is to be sent ([`payload`]), and when ([`schedule`]). The
//! [`driver`] connects to a [`target`] and starts one worker a core. A worker waits for the
//! intended start or for a free slot, lets a [`client`] make the call, and counts what became of it
//! ([`outcome`], [`record`]). When the last call is done, the counts and the [`environment`] become
//! a [`summary`], with an opinion on its [`soundness`]; a [`report`] prints it.
//!
//! ```
//! use plimsoll::plan::{Load, Plan, Settings};
//!
//! let plan = Plan::new(Settings { load: Load::Closed { concurrency: 8 }, ..Settings::default() })?;
//! assert_eq!(plan.workers(), 1);
//! # Ok::<(), plimsoll::plan::PlanError>(())
//! ```

// What is measured, and in which words.
pub mod units;
mod random;
pub mod pb;
pub mod payload;
pub mod outcome;
pub mod latency;
pub mod document;

// What is to be done.
pub mod schedule;
pub mod plan;
pub mod target;
mod descriptors;

// Doing it.
pub mod client;
pub mod record;
pub mod environment;
mod alarm;
mod worker;
pub mod driver;
pub mod limits;

// What came of it.
pub mod statistics;
pub mod objective;
pub mod soundness;
pub mod summary;
pub mod sweep;
pub mod neighbours;
pub mod compare;
pub mod gate;
pub mod report;

// The other side, and the surface.
pub mod server;
pub mod cli;
