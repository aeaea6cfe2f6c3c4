//! Tables of a type, for the reader of replies.

use std::collections::HashMap;

use prost_reflect::{ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use crate::rpc::shape::{Content, Field, Shape, TypeTable};

/// Makes the tables of a type, and of all types within it.
pub(super) fn shape_of(root: &MessageDescriptor) -> Shape {
    let mut indices = HashMap::from([(root.full_name().to_owned(), 0)]);
    let mut types = vec![root.clone()];
    let mut tables = Vec::new();
    // Each table may add further types to the list.
    while let Some(of_type) = types.get(tables.len()).cloned() {
        let mut index = |message: &MessageDescriptor| {
            *indices.entry(message.full_name().to_owned()).or_insert_with(|| {
                types.push(message.clone());
                u32::try_from(types.len() - 1).unwrap_or(Shape::UNTYPED)
            })
        };
        let own = of_type
            .fields()
            .map(|field: FieldDescriptor| (field.number(), field.kind(), field.is_group(), field.is_list()));
        let extended = of_type.extensions().map(|field: ExtensionDescriptor| {
            (field.number(), field.kind(), field.is_group(), field.is_list())
        });
        let fields: Vec<_> = own
            .chain(extended)
            .map(|(number, kind, is_group, is_list)| {
                let content = content(&kind, is_group, &mut index);
                let is_number = matches!(content, Content::Varint | Content::Fixed32 | Content::Fixed64);
                (number, Field { content, is_packable: is_list && is_number })
            })
            .collect();
        tables.push(TypeTable::new(fields, of_type.is_map_entry()));
    }
    Shape::of(tables)
}

fn content(kind: &Kind, is_group: bool, index: &mut impl FnMut(&MessageDescriptor) -> u32) -> Content {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Content::Fixed64,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Content::Fixed32,
        Kind::Int32
        | Kind::Int64
        | Kind::Uint32
        | Kind::Uint64
        | Kind::Sint32
        | Kind::Sint64
        | Kind::Bool
        | Kind::Enum(_) => Content::Varint,
        Kind::String => Content::Text,
        Kind::Bytes => Content::Bytes,
        Kind::Message(message) if is_group => Content::Group(index(message)),
        Kind::Message(message) => Content::Message(index(message)),
    }
}

#[cfg(test)]
#[path = "tables_tests.rs"]
mod tests;
