//! Readings of the kernel's accounts: of all at the start and at the end of the measured window, and of CPU time in
//! between.

use std::time::Duration;

use tokio::time::Instant;

use super::pulse::Pulse;
use crate::measure::{
    CpuTime, LoopAccount, MachineTicks, Pauses, ProcessTimes, ThreadTime, Usage, own_cpu,
    own_peak_memory_bytes, own_thread_cpu, peak_memory_bytes_of,
};

/// Readings of CPU time take at most this part of a run. The threads of a server's processes are read one by one.
const COST: u32 = 1_000;

/// Longest time between two readings, whatever they take.
const LONGEST: Duration = Duration::from_secs(1);

/// CPU time of both sides until an instant.
#[derive(Debug, Clone)]
pub(super) struct CpuReading {
    pub(super) at: Instant,
    client: Option<Duration>,
    server: Option<ProcessTimes>,
    /// CPU time that the reading took.
    took: Duration,
}

impl CpuReading {
    pub(super) fn take(server: &[u32]) -> Self {
        let (at, before) = (Instant::now(), own_thread_cpu());
        let (client, server) = (own_cpu(), ProcessTimes::of(server));
        let took = own_thread_cpu().zip(before).and_then(|(now, before)| now.checked_sub(before));
        Self { at, client, server, took: took.unwrap_or_else(|| at.elapsed()) }
    }

    /// CPU time since an earlier reading.
    pub(super) fn since(&self, earlier: &Self) -> CpuTime {
        let server = self.server.as_ref().zip(earlier.server.as_ref());
        let server = server.and_then(|(now, earlier)| now.since(earlier));
        CpuTime {
            client: self.client.zip(earlier.client).and_then(|(now, earlier)| now.checked_sub(earlier)),
            server: server.map(|threads| threads.iter().map(|thread| thread.running).sum()),
        }
    }

    /// Instant of the next reading: the end of an interval of this length that is far enough away.
    pub(super) fn next(&self, start: Instant, part: Duration) -> Instant {
        let earliest =
            self.at.saturating_duration_since(start) + (part / 2).max((self.took * COST).min(LONGEST));
        let part = part.as_nanos().max(1);
        let ends = earliest.as_nanos().div_ceil(part) * part;
        start + Duration::from_nanos(u64::try_from(ends).unwrap_or(u64::MAX))
    }
}

/// Readings of the accounts at an instant.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) cpu: CpuReading,
    machine: Option<MachineTicks>,
    server_peak_memory_bytes: Option<u64>,
    pauses: Pauses,
}

impl Reading {
    pub(super) fn take(server: &[u32], pulse: &Pulse) -> Self {
        Self {
            cpu: CpuReading::take(server),
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
    let cpu = after.cpu.since(&before.cpu);
    let server_threads = after.cpu.server.zip(before.cpu.server);
    let server_threads = server_threads.and_then(|(after, before)| after.since(&before));
    Usage {
        client_cpu: cpu.client,
        server_cpu: cpu.server,
        server_threads: server_threads.unwrap_or_default(),
        threads,
        loops,
        machine: machine.and_then(|(after, before)| after.since(before)),
        measured_over: after.cpu.at.saturating_duration_since(before.cpu.at),
        pauses: Pauses {
            time: after.pauses.time.saturating_sub(before.pauses.time),
            longest: after.pauses.longest,
        },
        client_peak_memory_bytes,
        server_peak_memory_bytes: after.server_peak_memory_bytes,
    }
}
