//! The load of a run: settings, the validated plan, the schedule, and the mix of messages.

pub mod payload;
pub mod schedule;
pub mod settings;
pub mod plan;
mod record;

pub use payload::{MOST_SIZES, Mix, Payload, Share};
pub use plan::{Plan, PlanError, PlannedLoad, STUB_RECV_CAP, recv_limit};
pub use record::{LoadRecord, PlanRecord, SizeRecord};
pub use schedule::{Arrival, Arrivals, Schedule, Stage, WorkerArrivals};
pub use settings::{
    ClientKind, DEFAULT_CONCURRENCY, DEFAULT_MAX_IN_FLIGHT, DEFAULT_MAX_RECV, Load, Rates, Settings,
    TextSource, Texts, Workers,
};
