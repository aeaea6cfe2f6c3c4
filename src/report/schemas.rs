//! JSON Schemas of the documents, as this version writes them.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Value, json};

use super::{announcement::Announcement, methods::Methods};
use crate::{
    client::Reply,
    experiment::{
        compare::Comparison, gate::Verdict, interference::Interference, limits::Limits, sweep::Sweep,
    },
    result::{DocumentKind, summary::Summary},
};

/// Returns the JSON Schema (draft 2020-12) of a kind of document.
#[must_use]
pub fn json_schema(kind: DocumentKind) -> Value {
    match kind {
        DocumentKind::Summary => of::<Summary>(kind),
        DocumentKind::Sweep => of::<Sweep>(kind),
        DocumentKind::Limits => of::<Limits>(kind),
        DocumentKind::Interference => of::<Interference>(kind),
        DocumentKind::Comparison => of::<Comparison>(kind),
        DocumentKind::Verdict => of::<Verdict>(kind),
        DocumentKind::Reply => of::<Reply>(kind),
        DocumentKind::Methods => of::<Methods>(kind),
        DocumentKind::Announcement => of::<Announcement>(kind),
    }
}

fn of<T: JsonSchema>(kind: DocumentKind) -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    schema["title"] = kind.words().into();
    schema["properties"]["schema"] = json!({ "const": kind.schema() });
    schema
}
