//! Errors of a gate that ends without a verdict.

use std::collections::BTreeSet;

use super::{judge::LEVEL, scenario_run::Neither, verdict::Verdict};

/// Reason why there is no verdict, or only a part of one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// The base does not exist, so there is nothing to skip.
    #[error("the base cannot be used")]
    Base(#[source] BoxError),
    /// The candidate cannot be measured.
    #[error("the candidate cannot be measured")]
    Candidate(#[source] BoxError),
    /// Neither server works. A comparison of two such servers would accept any candidate.
    #[error(
        "neither server works as {what}: the base: {base}; the candidate: {candidate}; check both commands, and that both serve example.FormatData/DoFormat"
    )]
    Neither {
        /// Requirement on both servers.
        what: String,
        /// Behaviour of the base.
        base: String,
        /// Behaviour of the candidate.
        candidate: String,
    },
    /// This program failed, or the operating system refused a resource.
    #[error("the gate itself failed")]
    Own(#[source] BoxError),
    /// The number of repetitions is too small for any verdict.
    #[error(
        "{got} repetitions are too few for {scenarios} scenarios: the test cannot reach p < {}; use at least {needed}, a larger --time-budget, or fewer scenarios (--only)",
        LEVEL
    )]
    TooFew {
        /// Requested number of repetitions.
        got: usize,
        /// Number of scenarios.
        scenarios: usize,
        /// Needed number of repetitions.
        needed: usize,
    },
    /// The gate failed part of the way. A moved limit stays a regression.
    #[error("the gate ended early")]
    Early {
        /// The verdict on the part that was measured.
        verdict: Box<Verdict>,
        /// The failure.
        source: Box<Self>,
    },
    /// The gate was interrupted before any measurement.
    #[error("interrupted")]
    Interrupted,
}

/// Any error.
pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl From<Neither> for GateError {
    fn from(neither: Neither) -> Self {
        let Neither { scenario, base, candidate, is_dead: _ } = neither;
        Self::Neither { what: format!("scenario `{scenario}` expects"), base, candidate }
    }
}

/// Returns the error for two servers of which neither serves.
pub(super) fn neither_works(
    base: &(dyn std::error::Error + 'static),
    candidate: &(dyn std::error::Error + 'static),
) -> GateError {
    GateError::Neither { what: "a gate needs".to_owned(), base: causes(base), candidate: causes(candidate) }
}

/// Returns an error with all its causes, each once.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let mut seen = BTreeSet::new();
    let words: Vec<String> =
        chain.map(ToString::to_string).filter(|text| seen.insert(text.clone())).collect();
    words.join(": ")
}
