//! The load of a run: settings, the validated plan, the schedule, and the mix of messages.

pub mod options;
pub mod data;
mod payload_error;
pub mod corpus;
pub mod payload;
pub mod schedule;
pub mod shard;
pub mod launcher;
pub mod settings;
mod error;
pub mod planned;
mod bounds;
pub mod plan;

pub use corpus::{Corpus, DataOrigin, Expect, Pick, PlannedData};
pub use data::{DataError, DataFormat, requests_of};
pub use error::PlanError;
pub use launcher::{Launcher, LauncherError, detect};
pub use options::{ClientKind, DEFAULT_MAX_RECV, Options};
pub use payload::{MOST_SIZES, Mix, Payload, Share};
pub use plan::{COARSE_INTERVAL, FINE_INTERVAL, Plan, STUB_RECV_CAP, recv_limit};
pub use planned::{PlannedLoad, PlannedMethod, PlannedSize};
pub use schedule::{Arrival, Arrivals, Schedule, Stage, WorkerArrivals};
pub use settings::{
    DEFAULT_CONCURRENCY, DEFAULT_MAX_IN_FLIGHT, Load, Rates, Settings, TextSource, Texts, Workers,
};
pub use shard::{Shard, ShardError};
