//! Encoding of a message: the same bytes in each process.
//!
//! A map's entries have no order of their own. They are written in the order of their keys, so that two runs
//! send the same bytes, and a reply can be compared byte by byte.

use std::collections::HashSet;

use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint},
};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage, Value,
};

/// Encodes a message. Fields in `implicit` that hold their default are left out.
pub(super) fn encode(message: &mut DynamicMessage, implicit: &HashSet<String>, has_maps: bool) -> Vec<u8> {
    if !implicit.is_empty() {
        leave_out_defaults(message, implicit);
    }
    if has_maps {
        let mut out = Vec::new();
        write(message, &mut out);
        out
    } else {
        message.encode_to_vec()
    }
}

/// Returns true if the type, or a type within it, has a map.
pub(super) fn has_maps(of_type: &MessageDescriptor) -> bool {
    let mut seen = HashSet::from([of_type.full_name().to_owned()]);
    let mut open = vec![of_type.clone()];
    while let Some(next) = open.pop() {
        for field in next.fields() {
            if field.is_map() {
                return true;
            }
            if let Kind::Message(inner) = field.kind()
                && seen.insert(inner.full_name().to_owned())
            {
                open.push(inner);
            }
        }
    }
    // A value of any type may come from an extension or from `Any`.
    false
}

fn leave_out_defaults(message: &mut DynamicMessage, implicit: &HashSet<String>) {
    let defaults: Vec<FieldDescriptor> = message
        .fields()
        .filter(|(field, value)| implicit.contains(field.full_name()) && value.is_default(&field.kind()))
        .map(|(field, _)| field)
        .collect();
    for field in &defaults {
        message.clear_field(field);
    }
    for (_, value) in message.fields_mut() {
        for_messages(value, &mut |inner| leave_out_defaults(inner, implicit));
    }
}

fn for_messages(value: &mut Value, act: &mut impl FnMut(&mut DynamicMessage)) {
    match value {
        Value::Message(message) => act(message),
        Value::List(values) => values.iter_mut().for_each(|value| for_messages(value, act)),
        Value::Map(entries) => entries.values_mut().for_each(|value| for_messages(value, act)),
        _ => {}
    }
}

fn write(message: &DynamicMessage, out: &mut Vec<u8>) {
    for (field, value) in message.fields() {
        write_field(message, &field, value, out);
    }
    let mut rest = DynamicMessage::new(message.descriptor());
    for (extension, value) in message.extensions() {
        rest.set_extension(&extension, value.clone());
    }
    out.extend(rest.encode_to_vec());
}

fn write_field(message: &DynamicMessage, field: &FieldDescriptor, value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Map(entries) => {
            let Kind::Message(entry) = field.kind() else { return };
            let mut sorted: Vec<(&MapKey, &Value)> = entries.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            for (key, value) in sorted {
                let mut bytes = Vec::new();
                for (part, value) in [
                    (entry.map_entry_key_field(), Value::from(key.clone())),
                    (entry.map_entry_value_field(), value.clone()),
                ] {
                    let mut single = DynamicMessage::new(entry.clone());
                    single.set_field(&part, value);
                    write(&single, &mut bytes);
                }
                write_bytes(field.number(), &bytes, out);
            }
        }
        Value::Message(inner) if field.is_group() => write_group(field.number(), inner, out),
        Value::Message(inner) => write_message(field.number(), inner, out),
        Value::List(values) if matches!(field.kind(), Kind::Message(_)) => {
            for inner in values.iter().filter_map(Value::as_message) {
                if field.is_group() {
                    write_group(field.number(), inner, out);
                } else {
                    write_message(field.number(), inner, out);
                }
            }
        }
        _ => {
            let mut single = DynamicMessage::new(message.descriptor());
            single.set_field(field, value.clone());
            out.extend(single.encode_to_vec());
        }
    }
}

fn write_message(number: u32, message: &DynamicMessage, out: &mut Vec<u8>) {
    let mut bytes = Vec::new();
    write(message, &mut bytes);
    write_bytes(number, &bytes, out);
}

fn write_group(number: u32, message: &DynamicMessage, out: &mut Vec<u8>) {
    encode_key(number, WireType::StartGroup, out);
    write(message, out);
    encode_key(number, WireType::EndGroup, out);
}

fn write_bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}
