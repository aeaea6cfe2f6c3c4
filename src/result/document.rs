//! Kinds of this program's documents, and the function that reads them.
//!
//! Documents are untrusted input: the memory for reading one is bounded by its size.

use std::{fmt, io::Read, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, SeqAccess, Visitor},
};

use super::consistency::Contradiction;
use crate::{
    measure::{DecodeError, NotConserved},
    units::named,
};

/// Largest number of intervals in a document; a longer run has longer intervals.
const MOST_INTERVALS: usize = 1_024;

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// Result of a run.
    Summary,
    /// Result of a grid of runs.
    Sweep,
    /// Result of a search for size limits.
    Limits,
    /// Result of runs with and without refused calls.
    Interference,
    /// Comparison of runs with other runs.
    Comparison,
    /// Verdict of a gate.
    Verdict,
    /// Result of a single call.
    Reply,
    /// Methods that can be called.
    Methods,
    /// Announcement of a server that has started to serve.
    Announcement,
}

named!(DocumentKind, "document", {
    Summary => "summary",
    Sweep => "sweep",
    Limits => "limits",
    Interference => "interference",
    Comparison => "comparison",
    Verdict => "verdict",
    Reply => "reply",
    Methods => "methods",
    Announcement => "announcement",
});

impl DocumentKind {
    /// Returns the schema that this program writes: the value of a document's `schema`.
    #[must_use]
    pub const fn schema(self) -> &'static str {
        match self {
            Self::Summary => "plimsoll.summary/2",
            Self::Sweep => "plimsoll.sweep/1",
            Self::Limits => "plimsoll.limits/1",
            Self::Interference => "plimsoll.neighbours/1",
            Self::Comparison => "plimsoll.comparison/1",
            Self::Verdict => "plimsoll.verdict/1",
            Self::Reply => "plimsoll.call/1",
            Self::Methods => "plimsoll.methods/1",
            Self::Announcement => "plimsoll.serve/1",
        }
    }

    /// Returns schemas of earlier versions that this program still reads.
    #[must_use]
    pub const fn earlier_schemas(self) -> &'static [&'static str] {
        match self {
            Self::Summary => &["plimsoll.summary/1"],
            _ => &[],
        }
    }

    /// Returns the kind in words, with the command that writes such documents.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Summary => "a result of `plimsoll run`",
            Self::Sweep => "a result of `plimsoll sweep`",
            Self::Limits => "a result of `plimsoll limits`",
            Self::Interference => "a result of `plimsoll interference`",
            Self::Comparison => "a result of `plimsoll compare`",
            Self::Verdict => "a verdict of `plimsoll gate`",
            Self::Reply => "a reply of `plimsoll call`",
            Self::Methods => "a list of `plimsoll methods`",
            Self::Announcement => "an announcement of `plimsoll serve`",
        }
    }

    /// Returns the kind of documents with this schema. `needed` is the expected kind, for the error.
    ///
    /// # Errors
    /// No kind has this schema.
    pub(crate) fn of_schema(schema: &str, needed: Self) -> Result<Self, ReadError> {
        let is_own = |kind: &&Self| kind.schema() == schema || kind.earlier_schemas().contains(&schema);
        Self::VALUES.iter().find(is_own).copied().ok_or_else(|| {
            let (schema, needed) = (schema.to_owned(), needed.schema());
            if schema.starts_with("plimsoll.") {
                ReadError::Version { schema, needed }
            } else {
                ReadError::Foreign { schema, needed }
            }
        })
    }

    /// Checks that a schema belongs to this kind.
    ///
    /// # Errors
    /// The schema belongs to another kind, to another version, or to another program.
    pub(crate) fn check(self, schema: &str) -> Result<(), ReadError> {
        match Self::of_schema(schema, self)? {
            kind if kind == self => Ok(()),
            kind => Err(ReadError::Other { schema: schema.to_owned(), kind, needed: self }),
        }
    }
}

/// A document that this program can read back.
pub trait Document: DeserializeOwned {
    /// Kind of the document.
    const KIND: DocumentKind;

    /// Returns the document after checking that its figures agree with each other.
    ///
    /// # Errors
    /// Two figures contradict each other.
    fn checked(self) -> Result<Self, ReadError>;
}

