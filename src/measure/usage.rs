//! Cost of a measured window, as sums: CPU time, memory, pauses, and the accounts of the workers' loops.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::accounts::{MachineTicks, ThreadTime};
use crate::units::nanoseconds;

/// CPU time within the measured window, and memory. It contains no quotient.
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
    /// CPU time of the server's processes, if they are known.
    #[serde(
        rename = "server_cpu_ns",
        with = "nanoseconds::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    #[schemars(with = "Option<u64>")]
    pub server_cpu: Option<Duration>,
    /// Time of each thread of the server's processes; empty if they are not known.
    pub server_threads: Vec<ThreadTime>,
    /// Time of each worker's thread.
    pub threads: Vec<ThreadTime>,
    /// Account of each worker's loop; empty for workers without a loop of their own.
    pub loops: Vec<LoopAccount>,
    /// Ticks of all the machine's cores within the window.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub machine: Option<MachineTicks>,
    /// Time over which the CPU times were measured.
    #[serde(rename = "measured_over_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub measured_over: Duration,
    /// Time in which this process did not run: stopped, suspended, or without CPU time.
    pub pauses: Pauses,
    /// Peak memory of this process.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_peak_memory_bytes: Option<u64>,
    /// Peak memory of the server's processes since their start, read at the end of the window.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server_peak_memory_bytes: Option<u64>,
}

/// Time in which a process did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Pauses {
    /// Total time of all pauses.
    #[serde(rename = "time_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub time: Duration,
    /// Longest pause.
    #[serde(rename = "longest_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub longest: Duration,
}

/// Account of the window for a worker with a loop of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct LoopAccount {
    /// Time with nothing to do: waiting for replies and for intended starts.
    #[serde(rename = "idle_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub idle: Duration,
    /// Time with requests that the kernel did not accept because the server did not read: the longest time of
    /// all connections.
    #[serde(rename = "held_up_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub held_up: Duration,
    /// Time with requests that waited for room in their connection's window: the longest time of all
    /// connections.
    #[serde(rename = "out_of_window_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub out_of_window: Duration,
    /// Ended calls that were sent more than once, because the server had not processed them.
    pub retried_calls: u64,
    /// Body bytes that refused, failed and broken calls had uploaded, prefix included.
    pub uploaded_in_vain_bytes: u64,
}

impl Usage {
    /// Adds the usage of another part of the same run.
    ///
    /// A sum of CPU times without one part would be too small, so it is known only if all parts are known.
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
        // The lists are sorted, so that the result does not depend on the order of the parts.
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

/// Joins two values; `None` unless both are known.
fn both<T>(left: Option<T>, right: Option<T>, join: fn(T, T) -> T) -> Option<T> {
    left.zip(right).map(|(left, right)| join(left, right))
}
