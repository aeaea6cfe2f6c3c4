//! The document `plimsoll.verdict/1`: what a gate found, and everything that it was found from.

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

/// A limit of the server that is not where it was, or does not refuse as it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MovedLimit {
    /// Of which message.
    pub direction: Direction,
    /// The base's.
    pub base: String,
    /// The candidate's.
    pub candidate: String,
}

/// What a gate found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// That of `DocumentKind::Verdict`.
    pub schema: String,
    /// What decided.
    pub plimsoll: Build,
    /// All in all.
    pub verdict: Word,
    /// Why, in plain words.
    pub reason: String,
    /// The user's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// How long it took.
    pub elapsed_ns: u64,
    /// Whether it was ended from outside.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub interrupted: bool,
    /// The base, as it was written.
    pub base: String,
    /// The candidate.
    pub candidate: String,
    /// The machine.
    pub environment: Environment,
    /// Of the order of slices.
    pub seed: u64,
    /// Repetitions that each scenario was to have.
    pub planned_repetitions: usize,
    /// Where limits lie; absent where nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsVerdict>,
    /// By scenario.
    pub scenarios: Vec<ScenarioVerdict>,
    /// What must be known to read it.
    pub findings: Vec<Finding>,
}

/// Where the limits of both lie.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitsVerdict {
    /// Those that moved.
    pub moved: Vec<MovedLimit>,
    /// Those that could not be compared, and why.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub not_compared: Vec<String>,
    /// The base's.
    pub base: Limits,
    /// The candidate's.
    pub candidate: Limits,
}

/// What was found under one load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioVerdict {
    /// Its name.
    pub name: String,
    /// Message bytes of each request.
    pub message_bytes: u64,
    /// Calls in flight, where they are fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u64>,
    /// Calls a second, where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_second: Option<f64>,
    /// This one's verdict.
    pub verdict: Word,
    /// Why, where the metrics do not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether the two servers differ as processes, where each side was one process all the time: absent where each
    /// repetition had fresh ones, and where it is not known. It says nothing about their programs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub processes_differ: Option<bool>,
    /// What was measured, and what it says.
    pub metrics: Vec<MetricVerdict>,
    /// What was measured and is not judged.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub reported: Vec<Reported>,
    /// What a fresh run said of a regression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<Confirmation>,
    /// Everything that it was found from.
    pub repetitions: Vec<Repetition>,
}

/// A metric that is shown and not judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reported {
    /// Its name.
    pub metric: String,
    /// The Hodges-Lehmann estimate of candidate to base.
    pub ratio: f64,
    /// Its interval, with a confidence of 95 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
}

/// A second run, after the first one had flagged something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Confirmation {
    /// What it found.
    pub metrics: Vec<MetricVerdict>,
    /// From these.
    pub repetitions: Vec<Repetition>,
}

impl LimitsVerdict {
    /// Whether all limits were compared, and none has moved.
    #[must_use]
    pub fn are_the_same(&self) -> bool {
        self.moved.is_empty() && self.not_compared.is_empty()
    }

    /// Why the search for the candidate's limits ended early, where that for the base's did not.
    pub(super) fn candidate_gave_up(&self) -> Option<&str> {
        let is_finished = self.base.ended_early.is_none();
        self.candidate.ended_early.as_deref().filter(|_| is_finished)
    }
}

impl Verdict {
    /// Whether something was left out that was to be compared.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.scenarios.iter().any(|scenario| scenario.verdict == Word::Skipped)
            || self.limits.as_ref().is_some_and(|limits| !limits.not_compared.is_empty())
    }

    /// Reads a document, and reaches its verdict again.
    ///
    /// # Errors
    /// When it is something else, or its repetitions give another verdict.
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
