//! The document `plimsoll.verdict/1`: the verdict of a gate, and all measurements behind it.

use std::io::Read;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    judge::{MetricVerdict, Word},
    repetition::Repetition,
};
use crate::{
    experiment::limits::Limits,
    measure::{Build, Environment},
    result::{Document, DocumentKind, Finding, ReadError, document},
    rpc::Direction,
};

/// A limit of the server that moved, or whose refusals have another code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MovedLimit {
    /// Direction of the limited messages.
    pub direction: Direction,
    /// Limit of the base.
    pub base: String,
    /// Limit of the candidate.
    pub candidate: String,
}

/// Verdict of a gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Verdict {
    /// Schema of the document: the value of `DocumentKind::Verdict.schema()`.
    pub schema: String,
    /// Build of this program that decided.
    pub plimsoll: Build,
    /// Overall verdict.
    pub verdict: Word,
    /// Reason, in plain words.
    pub reason: String,
    /// The user's name for the gate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Start, RFC 3339.
    pub started_at: String,
    /// Duration.
    pub elapsed_ns: u64,
    /// True if the gate was stopped early, for example by a signal.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub interrupted: bool,
    /// The base, as on the command line.
    pub base: String,
    /// The candidate, as on the command line.
    pub candidate: String,
    /// Machine and settings of the measurement.
    pub environment: Environment,
    /// Seed for the order of slices.
    pub seed: u64,
    /// Planned repetitions per scenario.
    pub planned_repetitions: usize,
    /// Limits of both servers; absent without a search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsVerdict>,
    /// Verdicts by scenario.
    pub scenarios: Vec<ScenarioVerdict>,
    /// Findings that explain the verdict.
    pub findings: Vec<Finding>,
}

/// Limits of both servers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct LimitsVerdict {
    /// Limits that moved.
    pub moved: Vec<MovedLimit>,
    /// Limits that could not be compared, with the reasons.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub not_compared: Vec<String>,
    /// Limits of the base.
    pub base: Limits,
    /// Limits of the candidate.
    pub candidate: Limits,
}

/// Verdict under one load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ScenarioVerdict {
    /// Name of the scenario.
    pub name: String,
    /// Message bytes of each request.
    pub message_bytes: u64,
    /// Calls in flight, for a fixed concurrency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u64>,
    /// Calls per second, for a fixed rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_second: Option<f64>,
    /// Verdict of this scenario.
    pub verdict: Word,
    /// Reason, if the metrics do not show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// True if the two servers differ as processes, where each side was one process all the time. Absent if each
    /// repetition had fresh processes, or if it is not known. This is no statement about their programs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub processes_differ: Option<bool>,
    /// Measured metrics, with their verdicts.
    pub metrics: Vec<MetricVerdict>,
    /// Measured metrics that are not judged.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub reported: Vec<Reported>,
    /// Second run, after the first one flagged a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<Confirmation>,
    /// Measurements behind the verdict.
    pub repetitions: Vec<Repetition>,
}

/// A metric that is reported and not judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reported {
    /// Name of the metric.
    pub metric: String,
    /// Hodges-Lehmann estimate of the ratio of candidate to base.
    pub ratio: f64,
    /// Interval of the ratio, with a confidence of 95 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
}

/// A second run, after the first one flagged a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Confirmation {
    /// Metrics of the second run.
    pub metrics: Vec<MetricVerdict>,
    /// Repetitions of the second run.
    pub repetitions: Vec<Repetition>,
}

impl LimitsVerdict {
    /// Returns true if all limits were compared, and none has moved.
    #[must_use]
    pub fn are_the_same(&self) -> bool {
        self.moved.is_empty() && self.not_compared.is_empty()
    }

    /// Returns the reason why the search for the candidate's limits ended early, if the base's did not.
    pub(super) fn candidate_gave_up(&self) -> Option<&str> {
        let is_finished = self.base.ended_early.is_none();
        self.candidate.ended_early.as_deref().filter(|_| is_finished)
    }
}

impl Verdict {
    /// Returns true if a part of the comparison was left out.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.scenarios.iter().any(|scenario| scenario.verdict == Word::Skipped)
            || self.limits.as_ref().is_some_and(|limits| !limits.not_compared.is_empty())
    }

    /// Reads a document, and applies the rule to its repetitions again.
    ///
    /// # Errors
    /// The document is of another kind, or its repetitions give another verdict.
    pub fn read(reader: impl Read) -> Result<Self, ReadError> {
        document::read(reader)
    }
}

impl Document for Verdict {
    const KIND: DocumentKind = DocumentKind::Verdict;

    fn checked(self) -> Result<Self, ReadError> {
        self.check()?;
        Ok(self)
    }
}
