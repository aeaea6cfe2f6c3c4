//! Why a gate comes to no verdict.

use std::collections::BTreeSet;

use super::{scenario_run::Neither, verdict::Verdict};

/// Why there is no verdict, or none of the whole.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// There is no such base: nothing that could be skipped.
    #[error("the base cannot be used")]
    Base(#[source] BoxError),
    /// The candidate cannot be measured.
    #[error("the candidate cannot be measured")]
    Candidate(#[source] BoxError),
    /// A comparison of two servers of which none works would let anything pass.
    #[error(
        "neither server does what {what}: the base: {base}; the candidate: {candidate}; check both commands, and that both serve example.FormatData/DoFormat"
    )]
    Neither {
        /// The demand on both.
        what: String,
        /// What the base does.
        base: String,
        /// What the candidate does.
        candidate: String,
    },
    /// This program failed, or the system refused it something.
    #[error("the gate itself failed")]
    Own(#[source] BoxError),
    /// No verdict can come of so few.
    #[error(
        "{got} repetitions of {scenarios} scenarios cannot show anything: the smallest p-value that they can have is not below the level; {needed} are needed: ask for more repetitions, more time, or fewer scenarios"
    )]
    TooFew {
        /// What was asked for.
        got: usize,
        /// How many scenarios there are.
        scenarios: usize,
        /// What is needed.
        needed: usize,
    },
    /// It failed in mid-course. A limit that moved stays a regression.
    #[error("the gate ended early")]
    Early {
        /// The verdict on the part that was measured.
        verdict: Box<Verdict>,
        /// The failure.
        source: Box<Self>,
    },
    /// Nothing was measured yet.
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

/// Two servers of which none serves.
pub(super) fn neither_works(
    base: &(dyn std::error::Error + 'static),
    candidate: &(dyn std::error::Error + 'static),
) -> GateError {
    GateError::Neither { what: "a gate needs".to_owned(), base: causes(base), candidate: causes(candidate) }
}

/// An error with all its causes, each once.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let mut seen = BTreeSet::new();
    let words: Vec<String> =
        chain.map(ToString::to_string).filter(|text| seen.insert(text.clone())).collect();
    words.join(": ")
}
