//! A measurement: all counts of a run, or of a part of a run.

use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    calls::NotConserved,
    environment::{Environment, host_name},
    histogram::Latency,
    recording::Recording,
    timeline::Timeline,
    usage::Usage,
};
use crate::{
    client::{ConnectionAccount, UploadWaits},
    load::{Plan, Shard},
    units::nanoseconds,
};

/// All counts of a run, or of a part of a run: sums, histograms, a timeline and accounts.
///
/// It contains no quotient, quantile or sentence, so that parts [merge](Measurement::merge) without loss.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Measurement {
    /// The plan, without its messages.
    pub plan: Plan,
    /// Part of the run that the process made; `None` for a whole run, and for a merged one.
    pub shard: Option<ShardOrigin>,
    /// The machine, read before the run.
    pub environment: Environment,
    /// Start time of the measured window.
    pub started_at: SystemTime,
    /// Start of the window that was agreed on before the run; `None` if it began when all connections stood.
    pub agreed_start: Option<AgreedStart>,
    /// Length of the measured window.
    pub window: Duration,
    /// True if the window ended early because all calls were made.
    pub ended_by_count: bool,
    /// True if the run was stopped from outside.
    pub is_interrupted: bool,
    /// Counts and times of calls.
    pub recording: Recording,
    /// Calls over time.
    pub timeline: Timeline,
    /// CPU time and memory in the window.
    pub usage: Usage,
    /// Numbers of connections within the window.
    pub connections: ConnectionAccount,
    /// Lengths of the TLS handshakes of all connections, from the first one on.
    pub handshakes: Latency,
    /// Waits of unsent calls for the rest of refused uploads.
    pub upload_waits: UploadWaits,
}

/// Part of a run that one process made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShardOrigin {
    /// Number of the shard, from 0.
    pub index: u64,
    /// Number of shards.
    pub of: u64,
    /// Name of the machine; absent if the system does not report it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub host: Option<String>,
}

impl ShardOrigin {
    /// Returns the origin of a shard on this machine; `None` for a whole run.
    #[must_use]
    pub fn here(shard: Shard) -> Option<Self> {
        (!shard.is_whole()).then(|| Self { index: shard.index, of: shard.of, host: host_name() })
    }
}

/// Start of a window that was agreed on, such as between several processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AgreedStart {
    /// The instant, since 1970 in UTC.
    #[serde(rename = "at_unix_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub at: Duration,
    /// Change of the wall clock during the wait for the start, in ns: above 0, it was set forward. Absent if it is not
    /// known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clock_moved_ns: Option<i64>,
}

/// Error of two measurements that are not parts of one run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these measurements are not parts of one run: {0}")]
pub struct MergeError(&'static str);

impl Measurement {
    /// Merges another part of the same run. The order of parts does not matter.
    ///
    /// # Errors
    /// Fails if the parts differ in their loop, sizes or client. Nothing is merged then.
    pub fn merge(&mut self, other: Self) -> Result<(), MergeError> {
        if self.plan.is_open() != other.plan.is_open() {
            return Err(MergeError("one is a closed loop, the other an open loop"));
        }
        if self.plan.sizes != other.plan.sizes {
            return Err(MergeError("their message sizes differ"));
        }
        if self.timeline.part() != other.timeline.part() {
            return Err(MergeError("their intervals have different lengths"));
        }
        let calls = |plan: &Plan| (plan.other_method.clone(), plan.data.clone(), plan.expect);
        if calls(&self.plan) != calls(&other.plan) {
            return Err(MergeError("they are of different methods, data or checks of replies"));
        }
        if self.plan.options.client != other.plan.options.client {
            return Err(MergeError("they were made with different clients"));
        }
        let Self {
            plan: _,
            shard: _,
            environment: _,
            started_at,
            agreed_start,
            window,
            ended_by_count,
            is_interrupted,
            recording,
            timeline,
            usage,
            connections,
            handshakes,
            upload_waits,
        } = other;
        self.started_at = self.started_at.min(started_at);
        self.agreed_start = self.agreed_start.or(agreed_start);
        self.window = self.window.max(window);
        self.ended_by_count &= ended_by_count;
        self.is_interrupted |= is_interrupted;
        self.recording.add(recording);
        self.timeline.merge(timeline);
        self.usage.add(usage);
        self.connections.add(connections);
        self.handshakes.add(&handshakes);
        self.upload_waits.add(upload_waits);
        Ok(())
    }

    /// Moves this part in time: its window started so much later than that of the whole.
    pub fn delay(&mut self, later: Duration) {
        if self.recording.first_sent < Duration::MAX {
            self.recording.first_sent += later;
        }
        self.recording.last_done += later;
        self.timeline.delay(later);
    }

    /// Checks that every planned call has exactly one outcome: in total, by size and by interval.
    ///
    /// # Errors
    /// Fails if the sums differ.
    pub fn check(&self) -> Result<(), NotConserved> {
        self.recording.calls.check()?;
        for size in &self.recording.sizes {
            size.calls.check()?;
        }
        NotConserved::unless_equal(self.recording.calls.planned, self.timeline.total().total())
    }
}

#[cfg(test)]
#[path = "measurement_tests.rs"]
mod tests;
