//! Consistency of a saved comparison with its runs.

use std::io::Read;

use super::document::{Interference, Round};
use crate::result::{Document, DocumentKind, ReadError, alike, document, summary::Summary};

impl Document for Interference {
    const KIND: DocumentKind = DocumentKind::Interference;

    fn checked(self) -> Result<Self, ReadError> {
        let Self { label, refused_sizes, fresh_servers, rounds, unpaired, .. } = self.clone();
        let mut checked = Vec::new();
        for (index, Round { with_came_first, without, with }) in rounds.into_iter().enumerate() {
            let run = |summary: Summary, side: &str| {
                let part = format_args!("round {}, {side} refused calls,", index + 1);
                summary.checked().map_err(|error| error.within(part))
            };
            let (without, with) = (run(without, "without")?, run(with, "with")?);
            checked.push(Round { with_came_first, without, with });
        }
        let unpaired: Result<Vec<Summary>, ReadError> = unpaired
            .into_iter()
            .map(|summary| summary.checked().map_err(|error| error.within("an unpaired run")))
            .collect();
        let unpaired = unpaired?;
        if checked.iter().any(|round| round.without.measured.is_none() || round.with.measured.is_none()) {
            // Runs of `plimsoll.summary/1` lack the counts from which their sum is computed.
            return Ok(Self { rounds: checked, unpaired, ..self });
        }
        let mut again = Self::new(label, refused_sizes, fresh_servers, checked, unpaired);
        let figures = |of: &Self| (of.without.clone(), of.with.clone(), of.damage.clone());
        let alike = alike("the comparison", &figures(&self), &figures(&again));
        if self.plimsoll == again.plimsoll {
            alike?;
            return Ok(Self { rounds: again.rounds, unpaired: again.unpaired, ..self });
        }
        // Another build may compute figures differently; the measured runs decide.
        if let Err(difference) = alike {
            again.findings.push(difference.finding());
        }
        Ok(Self { plimsoll: self.plimsoll, ..again })
    }
}

impl Interference {
    /// Reads a comparison, and checks that its runs are consistent.
    ///
    /// # Errors
    /// The document is of another kind, or its runs contradict themselves or its figures.
    pub fn read(reader: impl Read) -> Result<Self, ReadError> {
        document::read(reader)
    }
}
