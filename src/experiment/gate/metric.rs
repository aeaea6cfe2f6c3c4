//! Metrics of a gate.

use crate::units::named;

/// What is measured of each arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateMetric {
    /// Calls that end as they should, a second.
    CallsPerSecond,
    /// The median of their time.
    P50,
    /// CPU time of the server a call.
    ServerCpu,
    /// 99 % of them take no longer. Too unsteady to be judged.
    P99,
}

named!(GateMetric, "metric", {
    CallsPerSecond => "calls_per_second",
    P50 => "p50_ns",
    ServerCpu => "server_cpu_ns_per_call",
    P99 => "p99_ns",
});

impl GateMetric {
    /// Those that are judged.
    pub const JUDGED: [Self; 3] = [Self::CallsPerSecond, Self::P50, Self::ServerCpu];

    /// For people.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::CallsPerSecond => "calls/s",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::ServerCpu => "server's CPU per call",
        }
    }

    /// The logarithm of a ratio, turned so that more is worse.
    pub(super) fn cost(self, logarithm: f64) -> f64 {
        if self == Self::CallsPerSecond { -logarithm } else { logarithm }
    }

    /// The ratio that a cost stands for.
    pub(super) fn ratio_of(self, cost: f64) -> f64 {
        self.cost(cost).exp()
    }
}
