//! Measuring: histograms, counts, timelines, CPU accounts and the environment.
//!
//! Code in this room does not print, format or compute percentiles.

mod calls;
mod packed;
pub mod histogram;
mod proc_files;
pub mod environment;
mod processes;
pub mod accounts;
mod quota;
mod usage;
pub mod recording;
pub mod interval;
mod cpu_time;
pub mod timeline;
pub mod recorder;
mod measurement;

pub(crate) use accounts::suspended_time;
pub use accounts::{
    MachineTicks, ProcessTimes, ThreadTime, own_cpu, own_peak_memory_bytes, own_thread_cpu, own_thread_time,
    peak_memory_bytes_of,
};
pub use calls::{Calls, NotConserved, Outcomes};
pub use cpu_time::CpuTime;
pub use environment::{Build, Environment, cores, timestamp, timestamp_of, wall_clock};
pub use histogram::Latency;
pub use interval::{Interval, PackedInterval};
pub use measurement::{AgreedStart, Measurement, MergeError, ShardOrigin};
pub use packed::{DecodeError, PackedLatency};
pub use processes::{
    listeners_at, other_processes_of, processes_below, processes_in_group, server_processes,
};
pub(crate) use quota::{OwnAccount, throttled_time};
pub use recorder::Recorder;
pub use recording::{FailureCount, Recording, ReplySizes, SizeRecording, Volume};
pub use timeline::{Timeline, TimelineRow};
pub use usage::{LoopAccount, Pauses, Usage};
