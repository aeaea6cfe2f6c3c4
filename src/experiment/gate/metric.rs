//! Metrics of a gate.

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

impl GateMetric {
    /// Those that are judged.
    pub const JUDGED: [Self; 3] = [Self::CallsPerSecond, Self::P50, Self::ServerCpu];

    /// In documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CallsPerSecond => "calls_per_second",
            Self::P50 => "p50_ns",
            Self::ServerCpu => "server_cpu_ns_per_call",
            Self::P99 => "p99_ns",
        }
    }

    /// For people.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::CallsPerSecond => "calls/s",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::ServerCpu => "server's CPU a call",
        }
    }

    /// The metric of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::CallsPerSecond, Self::P50, Self::ServerCpu, Self::P99]
            .into_iter()
            .find(|metric| metric.name() == name)
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
