//! Descriptors in editions 2023 and 2024, lowered to proto2, which the descriptor pool can read.
//!
//! Editions have features in place of the two syntaxes: <https://protobuf.dev/editions/features/>. Only three
//! of them change the encoding: `field_presence`, `repeated_field_encoding` and `message_encoding`. They are
//! inherited from the file to its messages, and from messages to fields.

use prost::Message;
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FieldOptions, FileDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

/// Presence of a field in editions: it has none.
const IMPLICIT: i32 = 2;
/// Presence of a field in editions: a message without it is not valid.
const LEGACY_REQUIRED: i32 = 3;
/// Encoding of repeated numbers in editions: one field for each.
const EXPANDED: i32 = 2;
/// Encoding of a message in editions: between the marks of a group.
const DELIMITED: i32 = 2;

/// The part of a file's descriptor that `prost_types` does not have.
#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(message, repeated, tag = "4")]
    messages: Vec<Type_>,
    #[prost(message, repeated, tag = "7")]
    extensions: Vec<Field>,
    #[prost(message, optional, tag = "8")]
    options: Option<FileOptions>,
    #[prost(int32, optional, tag = "14")]
    edition: Option<i32>,
}

/// A message's descriptor.
#[derive(Clone, PartialEq, Message)]
struct Type_ {
    #[prost(message, repeated, tag = "2")]
    fields: Vec<Field>,
    #[prost(message, repeated, tag = "3")]
    nested: Vec<Type_>,
    #[prost(message, repeated, tag = "6")]
    extensions: Vec<Field>,
    #[prost(message, optional, tag = "7")]
    options: Option<MessageOptions>,
}

/// A field's descriptor.
#[derive(Clone, PartialEq, Message)]
struct Field {
    #[prost(message, optional, tag = "8")]
    options: Option<FieldFeatures>,
}

#[derive(Clone, PartialEq, Message)]
struct FileOptions {
    #[prost(message, optional, tag = "50")]
    features: Option<FeatureSet>,
}

#[derive(Clone, PartialEq, Message)]
struct MessageOptions {
    #[prost(message, optional, tag = "12")]
    features: Option<FeatureSet>,
}

#[derive(Clone, PartialEq, Message)]
struct FieldFeatures {
    #[prost(message, optional, tag = "21")]
    features: Option<FeatureSet>,
}

/// The features that change the encoding.
#[derive(Clone, Copy, PartialEq, Message)]
struct FeatureSet {
    #[prost(int32, optional, tag = "1")]
    field_presence: Option<i32>,
    #[prost(int32, optional, tag = "3")]
    repeated_field_encoding: Option<i32>,
    #[prost(int32, optional, tag = "5")]
    message_encoding: Option<i32>,
}

impl FeatureSet {
    /// Returns these features, where they are not set again.
    fn with(self, own: Option<&Self>) -> Self {
        let own = own.copied().unwrap_or_default();
        Self {
            field_presence: own.field_presence.or(self.field_presence),
            repeated_field_encoding: own.repeated_field_encoding.or(self.repeated_field_encoding),
            message_encoding: own.message_encoding.or(self.message_encoding),
        }
    }
}

/// Decodes a file's descriptor. One in an edition is lowered, and the full names of its fields without presence
/// are added to `implicit`.
///
/// # Errors
/// Fails if the bytes are no descriptor.
pub(super) fn decode(
    bytes: &[u8],
    implicit: &mut Vec<String>,
) -> Result<FileDescriptorProto, prost::DecodeError> {
    let mut file = FileDescriptorProto::decode(bytes)?;
    if file.syntax() != "editions" {
        return Ok(file);
    }
    let features = File::decode(bytes)?;
    let of_file = FeatureSet::default().with(features.options.and_then(|options| options.features).as_ref());
    file.syntax = Some("proto2".to_owned());
    let package = file.package().to_owned();
    lower_fields(&mut file.extension, &features.extensions, of_file, &package, implicit);
    lower_messages(&mut file.message_type, &features.messages, of_file, &package, implicit);
    Ok(file)
}

fn lower_messages(
    messages: &mut [DescriptorProto],
    features: &[Type_],
    around: FeatureSet,
    scope: &str,
    implicit: &mut Vec<String>,
) {
    for (message, features) in messages.iter_mut().zip(features) {
        let own = around.with(features.options.as_ref().and_then(|options| options.features.as_ref()));
        let scope = joined(scope, message.name());
        // The fields of a map's entry are those of the language, not of the file.
        let is_entry = message.options.as_ref().is_some_and(prost_types::MessageOptions::map_entry);
        let of_fields = if is_entry { FeatureSet::default() } else { own };
        lower_fields(&mut message.field, &features.fields, of_fields, &scope, implicit);
        lower_fields(&mut message.extension, &features.extensions, own, &scope, implicit);
        lower_messages(&mut message.nested_type, &features.nested, own, &scope, implicit);
    }
}

fn lower_fields(
    fields: &mut [FieldDescriptorProto],
    features: &[Field],
    around: FeatureSet,
    scope: &str,
    implicit: &mut Vec<String>,
) {
    for (field, features) in fields.iter_mut().zip(features) {
        let own = around.with(features.options.as_ref().and_then(|options| options.features.as_ref()));
        let is_message = field.r#type() == Type::Message;
        if field.label() == Label::Repeated {
            if is_packable(field.r#type()) {
                let is_packed = own.repeated_field_encoding != Some(EXPANDED);
                field.options.get_or_insert_with(FieldOptions::default).packed = Some(is_packed);
            }
        } else if own.field_presence == Some(LEGACY_REQUIRED) {
            field.set_label(Label::Required);
        } else if own.field_presence == Some(IMPLICIT) && !is_message && field.oneof_index.is_none() {
            implicit.push(joined(scope, field.name()));
        }
        if is_message && own.message_encoding == Some(DELIMITED) {
            field.set_type(Type::Group);
        }
    }
}

fn is_packable(kind: Type) -> bool {
    !matches!(kind, Type::String | Type::Bytes | Type::Message | Type::Group)
}

fn joined(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}
