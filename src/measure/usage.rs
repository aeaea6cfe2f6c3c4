//! Cost of a measured window, as sums: CPU time, memory, pauses, and the accounts of workers' loops.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::accounts::{MachineTicks, ThreadTime};
use crate::units::nanoseconds;

/// CPU time within the measured window, and memory. Nothing in it is a quotient.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// CPU time of this process.
    #[serde(
        rename = "client_cpu_ns",
        with = "nanoseconds::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    #[schemars(with = "Option<u64>")]
    pub client_cpu: Option<Duration>,
    /// CPU time of the server's processes, where they are known.
    #[serde(
        rename = "server_cpu_ns",
        with = "nanoseconds::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    #[schemars(with = "Option<u64>")]
    pub server_cpu: Option<Duration>,
    /// Time of each thread of the server's processes; empty where they are not known.
    pub server_threads: Vec<ThreadTime>,
    /// Time of each worker's thread.
    pub threads: Vec<ThreadTime>,
    /// Account of each worker's loop, where it has one of its own.
    pub loops: Vec<LoopAccount>,
    /// Ticks of all the machine's cores within the window.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub machine: Option<MachineTicks>,
    /// Time over which these were measured.
    #[serde(rename = "measured_over_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub measured_over: Duration,
    /// Time in which this process stood still: stopped, suspended, or without CPU time.
    pub pauses: Pauses,
    /// Most memory that this process has had.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_peak_memory_bytes: Option<u64>,
    /// Most memory that the server's processes have had since they started, at the window's end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server_peak_memory_bytes: Option<u64>,
}

/// Time in which a process stood still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Pauses {
    /// All pauses together.
    #[serde(rename = "time_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub time: Duration,
    /// The longest.
    #[serde(rename = "longest_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub longest: Duration,
}

/// Account of the window by a worker that has a loop of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct LoopAccount {
    /// With nothing to do: waiting for replies and for intended starts.
    #[serde(rename = "idle_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub idle: Duration,
    /// With requests that the kernel did not take, because the server did not read. The longest of
    /// all its connections.
    #[serde(rename = "held_up_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub held_up: Duration,
    /// With requests that waited for room in the window of their connection. The longest of all its
    /// connections.
    #[serde(rename = "out_of_window_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub out_of_window: Duration,
    /// Calls that ended and had been sent more than once, because the server had not processed them.
    pub retried_calls: u64,
    /// Bytes that calls which were refused, failed or broke had uploaded of their bodies, prefix included.
    pub uploaded_in_vain_bytes: u64,
}

impl Usage {
    /// Adds the usage of another part of the same run.
    ///
    /// A sum of CPU times that lacks a part would be too small: it is known only where all parts are.
    pub fn add(&mut self, other: Self) {
        let Self {
            client_cpu,
            server_cpu,
            server_threads,
            threads,
            loops,
            machine,
            measured_over,
            pauses,
            client_peak_memory_bytes,
            server_peak_memory_bytes,
        } = other;
        self.client_cpu = both(self.client_cpu, client_cpu, Duration::saturating_add);
        self.server_cpu = both(self.server_cpu, server_cpu, Duration::saturating_add);
        self.server_threads.extend(server_threads);
        self.threads.extend(threads);
        self.loops.extend(loops);
        // An order of their own, so that the order of the parts does not show.
        self.server_threads.sort_unstable();
        self.threads.sort_unstable();
        self.loops.sort_unstable_by_key(|account| {
            let LoopAccount { idle, held_up, out_of_window, retried_calls, uploaded_in_vain_bytes } =
                *account;
            (idle, held_up, out_of_window, retried_calls, uploaded_in_vain_bytes)
        });
        self.machine = both(self.machine, machine, MachineTicks::plus);
        self.measured_over = self.measured_over.max(measured_over);
        self.pauses.add(pauses);
        self.client_peak_memory_bytes =
            both(self.client_peak_memory_bytes, client_peak_memory_bytes, u64::max);
        self.server_peak_memory_bytes =
            both(self.server_peak_memory_bytes, server_peak_memory_bytes, u64::max);
    }
}

impl Pauses {
    /// Adds the pauses of another process.
    pub fn add(&mut self, other: Self) {
        let Self { time, longest } = other;
        self.time = self.time.saturating_add(time);
        self.longest = self.longest.max(longest);
    }
}

/// What is known of both.
fn both<T>(left: Option<T>, right: Option<T>, join: fn(T, T) -> T) -> Option<T> {
    left.zip(right).map(|(left, right)| join(left, right))
}
