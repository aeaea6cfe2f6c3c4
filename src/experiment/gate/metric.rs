//! Metrics of a gate.

use crate::units::named;

/// A metric, measured for each arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateMetric {
    /// Calls per second that end as expected.
    CallsPerSecond,
    /// Median latency of these calls, in ns.
    P50,
    /// CPU time of the server per call, in ns.
    ServerCpu,
    /// 99th percentile of the latency, in ns. Not judged, because it varies too much.
    P99,
}

named!(GateMetric, "metric", {
    CallsPerSecond => "calls_per_second",
    P50 => "p50_ns",
    ServerCpu => "server_cpu_ns_per_call",
    P99 => "p99_ns",
});

impl GateMetric {
    /// Metrics that are judged.
    pub const JUDGED: [Self; 3] = [Self::CallsPerSecond, Self::P50, Self::ServerCpu];

    /// Returns the name for texts.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::CallsPerSecond => "calls/s",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::ServerCpu => "server's CPU per call",
        }
    }

    /// Converts the logarithm of a ratio into a cost: the sign is chosen so that more is worse.
    pub(super) fn cost(self, logarithm: f64) -> f64 {
        if self == Self::CallsPerSecond { -logarithm } else { logarithm }
    }

    /// Converts a cost into a ratio.
    pub(super) fn ratio_of(self, cost: f64) -> f64 {
        self.cost(cost).exp()
    }
}
