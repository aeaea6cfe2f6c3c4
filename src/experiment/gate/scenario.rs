//! Scenarios of a gate: the built-in ones, or those of a file.

use std::time::Duration;

use serde::Deserialize;

use super::metric::GateMetric;
use crate::{
    load::{Arrivals, Load, Mix, Options, Plan, PlanError, Rates, Settings, Share, Texts, Workers},
    rpc::{format_data::TextKind, metadata::Pair},
    units::{ByteSize, Limit, Rate, named, parse_duration},
};

/// Default length of a slice. A scenario may set another one; slices are longer if 20 calls take longer.
///
/// Two slices of the same server differ by 12 % in calls/s at 25 ms and by 14 % at 100 ms (2 shared cores). The
/// variance comes from thread and connection placement, which is new for each slice. More and shorter slices therefore
/// average out more of it.
const SLICE: Duration = Duration::from_millis(25);

/// Default number of calls in flight.
const CONCURRENCY: u64 = 8;

/// Largest number of rounds of slices in a repetition.
const MOST_ROUNDS: usize = 10_000;

/// Longest wait for calls in flight at the end of a slice.
const DRAIN: Duration = Duration::from_secs(10);

/// Default threshold (0..1): a change of this size is to be detected.
pub const DEFAULT_THRESHOLD: f64 = 0.05;

/// One load, for both base and candidate.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Scenario {
    /// Name, unique within a gate.
    pub name: String,
    /// Message bytes of each request.
    pub message_bytes: u64,
    /// Kind of text.
    pub text: TextKind,
    /// Calls in flight, or a rate.
    pub load: ScenarioLoad,
    /// Number of connections; `None` for one per worker.
    pub connections: Option<usize>,
    /// Metadata of each call.
    pub metadata: Vec<Pair>,
    /// Expected end of the calls.
    pub expected: Expected,
    /// Length of a slice.
    pub slice: Duration,
    /// Rounds of slices in a repetition; `None` for as many as fit into 4.5 s.
    pub rounds: Option<usize>,
    /// Tolerated change, by metric: 0.03 is 3 %.
    pub thresholds: Thresholds,
}

/// Calls in flight, or a rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScenarioLoad {
    /// Number of calls in flight.
    Concurrency(u64),
    /// Calls per second.
    Rate(f64),
}

/// Expected end of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The right reply.
    Answered,
    /// A refusal for the size.
    Refused,
}

named!(Expected, "expected outcome", {
    Answered => "answered",
    Refused => "refused",
});

/// Tolerated changes, by metric: shares (0..1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    calls_per_second: f64,
    p50: f64,
    server_cpu: f64,
}

/// Reason why a file's scenarios cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file is not TOML, or contains an unknown key.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// The file has no scenario.
    #[error("it has no scenario; write at least one: [[scenario]] with a name and a size")]
    None,
    /// Two scenarios have the same name.
    #[error("two scenarios are named `{0}`; names must differ")]
    Twice(String),
    /// A value is out of its range.
    #[error("scenario `{name}`: {reason}")]
    Value {
        /// Name of the scenario.
        name: String,
        /// Description of the error.
        reason: String,
    },
    /// Parts of a scenario contradict each other.
    #[error("scenario `{name}`")]
    Plan {
        /// Name of the scenario.
        name: String,
        /// Contradiction in the plan.
        source: PlanError,
    },
}

