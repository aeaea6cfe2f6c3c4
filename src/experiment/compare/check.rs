//! Consistency of a saved comparison. The compared results are not part of the document.

use std::io::Read;

use super::{document::Comparison, figures::Figure};
use crate::{
    result::{Contradiction, Document, DocumentKind, ReadError, document, holds, near},
    statistics::{holm, median},
};

impl Document for Comparison {
    const KIND: DocumentKind = DocumentKind::Comparison;

    fn checked(self) -> Result<Self, ReadError> {
        self.check()?;
        Ok(self)
    }
}

impl Comparison {
    /// Reads a comparison.
    ///
    /// # Errors
    /// The document is of another kind, or its figures contradict each other.
    pub fn read(reader: impl Read) -> Result<Self, ReadError> {
        document::read(reader)
    }

    fn check(&self) -> Result<(), ReadError> {
        for record in self.pooled.iter().flat_map(|pooled| [&pooled.base, &pooled.candidate]) {
            record.checked()?;
        }
        for (name, side) in [("base", &self.base), ("candidate", &self.candidate)] {
            holds(
                &format!("the number of results of the {name}"),
                side.len(),
                "1 or more",
                !side.is_empty(),
            )?;
        }
        let is_one_each = self.base.len() == 1 && self.candidate.len() == 1;
        self.figures.iter().try_for_each(|figure| check(figure, is_one_each))?;
        let p_values: Vec<f64> = self.figures.iter().filter_map(|figure| figure.p).collect();
        let with_p = self.figures.iter().filter(|figure| figure.p.is_some());
        with_p.zip(holm(&p_values)).try_for_each(|(figure, adjusted)| {
            near(&format!("the adjusted p of {}", figure.name), figure.p_adjusted.unwrap_or(-1.0), adjusted)
        })?;
        Ok(())
    }
}

fn check(figure: &Figure, is_one_each: bool) -> Result<(), Contradiction> {
    let name = &figure.name;
    for (what, value, runs) in
        [("base", figure.base, &figure.base_runs), ("candidate", figure.candidate, &figure.candidate_runs)]
    {
        if let Some(expected) = median(runs) {
            near(&format!("the {what} of {name}"), value, expected)?;
        }
    }
    for (what, value) in [("base", figure.base), ("candidate", figure.candidate), ("ratio", figure.ratio)] {
        let is_figure = value.is_finite() && value > 0.0;
        holds(&format!("the {what} of {name}"), value, "more than 0", is_figure)?;
    }
    // With several runs, the ratio is the Hodges-Lehmann estimate and not the ratio of the medians.
    if is_one_each {
        near(&format!("the ratio of {name}"), figure.ratio, figure.candidate / figure.base)?;
    }
    if let Some((low, high)) = figure.interval {
        let is_interval = low.is_finite() && high.is_finite() && 0.0 < low && low <= high;
        holds(&format!("the interval of {name}"), format!("{low} to {high}"), "one that rises", is_interval)?;
        let is_within = is_one_each || (low..=high).contains(&figure.ratio);
        holds(&format!("the ratio of {name}"), figure.ratio, &format!("{low} to {high}"), is_within)?;
    }
    let has_p = figure.p.is_some() != is_one_each && figure.p.is_some() == figure.p_adjusted.is_some();
    holds(
        &format!("p of {name}"),
        format!("{:?}", figure.p),
        "what several runs have, and single ones have not",
        has_p,
    )?;
    let p = figure.p.unwrap_or(0.0);
    holds(&format!("p of {name}"), p, "0 to 1", (0.0..=1.0).contains(&p))
}
