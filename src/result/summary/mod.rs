//! The versioned result of a run: everything that reports print, as data.

mod measured;
mod target;
mod shards;
pub mod document;
mod objectives;
mod assemble;
mod check;
mod restore;
mod secrets;

pub use assemble::Context;
pub(crate) use assemble::{cost, goodput};
pub use document::{
    ConnectionsRecord, Goodput, HandshakeRecord, IntervalRecord, LatencyFigures, LatencyRecord,
    LatencyRecords, SizeSummary, Summary,
};
pub use measured::Measured;
pub use shards::{ShardLine, Shards};
pub use target::{ServerRecord, TargetRecord, TlsRecord};
