//! Accounts of connections and of waiting uploads.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::nanoseconds;

/// Waits of large requests for the unsent rest of refused requests. This time is the generator's, not the
/// server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct UploadWaits {
    /// Number of waits.
    pub count: u64,
    /// Total time of the waits.
    #[serde(rename = "time_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub time: Duration,
}

impl UploadWaits {
    /// Returns the increase since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self { count: self.count.saturating_sub(earlier.count), time: self.time.saturating_sub(earlier.time) }
    }

    /// Adds the waits of other connections.
    pub fn add(&mut self, other: Self) {
        let Self { count, time } = other;
        self.count = self.count.saturating_add(count);
        self.time = self.time.saturating_add(time);
    }
}

/// Numbers of connections, by how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Connections {
    /// Connections on which the server sent its SETTINGS.
    pub made: u64,
    /// Connections that the server closed with GOAWAY without losing a call.
    pub closed: u64,
    /// Connections that ended in any other way.
    pub lost: u64,
    /// Attempts to connect that failed.
    pub failed_attempts: u64,
}

/// Numbers of connections, and times without a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionAccount {
    /// The connections.
    #[serde(flatten)]
    pub connections: Connections,
    /// Time in which calls waited for a connection because the last one had ended: the longest time of all
    /// connection slots. For the stub client, only the time that connecting took, because its channel reports
    /// no more.
    #[serde(rename = "unconnected_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub unconnected: Duration,
    /// Time in which no attempt to connect was under way because the last one had failed: the longest time of
    /// all connection slots. A closed loop starts no call in that time.
    #[serde(rename = "paused_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub paused: Duration,
}

impl ConnectionAccount {
    /// Returns the increase since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            connections: self.connections.since(earlier.connections),
            unconnected: self.unconnected.saturating_sub(earlier.unconnected),
            paused: self.paused.saturating_sub(earlier.paused),
        }
    }

    /// Adds the account of other connections.
    pub fn add(&mut self, other: Self) {
        let Self { connections, unconnected, paused } = other;
        self.connections.add(connections);
        self.unconnected = self.unconnected.max(unconnected);
        self.paused = self.paused.max(paused);
    }
}

/// Way in which a call lost its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// There was no connection: an attempt to connect failed.
    NotConnected,
    /// The server ended the connection with GOAWAY.
    GoAway,
    /// The connection ended in another way.
    Other,
}

impl Connections {
    /// Returns the increase since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            made: self.made.saturating_sub(earlier.made),
            closed: self.closed.saturating_sub(earlier.closed),
            lost: self.lost.saturating_sub(earlier.lost),
            failed_attempts: self.failed_attempts.saturating_sub(earlier.failed_attempts),
        }
    }

    /// Adds other connections.
    pub fn add(&mut self, other: Self) {
        let Self { made, closed, lost, failed_attempts } = other;
        self.made = self.made.saturating_add(made);
        self.closed = self.closed.saturating_add(closed);
        self.lost = self.lost.saturating_add(lost);
        self.failed_attempts = self.failed_attempts.saturating_add(failed_attempts);
    }
}
