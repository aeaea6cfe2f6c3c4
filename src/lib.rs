//! Plimsoll measures how much load, and how large a message, a gRPC service carries safely.
//!
//! The modules are rooms, in the order in which a run goes through them. A room uses only rooms above
//! it, and inside a room a file uses only files above it:
//!
//! ```text
//! argv -> cli -> Plan -> Schedule -> [worker: Client -> Outcome -> Recorder] x cores
//!      -> Recording -> Summary -> report -> exit status
//! ```
//!
//! A run begins with a [`Plan`](load::Plan): the load, and the messages that an [`rpc`] carries. The
//! [`engine`] connects to an [`endpoint`] and starts one worker per core. A worker waits for the intended
//! start or for a free slot, lets a [`client`] make the call, and [measures](measure) its outcome. The
//! counts and the environment become a [`Summary`](result::summary::Summary), with its soundness. An [`experiment`]
//! is a question that takes more than one run. A [`report`] prints the answer, a [`view`] the progress.
//!
//! ```
//! use plimsoll::load::{Load, Plan, Settings};
//!
//! let plan = Plan::new(Settings { load: Load::Closed { concurrency: 8 }, ..Settings::default() })?;
//! assert_eq!(plan.workers, 1);
//! # Ok::<(), plimsoll::load::PlanError>(())
//! ```

// Values.
pub mod units;
pub mod rpc;
pub mod load;
pub mod stop;

// Doing it.
pub mod endpoint;
pub mod client;
pub mod measure;
pub mod engine;

// The meaning of it.
pub mod result;
pub mod statistics;
pub mod experiment;
pub mod report;
pub mod view;

// The other side, and the surface.
pub mod server;
pub mod cli;