/// A file of scenarios, as text values.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    scenario: Vec<WrittenScenario>,
    threshold: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenScenario {
    name: String,
    size: Quantity,
    concurrency: Option<u64>,
    rate: Option<Quantity>,
    text: Option<WrittenText>,
    connections: Option<usize>,
    #[serde(default)]
    metadata: Vec<String>,
    expect: Option<Expected>,
    slice: Option<String>,
    rounds: Option<usize>,
    threshold: Option<String>,
    #[serde(default)]
    thresholds: WrittenThresholds,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenThresholds {
    calls_per_second: Option<String>,
    p50: Option<String>,
    server_cpu: Option<String>,
}

/// A size or a rate: a text such as `4MiB`, or a bare number.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Quantity {
    Text(String),
    Number(u64),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WrittenText {
    Ascii,
    Json,
    Unicode,
    Expanding,
}

impl Thresholds {
    /// Returns the same threshold for each metric.
    #[must_use]
    pub fn all(threshold: f64) -> Self {
        Self::by_metric(|_| threshold)
    }

    /// Returns a threshold for each metric.
    pub(super) fn by_metric(of: impl Fn(GateMetric) -> f64) -> Self {
        Self {
            calls_per_second: of(GateMetric::CallsPerSecond),
            p50: of(GateMetric::P50),
            server_cpu: of(GateMetric::ServerCpu),
        }
    }

    /// Returns the threshold of a metric.
    #[must_use]
    pub fn of(&self, metric: GateMetric) -> f64 {
        match metric {
            GateMetric::CallsPerSecond => self.calls_per_second,
            GateMetric::P50 | GateMetric::P99 => self.p50,
            GateMetric::ServerCpu => self.server_cpu,
        }
    }
}

impl Scenario {
    /// Returns the built-in scenarios: small messages, 64 KiB, 1 MiB, just below gRPC's default limit, and
    /// above it.
    #[must_use]
    pub fn built_in(threshold: f64) -> Vec<Self> {
        let scenario = |name: &str, message_bytes, concurrency, expected| Self {
            name: name.to_owned(),
            message_bytes,
            text: TextKind::Ascii,
            load: ScenarioLoad::Concurrency(concurrency),
            connections: None,
            metadata: Vec::new(),
            expected,
            slice: SLICE,
            rounds: None,
            thresholds: Thresholds::all(threshold),
        };
        vec![
            scenario("small", 64, CONCURRENCY, Expected::Answered),
            scenario("64KiB", 64 << 10, CONCURRENCY, Expected::Answered),
            scenario("1MiB", 1 << 20, 4, Expected::Answered),
            scenario("4MiB-1KiB", (4 << 20) - 1_024, 2, Expected::Answered),
            scenario("refused", 5 << 20, 2, Expected::Refused),
        ]
    }

    /// Reads the scenarios of a file.
    ///
    /// # Errors
    /// The file is invalid. The error has the line, and the expected content.
    pub fn read(text: &str, threshold: f64) -> Result<Vec<Self>, ScenarioError> {
        let written: Written = toml::from_str(text)?;
        let threshold = match &written.threshold {
            None => threshold,
            Some(text) => share("the file", "threshold", text)?,
        };
        let mut scenarios: Vec<Self> = Vec::new();
        for entry in written.scenario {
            let scenario = entry.meant(threshold)?;
            if scenarios.iter().any(|other| other.name == scenario.name) {
                return Err(ScenarioError::Twice(scenario.name));
            }
            scenarios.push(scenario);
        }
        if scenarios.is_empty() { Err(ScenarioError::None) } else { Ok(scenarios) }
    }

    /// Returns the plan's settings for a slice of this length.
    pub(super) fn settings(&self, slice: Duration, warm_up: Duration) -> Settings {
        Settings {
            load: match self.load {
                ScenarioLoad::Concurrency(concurrency) => Load::Closed { concurrency },
                ScenarioLoad::Rate(rate) => Load::Open {
                    rates: Rates::One(rate),
                    arrivals: Arrivals::Constant,
                    max_in_flight: crate::load::DEFAULT_MAX_IN_FLIGHT,
                },
            },
            duration: Some(slice),
            warm_up,
            drain: DRAIN,
            texts: Texts::Made {
                mix: Mix(vec![Share { message_bytes: ByteSize(self.message_bytes), weight: 1 }]),
                kind: self.text,
            },
            connections: self.connections,
            // The servers share the machine. One worker of the lean client is faster than any of them.
            workers: Workers::AtMost(1),
            options: Options {
                metadata: self.metadata.clone(),
                // Only the servers' limits may differ.
                max_recv_message_size: Limit::Unlimited,
                ..Options::default()
            },
            ..Settings::default()
        }
    }
}

impl WrittenScenario {
    fn meant(self, threshold: f64) -> Result<Scenario, ScenarioError> {
        let name = self.name;
        let bad = |reason: String| ScenarioError::Value { name: name.clone(), reason };
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            return Err(bad("a name has letters in it, and no line break".to_owned()));
        }
        let message_bytes = match &self.size {
            Quantity::Number(bytes) => *bytes,
            Quantity::Text(text) => {
                text.parse::<ByteSize>().map_err(|error| bad(format!("size: {error}")))?.0
            }
        };
        let rate = match &self.rate {
            None => None,
            Some(Quantity::Number(rate)) => Some(rate.to_string()),
            Some(Quantity::Text(text)) => Some(text.clone()),
        };
        let rate = rate.map(|text| text.parse::<Rate>().map_err(|error| bad(format!("rate: {error}"))));
        let load = match (self.concurrency, rate.transpose()?) {
            (Some(_), Some(_)) => {
                return Err(bad("concurrency and rate are two kinds of load; give one of them".to_owned()));
            }
            (_, Some(rate)) => ScenarioLoad::Rate(rate.per_second()),
            (concurrency, None) => ScenarioLoad::Concurrency(concurrency.unwrap_or(CONCURRENCY)),
        };
        let slice = self.slice.as_deref().map(parse_duration).transpose();
        let slice = slice.map_err(|error| bad(format!("slice: {error}")))?.unwrap_or(SLICE);
        if !(Duration::from_millis(10)..=Duration::from_secs(60)).contains(&slice) {
            return Err(bad("slice: a slice is 10ms to 1m long; 25ms is usual".to_owned()));
        }
        if self.rounds.is_some_and(|rounds| !(1..=MOST_ROUNDS).contains(&rounds)) {
            return Err(bad(format!("rounds: a repetition has 1 to {MOST_ROUNDS} of them")));
        }
        let threshold =
            self.threshold.as_deref().map_or(Ok(threshold), |text| share(&name, "threshold", text))?;
        let of = |text: Option<&String>, key| text.map_or(Ok(threshold), |text| share(&name, key, text));
        let WrittenThresholds { calls_per_second, p50, server_cpu } = &self.thresholds;
        let thresholds = Thresholds {
            calls_per_second: of(calls_per_second.as_ref(), "thresholds.calls_per_second")?,
            p50: of(p50.as_ref(), "thresholds.p50")?,
            server_cpu: of(server_cpu.as_ref(), "thresholds.server_cpu")?,
        };
        let metadata = self.metadata.iter().map(|text| text.parse::<Pair>());
        let metadata =
            metadata.collect::<Result<_, _>>().map_err(|error| bad(format!("metadata: {error}")))?;
        let scenario = Scenario {
            name: name.clone(),
            message_bytes,
            text: match self.text {
                None | Some(WrittenText::Ascii) => TextKind::Ascii,
                Some(WrittenText::Json) => TextKind::Json,
                Some(WrittenText::Unicode) => TextKind::Unicode,
                Some(WrittenText::Expanding) => TextKind::Expanding,
            },
            load,
            connections: self.connections,
            metadata,
            expected: self.expect.unwrap_or(Expected::Answered),
            slice,
            rounds: self.rounds,
            thresholds,
        };
        // The plan is checked before any process starts.
        Plan::new(scenario.settings(slice, Duration::ZERO))
            .map_err(|source| ScenarioError::Plan { name, source })?;
        Ok(scenario)
    }
}

/// Parses `3%` as a share.
fn share(scenario: &str, key: &str, text: &str) -> Result<f64, ScenarioError> {
    parse_share(text).map_err(|reason| ScenarioError::Value {
        name: scenario.to_owned(),
        reason: format!("{key}: {reason}"),
    })
}

/// Parses a share such as `3%` or `0.5%`: above 0, below 100 %.
///
/// # Errors
/// The text is not such a share. The error has an example.
pub fn parse_share(text: &str) -> Result<f64, String> {
    let number = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    number
        .filter(|percent| *percent > 0.0 && *percent < 100.0)
        .map(|percent| percent / 100.0)
        .ok_or_else(|| format!("`{text}` is not a share; write a percentage between 0 and 100, such as `3%`"))
}

#[cfg(test)]
#[path = "scenario_tests.rs"]
mod tests;
