//! Plimsoll measures how much load, and how large a message, a gRPC service carries safely.
//!
//! This library is what the `plimsoll` command is made of: load test a gRPC server from a test or a program of
//! your own. A run is five steps:
//!
//! 1. [`Settings`] say what to do: a closed loop (calls in flight) or an open loop (calls per second), message sizes,
//!    and for how long. [`Plan::new`] checks them.
//! 2. [`Target`] says where: `"localhost:8080".parse::<Target>()?.locate()?`. [`ReferenceServer`] is a server to try
//!    things on.
//! 3. [`run`] generates the load, blocks until the run is over, and returns a [`Measurement`]. A [`Stop`] ends it
//!    early; [`Events`] tell its progress.
//! 4. [`Summary::of`] computes the figures: calls by outcome, latency, goodput, and their [`Soundness`], which says
//!    whether the figures can be trusted.
//! 5. [`Objective`]s (SLOs) such as `p99<50ms` are met or missed.
//!
//! ```
//! use std::time::Duration;
//! use plimsoll::{Events, Objective, Plan, ReferenceServer, ServerConfig, Settings, Stop, Summary};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = ReferenceServer::start(ServerConfig::default())?;
//! let mut settings = Settings::closed(8);
//! settings.calls = Some(400);
//! settings.warm_up = Duration::ZERO;
//!
//! let target = plimsoll::Located::local(server.address());
//! let measurement = plimsoll::run(&Plan::new(settings)?, &target, &Stop::new(), &Events::none())?;
//! let objectives: [Objective; 2] = ["errors==0".parse()?, "p99<30s".parse()?];
//! let summary = Summary::of(&measurement, &target, &objectives)?;
//!
//! assert_eq!(summary.calls.outcomes.answered, 400);
//! assert!(summary.meets_objectives(), "{:?}", summary.objectives);
//! # Ok(())
//! # }
//! ```
//!
//! Two questions take more than one run. [`find_limits`] finds message-size limits to the byte. [`gate`] compares two
//! servers in interleaved slices, and decides whether the candidate is slower than the base.
//!
//! Latency is service time (from sent to answered) in a closed loop. In an open loop it is response time (from the
//! intended start to answered), which is corrected for coordinated omission. Quantiles are 0 to 1, times are in
//! nanoseconds, sizes are bytes of the encoded message.
//!
//! # What it does not do
//! It installs no signal handler and prints nothing. It calls `example.FormatData/DoFormat`, or any other unary
//! method: [`Schema`] reads the types, [`Method`] and a [`Corpus`] of encoded requests go into the [`Settings`].
//!
//! # Features
//! - `cli` (default): the `plimsoll` command with its reports and progress displays. Without it no crate for arguments
//!   or terminals is built: `plimsoll = { version = "…", default-features = false }`.
//! - `mimalloc` (default): the allocator of the `plimsoll` command on Linux. It does not change the allocator of a
//!   program that uses the library.
//!
//! # For those who read the source
//! Modules are rooms, in the order in which a run goes through them. A room uses only rooms above it, and a file in a
//! room uses only files above it. They are public for the tests and benchmarks of this package alone, and change
//! without notice; the names on this page are what others can rely on.
//!
//! ```text
//! argv -> cli -> Plan -> Schedule -> [worker: Client -> Outcome -> Recorder] x cores
//!      -> Recording -> Summary -> report -> exit status
//! ```

// Values.
#[doc(hidden)]
pub mod units;
#[doc(hidden)]
pub mod rpc;
#[doc(hidden)]
pub mod load;
#[doc(hidden)]
pub mod stop;

// Doing it.
#[doc(hidden)]
pub mod endpoint;
#[doc(hidden)]
pub mod client;
#[doc(hidden)]
pub mod measure;
#[doc(hidden)]
pub mod engine;

// The meaning of it.
#[doc(hidden)]
pub mod result;
#[doc(hidden)]
pub mod statistics;
#[doc(hidden)]
pub mod experiment;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod report;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod view;

// The other side, and the surface.
#[doc(hidden)]
pub mod server;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;

// Load: what to do.
pub use load::{
    Arrivals, ClientKind, Corpus, DataOrigin, Expect, Load, Mix, Options, Pick, Plan, PlanError, Rates,
    Settings, Stage, Texts, Workers,
};
pub use rpc::{
    Compression, Method, MethodName,
    format_data::TextKind,
    schema::{Schema, SchemaError},
};
pub use units::{ByteSize, Limit};

// A run: where, and doing it.
pub use endpoint::{ConnectSettings, LocateError, Located, Place, Target, TlsSettings};
pub use engine::{DriveError, Event, Events, run};
pub use measure::{Calls, Latency, Measurement, Outcomes};
pub use stop::Stop;

// Its result.
pub use result::{
    Finding, Objective, Rating, ReadError,
    soundness::Soundness,
    summary::{Goodput, LatencyFigures, LatencyRecord, LatencyRecords, Summary},
};

// Questions that take more than one run.
pub use experiment::{
    gate::{Contender, GateError, GateSettings, Scenario, Verdict, Word, run as gate},
    limits::{LimitRecord, Limits, LimitsError, LimitsSettings, find as find_limits},
};

// A server to try things on.
pub use server::{Config as ServerConfig, ReferenceServer};
