//! Whether a comparison that was saved follows from its runs.

use super::document::{Interference, SCHEMA};
use crate::result::{Contradiction, alike, schema_of, summary::ReadError};

/// Why a document is no such comparison.
#[derive(Debug, thiserror::Error)]
pub enum InterferenceReadError {
    /// It is not JSON, or lacks something.
    #[error("it is not a result of `plimsoll interference`")]
    Json(#[from] serde_json::Error),
    /// It has another schema, or none.
    #[error("its schema is `{0}`, and this plimsoll reads `{SCHEMA}`")]
    Schema(String),
    /// A figure is not the one that its runs give.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
    /// A run's result does not agree with itself.
    #[error("a run of it cannot be used")]
    Run(#[from] ReadError),
}

impl Interference {
    /// Reads a comparison, and checks that its runs agree with themselves.
    ///
    /// # Errors
    /// When it is something else, or they do not.
    pub fn read(mut reader: impl std::io::Read) -> Result<Self, InterferenceReadError> {
        let mut document = Vec::new();
        reader.read_to_end(&mut document).map_err(serde_json::Error::io)?;
        match schema_of(&document)?.as_deref() {
            Some(SCHEMA) => {}
            other => return Err(InterferenceReadError::Schema(other.unwrap_or("missing").to_owned())),
        }
        let mut own: Self = serde_json::from_slice(&document)?;
        let paired = own.rounds.iter().flat_map(|round| [&round.without, &round.with]);
        for summary in paired.chain(&own.unpaired) {
            summary.check()?;
        }
        let again = Self::new(
            own.label.clone(),
            own.refused_sizes.clone(),
            own.fresh_servers,
            own.rounds.clone(),
            own.unpaired.clone(),
        );
        if own.plimsoll == again.plimsoll {
            let figures = |of: &Self| (of.without.clone(), of.with.clone(), of.damage.clone());
            alike("the comparison", &figures(&own), &figures(&again))?;
        } else {
            // Another version may compute otherwise. Its runs are what was measured.
            (own.without, own.with, own.damage) = (again.without, again.with, again.damage);
            own.findings = again.findings;
        }
        Ok(own)
    }
}
