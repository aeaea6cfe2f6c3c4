//! Saved documents of any kind.

use std::io::{self, Write};

use serde::Serialize;

use super::formats::{Format, Writable};
use crate::{
    experiment::{
        compare::Comparison, gate::Verdict, interference::Interference, limits::Limits, sweep::Sweep,
    },
    result::{DocumentKind, ReadError, document, summary::Summary},
};

/// A saved document, distinguished by its schema.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum SavedDocument {
    /// Result of `plimsoll run`.
    Summary(Box<Summary>),
    /// Result of `plimsoll sweep`.
    Sweep(Box<Sweep>),
    /// Result of `plimsoll limits`.
    Limits(Box<Limits>),
    /// Result of `plimsoll interference`.
    Interference(Box<Interference>),
    /// Result of `plimsoll compare`.
    Comparison(Box<Comparison>),
    /// Verdict of `plimsoll gate`.
    Verdict(Box<Verdict>),
}

impl SavedDocument {
    /// Reads a document of any kind.
    ///
    /// # Errors
    /// The bytes are not a document, or one of another version, or figures contradict each other.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        let needed = DocumentKind::Summary;
        let schema = document::schema_of(bytes, needed)?;
        Ok(match DocumentKind::of_schema(&schema, needed)? {
            DocumentKind::Summary => Self::Summary(Box::new(Summary::read(bytes)?)),
            DocumentKind::Sweep => Self::Sweep(Box::new(Sweep::read(bytes)?)),
            DocumentKind::Limits => Self::Limits(Box::new(Limits::read(bytes)?)),
            DocumentKind::Interference => Self::Interference(Box::new(Interference::read(bytes)?)),
            DocumentKind::Comparison => Self::Comparison(Box::new(Comparison::read(bytes)?)),
            DocumentKind::Verdict => Self::Verdict(Box::new(Verdict::read(bytes)?)),
            kind @ (DocumentKind::Reply | DocumentKind::Methods | DocumentKind::Announcement) => {
                return Err(ReadError::Other { schema, kind, needed });
            }
        })
    }

    /// Returns the kind of the document.
    #[must_use]
    pub fn kind(&self) -> DocumentKind {
        match self {
            Self::Summary(_) => DocumentKind::Summary,
            Self::Sweep(_) => DocumentKind::Sweep,
            Self::Limits(_) => DocumentKind::Limits,
            Self::Interference(_) => DocumentKind::Interference,
            Self::Comparison(_) => DocumentKind::Comparison,
            Self::Verdict(_) => DocumentKind::Verdict,
        }
    }

    /// Writes the document in a format of its kind.
    ///
    /// # Errors
    /// Errors of [`Writable::write`].
    pub fn write(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Summary(document) => document.write(format, out),
            Self::Sweep(document) => document.write(format, out),
            Self::Limits(document) => document.write(format, out),
            Self::Interference(document) => document.write(format, out),
            Self::Comparison(document) => document.write(format, out),
            Self::Verdict(document) => document.write(format, out),
        }
    }
}
