//! A request as JSON to start from, and the fields that can grow.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value as Json, json};

/// Deepest nesting that is shown. A type may contain itself.
const DEEPEST: usize = 4;

/// Makes a message with every field, each with a value that shows its type.
pub(super) fn skeleton(of_type: &MessageDescriptor) -> Json {
    message(of_type, 0)
}

/// Lists the paths of fields with a string or bytes, which can make a message larger.
pub(super) fn growable(of_type: &MessageDescriptor) -> Vec<String> {
    let mut paths = Vec::new();
    collect(of_type, "", 0, &mut paths);
    paths
}

fn message(of_type: &MessageDescriptor, depth: usize) -> Json {
    match of_type.full_name() {
        "google.protobuf.Timestamp" => return json!("1970-01-01T00:00:00Z"),
        "google.protobuf.Duration" => return json!("0s"),
        "google.protobuf.FieldMask" | "google.protobuf.StringValue" | "google.protobuf.BytesValue" => {
            return json!("");
        }
        "google.protobuf.BoolValue" => return json!(false),
        "google.protobuf.Int64Value" | "google.protobuf.UInt64Value" => return json!("0"),
        "google.protobuf.Int32Value"
        | "google.protobuf.UInt32Value"
        | "google.protobuf.FloatValue"
        | "google.protobuf.DoubleValue" => return json!(0),
        "google.protobuf.Value" => return Json::Null,
        "google.protobuf.ListValue" => return json!([]),
        "google.protobuf.Struct" | "google.protobuf.Empty" => return json!({}),
        "google.protobuf.Any" => {
            return json!({ "@type": "type.googleapis.com/google.protobuf.Empty", "value": {} });
        }
        _ => {}
    }
    let mut fields = Map::new();
    for field in of_type.fields() {
        // Of the fields of a `oneof`, only one may be set.
        let is_further = field
            .containing_oneof()
            .is_some_and(|one| one.fields().next().is_some_and(|first| first.number() != field.number()));
        if !is_further {
            fields.insert(field.name().to_owned(), value(&field, depth));
        }
    }
    Json::Object(fields)
}

fn value(field: &FieldDescriptor, depth: usize) -> Json {
    if field.is_map() {
        return json!({});
    }
    let single = single(&field.kind(), depth);
    if field.is_list() { if single.is_null() { json!([]) } else { json!([single]) } } else { single }
}

fn single(kind: &Kind, depth: usize) -> Json {
    match kind {
        Kind::Double
        | Kind::Float
        | Kind::Int32
        | Kind::Sint32
        | Kind::Sfixed32
        | Kind::Uint32
        | Kind::Fixed32 => {
            json!(0)
        }
        // The canonical mapping writes 64-bit integers as strings.
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 | Kind::Uint64 | Kind::Fixed64 => json!("0"),
        Kind::Bool => json!(false),
        Kind::String | Kind::Bytes => json!(""),
        Kind::Enum(of_values) => json!(of_values.default_value().name()),
        Kind::Message(inner) if depth < DEEPEST => message(inner, depth + 1),
        Kind::Message(_) => Json::Null,
    }
}

fn collect(of_type: &MessageDescriptor, before: &str, depth: usize, paths: &mut Vec<String>) {
    for field in of_type.fields() {
        if field.is_map() {
            continue;
        }
        let index = if field.is_list() { "[0]" } else { "" };
        let path = format!("{before}{}{index}", field.name());
        match field.kind() {
            Kind::String | Kind::Bytes => paths.push(path),
            Kind::Message(inner) if depth < DEEPEST && !inner.full_name().starts_with("google.protobuf.") => {
                collect(&inner, &format!("{path}."), depth + 1, paths);
            }
            _ => {}
        }
    }
}
