//! A document of each kind, as a file may contain it, and its text for a person.

use plimsoll::{
    measure::Build,
    report::{Format, SavedDocument, formats::TABLE, history},
    result::DocumentKind,
};
use serde_json::Value;

use crate::golden_documents::golden_document;

/// Kinds that can be read back.
const KINDS: [DocumentKind; 6] = [
    DocumentKind::Summary,
    DocumentKind::Sweep,
    DocumentKind::Limits,
    DocumentKind::Interference,
    DocumentKind::Comparison,
    DocumentKind::Verdict,
];

/// Returns the documents.
pub(crate) fn documents() -> Vec<(DocumentKind, Value)> {
    KINDS.into_iter().map(|kind| (kind, document(kind))).collect()
}

/// Returns the document of this kind, and its runs, as written by this build. Figures of another build would be
/// computed again instead of refused.
pub(crate) fn document(kind: DocumentKind) -> Value {
    let this = serde_json::to_value(Build::this()).expect("plain data");
    written_by(&serde_json::from_slice(&golden_document(kind)).expect("JSON"), &this)
}

/// Returns a document, and its runs, as written by this build.
pub(crate) fn written_by(document: &Value, build: &Value) -> Value {
    let mut document = document.clone();
    match &mut document {
        Value::Array(items) => items.iter_mut().for_each(|item| *item = written_by(item, build)),
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                *value = if key == "plimsoll" { build.clone() } else { written_by(value, build) };
            }
        }
        _ => {}
    }
    document
}

/// Returns a document in every format for people and CI services; the error if it is refused.
pub(crate) fn shown(document: &Value) -> Result<String, String> {
    let said = |error: &dyn std::error::Error| {
        let chain = std::iter::successors(Some(error), |error| error.source());
        chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    };
    let saved = SavedDocument::read(document.to_string().as_bytes()).map_err(|error| said(&error))?;
    let kind = DocumentKind::VALUES.iter().find(|kind| document["schema"] == kind.schema());
    let mut out = Vec::new();
    // JSON holds a text as it is, with escapes: its own tests are in report.
    for (_, format) in TABLE.iter().filter(|(of, format)| Some(of) == kind && *format != Format::Json) {
        saved.write(*format, &mut out).expect("memory takes any bytes");
    }
    if let SavedDocument::Verdict(verdict) = &saved {
        let _ = history::append(verdict, history::Row { commit: "abc" }, &b""[..], &mut out);
    }
    Ok(String::from_utf8(out).expect("UTF-8"))
}

/// Returns the places of all values in a document for which `is_one` is true.
pub(crate) fn places(document: &Value, is_one: &dyn Fn(&Value) -> bool) -> Vec<String> {
    fn walk(value: &Value, place: &str, is_one: &dyn Fn(&Value) -> bool, found: &mut Vec<String>) {
        if is_one(value) {
            found.push(place.to_owned());
        }
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    walk(item, &format!("{place}/{index}"), is_one, found);
                }
            }
            Value::Object(fields) => {
                for (name, item) in fields {
                    walk(item, &format!("{place}/{name}"), is_one, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(document, "", is_one, &mut found);
    found
}

/// Returns the document with another value at one place.
pub(crate) fn with(document: &Value, place: &str, value: Value) -> Value {
    let mut changed = document.clone();
    *changed.pointer_mut(place).expect("a place of this document") = value;
    changed
}
