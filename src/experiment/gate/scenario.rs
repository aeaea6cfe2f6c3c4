//! What a gate tries: the built-in scenarios, or those of a file.

use std::time::Duration;

use serde::Deserialize;

use super::metric::GateMetric;
use crate::{
    load::{Arrivals, Load, Mix, Options, Plan, PlanError, Rates, Settings, Share, Texts, Workers},
    rpc::{format_data::TextKind, metadata::Pair},
    units::{ByteSize, Limit, Rate, named, parse_duration},
};

/// Length of a slice, unless a scenario says otherwise or 20 calls take longer.
///
/// Slices of one server lie as far apart at 25 ms as at 100 (12 and 14 % in calls/s, 2 shared cores): each has another
/// connection on other threads, and that is what differs. So the shorter they are, the more is averaged out.
const SLICE: Duration = Duration::from_millis(25);

/// Calls in flight.
const CONCURRENCY: u64 = 8;

/// Of slices in a repetition.
const MOST_ROUNDS: usize = 10_000;

/// How long calls in flight are waited for at the end of a slice.
const DRAIN: Duration = Duration::from_secs(10);

/// The change that matters: one as large as this is to be caught.
pub const DEFAULT_THRESHOLD: f64 = 0.05;

/// One load that base and candidate are put under.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Unique within a gate.
    pub name: String,
    /// Message bytes of each request.
    pub message_bytes: u64,
    /// What the texts are made of.
    pub text: TextKind,
    /// Calls in flight, or a rate.
    pub load: ScenarioLoad,
    /// Connections; one a worker where it is not said.
    pub connections: Option<usize>,
    /// Sent with each call.
    pub metadata: Vec<Pair>,
    /// How its calls are to end.
    pub expected: Expected,
    /// Length of a slice.
    pub slice: Duration,
    /// Rounds of slices in a repetition; as many as fit into some seconds where it is not said.
    pub rounds: Option<usize>,
    /// What is tolerated, by metric: 0.03 is 3 %.
    pub thresholds: Thresholds,
}

/// Calls in flight, or a rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScenarioLoad {
    /// So many calls in flight.
    Concurrency(u64),
    /// So many calls a second.
    Rate(f64),
}

/// How calls are to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// With the right reply.
    Answered,
    /// With a refusal for their size.
    Refused,
}

named!(Expected, "expected outcome", {
    Answered => "answered",
    Refused => "refused",
});

/// What is tolerated, by metric: shares (0..1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    calls_per_second: f64,
    p50: f64,
    server_cpu: f64,
}

/// Why a file's scenarios cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It is not TOML, or has something unknown in it.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// It has none.
    #[error("it has no scenario; write at least one: [[scenario]] with a name and a size")]
    None,
    /// Two have one name.
    #[error("two scenarios are named `{0}`; names must differ")]
    Twice(String),
    /// A value is out of its bounds.
    #[error("scenario `{name}`: {reason}")]
    Value {
        /// Which.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Its parts contradict each other.
    #[error("scenario `{name}`")]
    Plan {
        /// Which.
        name: String,
        /// What is wrong.
        source: PlanError,
    },
}

/// A file, as it is written.
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

/// `4MiB`, or a bare number.
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
    /// The same for each.
    #[must_use]
    pub fn all(threshold: f64) -> Self {
        Self::by_metric(|_| threshold)
    }

    /// A threshold for each metric.
    pub(super) fn by_metric(of: impl Fn(GateMetric) -> f64) -> Self {
        Self {
            calls_per_second: of(GateMetric::CallsPerSecond),
            p50: of(GateMetric::P50),
            server_cpu: of(GateMetric::ServerCpu),
        }
    }

    /// That of a metric.
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
    /// The built-in set: small messages, 64 KiB, 1 MiB, just under gRPC's default limit, and beyond it.
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

    /// The scenarios of a file.
    ///
    /// # Errors
    /// When it is not such a file: with the line, and what was expected there.
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

    /// The plan's settings for a slice of this length.
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
            // The servers share the machine. One worker of the lean client outruns any of them.
            workers: Workers::AtMost(1),
            options: Options {
                metadata: self.metadata.clone(),
                // The server's limits are what may differ.
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
        // All that a plan objects to is known before anything is started.
        Plan::new(scenario.settings(slice, Duration::ZERO))
            .map_err(|source| ScenarioError::Plan { name, source })?;
        Ok(scenario)
    }
}

/// `3%`, as a share.
fn share(scenario: &str, key: &str, text: &str) -> Result<f64, ScenarioError> {
    parse_share(text).map_err(|reason| ScenarioError::Value {
        name: scenario.to_owned(),
        reason: format!("{key}: {reason}"),
    })
}

/// A share as it is written, `3%` or `0.5%`: above 0, below 100 %.
///
/// # Errors
/// When it is none: with an example.
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
