//! Documents that are no results of `run`, and what they are called.

use super::document::ReadError;

/// The other documents of this program, by their schemas.
const OTHERS: [(&str, &str); 7] = [
    ("plimsoll.limits/1", "a result of `plimsoll limits`"),
    ("plimsoll.sweep/1", "a result of `plimsoll sweep`"),
    ("plimsoll.neighbours/1", "a result of `plimsoll interference`"),
    ("plimsoll.comparison/1", "a result of `plimsoll compare`"),
    ("plimsoll.verdict/1", "a verdict of `plimsoll gate`"),
    ("plimsoll.call/1", "a reply of `plimsoll call`"),
    ("plimsoll.serve/1", "an announcement of `plimsoll serve`"),
];

impl ReadError {
    /// Of a document with this schema.
    pub(super) fn of_schema(schema: &str) -> Self {
        let schema = schema.to_owned();
        match OTHERS.iter().find(|(other, _)| *other == schema) {
            Some((_, kind)) => Self::Other { schema, kind },
            None if schema.starts_with("plimsoll.") => Self::Version(schema),
            None => Self::Schema(schema),
        }
    }
}
