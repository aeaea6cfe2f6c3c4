//! Whether a comparison that was saved follows from its runs.

use std::io::Read;

use super::document::Interference;
use crate::result::{Document, DocumentKind, ReadError, alike, document};

impl Document for Interference {
    const KIND: DocumentKind = DocumentKind::Interference;

    fn checked(mut self) -> Result<Self, ReadError> {
        for (index, round) in self.rounds.iter().enumerate() {
            for (side, summary) in [("without", &round.without), ("with", &round.with)] {
                let part = format_args!("round {}, {side} refused calls,", index + 1);
                summary.check().map_err(|error| error.within(part))?;
            }
        }
        for summary in &self.unpaired {
            summary.check().map_err(|error| error.within("an unpaired run"))?;
        }
        let again = Self::new(
            self.label.clone(),
            self.refused_sizes.clone(),
            self.fresh_servers,
            self.rounds.clone(),
            self.unpaired.clone(),
        );
        if self.plimsoll == again.plimsoll {
            let figures = |of: &Self| (of.without.clone(), of.with.clone(), of.damage.clone());
            alike("the comparison", &figures(&self), &figures(&again))?;
        } else {
            // Another version may compute otherwise. Its runs are what was measured.
            (self.without, self.with, self.damage) = (again.without, again.with, again.damage);
            self.findings = again.findings;
        }
        Ok(self)
    }
}

impl Interference {
    /// Reads a comparison, and checks that its runs agree with themselves.
    ///
    /// # Errors
    /// When it is something else, or they do not.
    pub fn read(reader: impl Read) -> Result<Self, ReadError> {
        document::read(reader)
    }
}
