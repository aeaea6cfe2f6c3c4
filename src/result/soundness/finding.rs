//! Findings, their weight, and the verdict that follows from them.

use serde::{Deserialize, Serialize};

use crate::units::named;

/// What a measurement is worth, in a word. The greater, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rating {
    /// Nothing speaks against the figures.
    Sound,
    /// Other load or stolen cores: the figures vary more than the server does.
    Disturbed,
    /// The figures mislead: a limited or frozen generator, missing answers, a rate that was not reached.
    Unsound,
}

named!(Rating, "rating", {
    Sound => "sound",
    Disturbed => "disturbed",
    Unsound => "unsound",
});

impl Rating {
    /// The verdict that these findings make: that of the gravest.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        match findings.iter().map(|finding| finding.weight).min() {
            Some(Weight::Warning) => Self::Unsound,
            Some(Weight::Disturbance) => Self::Disturbed,
            Some(Weight::Note) | None => Self::Sound,
        }
    }
}

/// Something that whoever reads the figures must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// A fixed name, for scripts.
    pub name: String,
    /// Whether it speaks against the figures.
    pub weight: Weight,
    /// What was seen, with its figures.
    pub detail: String,
    /// The next step.
    pub advice: String,
}

/// Whether a finding speaks against the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It does: the figures mislead.
    Warning,
    /// It makes them vary more.
    Disturbance,
    /// It explains them.
    Note,
}

named!(Weight, "weight", {
    Warning => "warning",
    Disturbance => "disturbance",
    Note => "note",
});
