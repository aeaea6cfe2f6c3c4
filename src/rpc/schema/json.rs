//! Messages as JSON, by protobuf's canonical mapping: <https://protobuf.dev/programming-guides/json/>.

use std::{
    collections::HashSet,
    fmt::{self, Write as _},
};

use prost_reflect::{
    DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, SerializeOptions,
};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value as Json;

use crate::units::nearest;

/// Error of a message that is written as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct JsonError {
    /// Line of the fault in the message's text, from 1.
    pub line: usize,
    /// Column of the fault in its line, from 1.
    pub column: usize,
    /// The fault.
    pub what: String,
}

/// Reads a message from JSON. Unknown fields are a fault, unless `allows_unknown` is set.
pub(super) fn parse(
    of_type: &MessageDescriptor,
    text: &str,
    allows_unknown: bool,
) -> Result<DynamicMessage, JsonError> {
    // The reader of messages would take the last of two values.
    let unique: Result<UniqueKeys, _> = serde_json::from_str(text);
    if let Some(error) = unique.err().filter(serde_json::Error::is_data) {
        return Err(fault(&error, said(&error)));
    }
    let options = DeserializeOptions::new().deny_unknown_fields(!allows_unknown);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let result = DynamicMessage::deserialize_with_options(of_type.clone(), &mut deserializer, &options);
    result.and_then(|message| deserializer.end().map(|()| message)).map_err(|error| {
        let what = if error.is_data() { unknown_field(of_type, text) } else { None };
        fault(&error, what.unwrap_or_else(|| said(&error)))
    })
}

fn fault(error: &serde_json::Error, what: String) -> JsonError {
    JsonError { line: error.line().max(1), column: error.column().max(1), what }
}

/// The words of an error without its position, which is said apart.
fn said(error: &serde_json::Error) -> String {
    let said = error.to_string();
    said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said).to_owned()
}

/// Any JSON without two values of one key.
struct UniqueKeys;

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueKeysVisitor)
    }
}

struct UniqueKeysVisitor;

impl<'de> Visitor<'de> for UniqueKeysVisitor {
    type Value = UniqueKeys;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_i64<E>(self, _: i64) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_u64<E>(self, _: u64) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_f64<E>(self, _: f64) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_str<E>(self, _: &str) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_unit<E>(self) -> Result<UniqueKeys, E> {
        Ok(UniqueKeys)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<UniqueKeys, A::Error> {
        while values.next_element::<UniqueKeys>()?.is_some() {}
        Ok(UniqueKeys)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<UniqueKeys, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if keys.contains(&key) {
                return Err(A::Error::custom(format!("the key \"{key}\" occurs twice")));
            }
            keys.insert(key);
            entries.next_value::<UniqueKeys>()?;
        }
        Ok(UniqueKeys)
    }
}

/// Writes a message as JSON. With `emits_defaults`, fields that hold their default are written too.
pub(super) fn written(message: &DynamicMessage, emits_defaults: bool) -> Result<String, serde_json::Error> {
    let options = SerializeOptions::new().skip_default_fields(!emits_defaults);
    let mut bytes = Vec::new();
    message.serialize_with_options(&mut serde_json::Serializer::pretty(&mut bytes), &options)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Names the first field of the text that its type does not have, with the nearest one that it has.
fn unknown_field(of_type: &MessageDescriptor, text: &str) -> Option<String> {
    let json: Json = serde_json::from_str(text).ok()?;
    let (of_type, name) = unknown_in(of_type, &json)?;
    let known: Vec<FieldDescriptor> = of_type.fields().collect();
    let mut said = format!("{} has no field \"{name}\"", of_type.full_name());
    // Writing to a string cannot fail.
    let _ = match nearest(&name, known.iter().map(FieldDescriptor::name)) {
        Some(near) => write!(said, "; did you mean \"{near}\"?"),
        None if known.is_empty() => write!(said, "; it has no fields"),
        None => {
            let names: Vec<_> = known.iter().map(FieldDescriptor::name).collect();
            write!(said, "; it has {}", names.join(", "))
        }
    };
    Some(said)
}

fn unknown_in(of_type: &MessageDescriptor, json: &Json) -> Option<(MessageDescriptor, String)> {
    // Types with a JSON form of their own have no fields in JSON.
    if of_type.full_name().starts_with("google.protobuf.") {
        return None;
    }
    json.as_object()?.iter().find_map(|(name, value)| {
        let field = of_type.get_field_by_json_name(name).or_else(|| of_type.get_field_by_name(name));
        let Some(field) = field else {
            let is_extension = name.starts_with('[');
            return (!is_extension).then(|| (of_type.clone(), name.clone()));
        };
        let Kind::Message(inner) = field.kind() else { return None };
        if field.is_map() {
            let Kind::Message(of_value) = inner.map_entry_value_field().kind() else { return None };
            return value.as_object()?.values().find_map(|value| unknown_in(&of_value, value));
        }
        match value.as_array() {
            Some(values) => values.iter().find_map(|value| unknown_in(&inner, value)),
            None => unknown_in(&inner, value),
        }
    })
}
