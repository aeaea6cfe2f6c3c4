//! What the measured window cost: the kernel's accounts at its start and at its end.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    pulse::{Pauses, Pulse},
    worker::LoopAccount,
};
use crate::measure::{
    MachineTicks, ProcessTimes, ThreadTime, own_cpu, own_peak_memory_bytes, peak_memory_bytes_of,
};

/// CPU time within the measured window, and memory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Usage {
    /// Of this process.
    pub client_cpu: Option<Duration>,
    /// Of the server's processes, where they are known.
    pub server_cpu: Option<Duration>,
    /// Of each thread of the server's processes; empty where they are not known.
    pub server_threads: Vec<ThreadTime>,
    /// Of each worker's thread.
    pub threads: Vec<ThreadTime>,
    /// The account of each worker's loop, where it has one of its own.
    pub loops: Vec<LoopAccount>,
    /// The shares of all the machine's cores (0..1) that processes used, and that the hypervisor gave to
    /// other machines.
    pub machine_shares: Option<(f64, f64)>,
    /// Cores of the machine, which may be more than this process can use; 0 where it is not known.
    pub machine_cores: usize,
    /// The time that these were measured over.
    pub measured_over: Duration,
    /// How long this process stood still: stopped, suspended, or without CPU time.
    pub pauses: Pauses,
    /// The most memory that this process has had.
    pub client_peak_memory_bytes: Option<u64>,
    /// The most memory that the server's processes have had since they started, at the window's end.
    pub server_peak_memory_bytes: Option<u64>,
}

/// The accounts at an instant.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    at: Instant,
    client: Option<Duration>,
    server: Option<ProcessTimes>,
    machine: Option<MachineTicks>,
    server_peak_memory_bytes: Option<u64>,
    pauses: Pauses,
}

impl Reading {
    pub(super) fn take(server: &[u32], pulse: &Pulse) -> Self {
        Self {
            at: Instant::now(),
            client: own_cpu(),
            server: ProcessTimes::of(server),
            machine: MachineTicks::now(),
            server_peak_memory_bytes: peak_memory_bytes_of(server),
            pauses: pulse.take(),
        }
    }
}

impl Usage {
    /// What the accounts grew by. Nothing, where the window was over before its start was read.
    pub(super) fn between(
        readings: (Option<Reading>, Option<Reading>),
        threads: Vec<ThreadTime>,
        loops: Vec<LoopAccount>,
    ) -> Self {
        let client_peak_memory_bytes = own_peak_memory_bytes();
        let (Some(before), Some(after)) = readings else {
            return Self { client_peak_memory_bytes, ..Self::default() };
        };
        let machine = after.machine.zip(before.machine);
        let server_threads = after.server.zip(before.server).and_then(|(after, before)| after.since(&before));
        let measured_over = after.at.saturating_duration_since(before.at);
        Self {
            client_cpu: after.client.zip(before.client).and_then(|(after, before)| after.checked_sub(before)),
            server_cpu: server_threads
                .as_ref()
                .map(|threads| threads.iter().map(|thread| thread.running).sum()),
            server_threads: server_threads.unwrap_or_default(),
            threads,
            loops,
            machine_shares: machine.and_then(|(after, before)| after.shares_since(before)),
            machine_cores: after.machine.map_or(0, MachineTicks::cores),
            measured_over,
            pauses: Pauses {
                time: after.pauses.time.saturating_sub(before.pauses.time),
                longest: after.pauses.longest,
            },
            client_peak_memory_bytes,
            server_peak_memory_bytes: after.server_peak_memory_bytes,
        }
    }
}
