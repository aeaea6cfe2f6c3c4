//! Consistency checks: figures that follow from others are computed again when a document is read.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::finding::{Finding, FindingKind};

/// Largest relative difference due to another order of computation or another processor.
const TOLERANCE: f64 = 1e-6;

/// A contradiction between one figure of a document and the rest of the document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} is {written} in the file, but the other figures of the file give {expected}: the file was edited; measure again"
)]
pub struct Contradiction {
    what: String,
    written: String,
    expected: String,
}

impl Contradiction {
    pub(crate) fn new(what: &str, written: impl fmt::Display, expected: impl fmt::Display) -> Self {
        Self { what: what.to_owned(), written: written.to_string(), expected: expected.to_string() }
    }

    /// Returns the finding for a document of another build, whose figures this build computed again.
    pub(crate) fn finding(&self) -> Finding {
        let Self { what, written, expected } = self;
        Finding::note(
            FindingKind::FileSaysOtherwise,
            format!("{what} is {written} in the file, but its counts give {expected}"),
            "another build of plimsoll wrote it; the figures here are this build's, computed from what was counted",
        )
    }
}

/// Checks that two values are equal.
pub(crate) fn same<T: PartialEq + fmt::Display>(
    what: &str,
    written: T,
    expected: T,
) -> Result<(), Contradiction> {
    if written == expected { Ok(()) } else { Err(Contradiction::new(what, written, expected)) }
}

/// Checks that a condition holds.
pub(crate) fn holds(
    what: &str,
    written: impl fmt::Display,
    expected: &str,
    is_so: bool,
) -> Result<(), Contradiction> {
    if is_so { Ok(()) } else { Err(Contradiction::new(what, written, expected)) }
}

/// Checks that two figures are equal, except for rounding.
pub(crate) fn near(what: &str, written: f64, expected: f64) -> Result<(), Contradiction> {
    if is_near(written, expected) {
        return Ok(());
    }
    // A figure from outside may have 300 digits.
    Err(Contradiction::new(what, format!("{written:?}"), format!("{expected:?}")))
}

fn is_near(left: f64, right: f64) -> bool {
    (left - right).abs() <= TOLERANCE * left.abs().max(right.abs())
}

/// Checks that two parts of documents are equal, except for rounding. The error names the first difference.
pub(crate) fn alike(
    what: &str,
    written: &impl Serialize,
    expected: &impl Serialize,
) -> Result<(), Contradiction> {
    let value = |part: Result<Value, serde_json::Error>| part.unwrap_or(Value::Null);
    differing(what, &value(serde_json::to_value(written)), &value(serde_json::to_value(expected)))
}

fn differing(place: &str, written: &Value, expected: &Value) -> Result<(), Contradiction> {
    match (written, expected) {
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let pairs = left.iter().zip(right).enumerate();
            pairs
                .into_iter()
                .try_for_each(|(index, (left, right))| differing(&format!("{place}[{index}]"), left, right))
        }
        (Value::Object(left), Value::Object(right)) => left.keys().chain(right.keys()).try_for_each(|key| {
            let of =
                |fields: &serde_json::Map<String, Value>| fields.get(key).cloned().unwrap_or(Value::Null);
            differing(&format!("{place}.{key}"), &of(left), &of(right))
        }),
        (Value::Number(left), Value::Number(right))
            if left.as_f64().zip(right.as_f64()).is_some_and(|(left, right)| is_near(left, right)) =>
        {
            Ok(())
        }
        (left, right) if left == right => Ok(()),
        (left, right) => Err(Contradiction::new(place, left, right)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        let written = json!({ "a": [1, { "b": 2.0 }], "c": null });
        assert_eq!(alike("it", &written, &json!({ "a": [1, { "b": 2.000_000_1 }] })), Ok(()));
        let error =
            alike("it", &written, &json!({ "a": [1, { "b": 3 }] })).expect_err("2 is not 3").to_string();
        assert!(
            error.starts_with("it.a[1].b is 2.0 in the file, but the other figures of the file give 3:"),
            "{error}"
        );
        assert!(alike("it", &written, &json!({ "a": [1] })).is_err());
    }
}
