//! A document of any kind that was saved.

use std::io::{self, Write};

use serde::Serialize;

use super::formats::{Format, Writable};
use crate::{
    experiment::{
        compare::Comparison, gate::Verdict, interference::Interference, limits::Limits, sweep::Sweep,
    },
    result::{DocumentKind, ReadError, document, summary::Summary},
};

/// A document, by its schema.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum SavedDocument {
    /// Of `plimsoll run`.
    Summary(Box<Summary>),
    /// Of `plimsoll sweep`.
    Sweep(Box<Sweep>),
    /// Of `plimsoll limits`.
    Limits(Box<Limits>),
    /// Of `plimsoll interference`.
    Interference(Box<Interference>),
    /// Of `plimsoll compare`.
    Comparison(Box<Comparison>),
    /// Of `plimsoll gate`.
    Verdict(Box<Verdict>),
}

impl SavedDocument {
    /// Reads a document of any kind.
    ///
    /// # Errors
    /// When it is none, of another version, or its figures do not agree with each other.
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
            kind @ (DocumentKind::Reply | DocumentKind::Announcement) => {
                return Err(ReadError::Other { schema, kind, needed });
            }
        })
    }

    /// Writes it in a format of its kind.
    ///
    /// # Errors
    /// Those of [`Writable::write`].
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
