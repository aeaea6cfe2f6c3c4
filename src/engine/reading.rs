//! Readings of the kernel's accounts, at the start and at the end of the measured window.

use std::time::Duration;

use tokio::time::Instant;

use super::pulse::Pulse;
use crate::measure::{
    LoopAccount, MachineTicks, Pauses, ProcessTimes, ThreadTime, Usage, own_cpu, own_peak_memory_bytes,
    peak_memory_bytes_of,
};

/// Readings of the accounts at an instant.
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

/// Increase of the accounts between two readings. Empty if the window ended before the reading at its start.
pub(super) fn usage_between(
    readings: (Option<Reading>, Option<Reading>),
    threads: Vec<ThreadTime>,
    loops: Vec<LoopAccount>,
) -> Usage {
    let client_peak_memory_bytes = own_peak_memory_bytes();
    let (Some(before), Some(after)) = readings else {
        return Usage { client_peak_memory_bytes, ..Usage::default() };
    };
    let machine = after.machine.zip(before.machine);
    let server_threads = after.server.zip(before.server).and_then(|(after, before)| after.since(&before));
    Usage {
        client_cpu: after.client.zip(before.client).and_then(|(after, before)| after.checked_sub(before)),
        server_cpu: server_threads.as_ref().map(|threads| threads.iter().map(|thread| thread.running).sum()),
        server_threads: server_threads.unwrap_or_default(),
        threads,
        loops,
        machine: machine.and_then(|(after, before)| after.since(before)),
        measured_over: after.at.saturating_duration_since(before.at),
        pauses: Pauses {
            time: after.pauses.time.saturating_sub(before.pauses.time),
            longest: after.pauses.longest,
        },
        client_peak_memory_bytes,
        server_peak_memory_bytes: after.server_peak_memory_bytes,
    }
}
