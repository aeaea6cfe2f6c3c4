//! A measurement: everything that was counted in a run, or in a part of one.

use std::time::{Duration, SystemTime};

use super::{
    calls::NotConserved, environment::Environment, recording::Recording, timeline::Timeline, usage::Usage,
};
use crate::{
    client::{ConnectionAccount, UploadWaits},
    load::Plan,
};

/// Everything that was counted in a run, or in a part of one: sums, histograms, a timeline and accounts.
///
/// Nothing in it is a quotient, a quantile or a sentence, so that parts [merge](Measurement::merge) without loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// The plan, without its messages.
    pub plan: Plan,
    /// The machine before the run.
    pub environment: Environment,
    /// Start of the measured window.
    pub started_at: SystemTime,
    /// Length of the measured window.
    pub window: Duration,
    /// Whether the window ended because all calls were made, before its time.
    pub ended_by_count: bool,
    /// Whether the run was ended from outside.
    pub is_interrupted: bool,
    /// Calls, and their times.
    pub recording: Recording,
    /// Calls by time.
    pub timeline: Timeline,
    /// Cost of the window.
    pub usage: Usage,
    /// Connections within the window.
    pub connections: ConnectionAccount,
    /// Waits of calls, before they were sent, for remains of refused uploads.
    pub upload_waits: UploadWaits,
}

/// Why two measurements are no parts of one run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these are no parts of one run: {0}")]
pub struct MergeError(&'static str);

impl Measurement {
    /// Adds another part of the same run. The order of parts does not matter.
    ///
    /// # Errors
    /// When the parts differ in their loop, their sizes or their client. Nothing is added then.
    pub fn merge(&mut self, other: Self) -> Result<(), MergeError> {
        if self.plan.is_open() != other.plan.is_open() {
            return Err(MergeError("one is a closed loop, the other an open loop"));
        }
        if self.plan.sizes != other.plan.sizes {
            return Err(MergeError("their message sizes differ"));
        }
        if self.plan.options.client != other.plan.options.client {
            return Err(MergeError("they were made with different clients"));
        }
        let Self {
            plan: _,
            environment: _,
            started_at,
            window,
            ended_by_count,
            is_interrupted,
            recording,
            timeline,
            usage,
            connections,
            upload_waits,
        } = other;
        self.started_at = self.started_at.min(started_at);
        self.window = self.window.max(window);
        self.ended_by_count &= ended_by_count;
        self.is_interrupted |= is_interrupted;
        self.recording.add(recording);
        self.timeline.merge(timeline);
        self.usage.add(usage);
        self.connections.add(connections);
        self.upload_waits.add(upload_waits);
        Ok(())
    }

    /// Whether every planned call has exactly one outcome: in total, by size and by interval.
    ///
    /// # Errors
    /// When the sums differ.
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