/// Reason why a document cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Invalid JSON, or a missing field.
    #[error("it is not {}", .0.words())]
    Json(DocumentKind, #[source] serde_json::Error),
    /// A document without a schema.
    #[error("it has no `schema`, so it is not {}", .0.words())]
    NoSchema(DocumentKind),
    /// Another kind of document of this program.
    #[error("it is {} (`{schema}`), and {} is needed", .kind.words(), .needed.words())]
    Other {
        /// Its schema.
        schema: String,
        /// Its kind.
        kind: DocumentKind,
        /// The expected kind.
        needed: DocumentKind,
    },
    /// A version that this program does not read.
    #[error(
        "its schema is `{schema}`, and this plimsoll reads `{needed}`; use the version of plimsoll that wrote it, or write it again"
    )]
    Version {
        /// Its schema.
        schema: String,
        /// The expected schema.
        needed: &'static str,
    },
    /// A schema of another program.
    #[error("its schema is `{schema}`, which is not a schema of plimsoll; expected `{needed}`")]
    Foreign {
        /// Its schema.
        schema: String,
        /// The expected schema.
        needed: &'static str,
    },
    /// An error in a document within this document.
    #[error("{0} cannot be used")]
    Part(String, #[source] Box<Self>),
    /// Sums of calls that do not agree.
    #[error("its calls do not add up")]
    NotConserved(#[from] NotConserved),
    /// A histogram that cannot be decoded.
    #[error(transparent)]
    Histogram(#[from] DecodeError),
    /// A figure that contradicts the rest of the document.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
}

impl ReadError {
    /// Returns the error as one of a document within another document.
    pub(crate) fn within(self, part: impl fmt::Display) -> Self {
        Self::Part(part.to_string(), Box::new(self))
    }
}

/// The first field of every document.
#[derive(Deserialize)]
struct Head {
    schema: Option<String>,
}

/// Returns the schema of a document without keeping the rest in memory. `needed` is the expected kind.
pub(crate) fn schema_of(document: &[u8], needed: DocumentKind) -> Result<String, ReadError> {
    let head: Head = serde_json::from_slice(document).map_err(|error| ReadError::Json(needed, error))?;
    head.schema.ok_or(ReadError::NoSchema(needed))
}

/// Reads a document.
///
/// # Errors
/// The document is of another kind, or its figures contradict each other.
pub(crate) fn read<T: Document>(mut reader: impl Read) -> Result<T, ReadError> {
    let mut document = Vec::new();
    let read = reader.read_to_end(&mut document);
    read.map_err(|error| ReadError::Json(T::KIND, serde_json::Error::io(error)))?;
    parse::<T>(&document)?.checked()
}

/// Parses a document whose figures the caller checks, as far as it uses them.
pub(crate) fn parse<T: Document>(document: &[u8]) -> Result<T, ReadError> {
    T::KIND.check(&schema_of(document, T::KIND)?)?;
    serde_json::from_slice(document).map_err(|error| ReadError::Json(T::KIND, error))
}

/// Reads intervals. More intervals than a run can have are an error before they take memory.
pub(crate) fn intervals<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Rows<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Rows<T> {
        type Value = Vec<T>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(formatter, "at most {MOST_INTERVALS} intervals")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Vec<T>, A::Error> {
            let mut read = Vec::new();
            while let Some(row) = rows.next_element()? {
                if read.len() == MOST_INTERVALS {
                    return Err(A::Error::invalid_length(read.len() + 1, &self));
                }
                read.push(row);
            }
            Ok(read)
        }
    }
    deserializer.deserialize_seq(Rows(PhantomData))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn there_are_no_more_intervals_than_a_run_has() {
        #[derive(Debug, Deserialize)]
        struct Document {
            #[serde(deserialize_with = "intervals")]
            rows: Vec<u8>,
        }
        let read = |count: usize| {
            serde_json::from_str::<Document>(&json!({ "rows": vec![0; count] }).to_string())
                .map(|it| it.rows.len())
        };
        assert_eq!(read(MOST_INTERVALS).expect("as many as a run has"), MOST_INTERVALS);
        assert!(read(MOST_INTERVALS + 1).expect_err("one too many").to_string().contains("1024 intervals"));
    }
}
