//! Schemas from sources, from sets, and with what is often wrong in them.

use std::{fs, path::Path};

use prost::Message as _;
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MethodDescriptorProto,
    ServiceDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

use super::*;
use crate::rpc::format_data::{DESCRIPTOR, Data};

const RPC: &str = r#"
syntax = "proto3";
package shop.v1;
import "gogoproto/gogo.proto";
import "google/api/annotations.proto";
import "google/protobuf/timestamp.proto";
import "shop/money.proto";
option (gogoproto.marshaler_all) = true;
service Cart {
  rpc Get(GetRequest) returns (GetReply) { option (google.api.http) = { post: "/v1/get" body: "*" }; }
  rpc Watch(GetRequest) returns (stream GetReply) {}
}
message GetRequest {
  string cart_id = 1 [(gogoproto.customname) = "ID"];
  int64 limit = 2 [json_name = "most"];
  map<string, int32> counts = 3;
  google.protobuf.Timestamp since = 4;
}
message GetReply { repeated shop.Money prices = 1; }
"#;

const MONEY: &str = "syntax = \"proto3\"; package shop; message Money { int64 units = 1; }";

fn folder(money: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("rpc.proto"), RPC).expect("writable");
    if money {
        fs::create_dir(folder.path().join("shop")).expect("writable");
        fs::write(folder.path().join("shop/money.proto"), MONEY).expect("writable");
    }
    folder
}

fn compiled(folder: &Path) -> Result<Schema, SchemaError> {
    Schema::compile(&[folder.join("rpc.proto")], &[folder.to_path_buf()])
}

fn name(text: &str) -> MethodName {
    text.parse().expect("a name")
}

#[test]
fn a_source_compiles_without_the_files_that_only_its_options_need() {
    let folder = folder(true);
    let schema = compiled(folder.path()).expect("it compiles");
    let methods = schema.methods();
    assert_eq!(methods.len(), 2);
    assert_eq!((methods[0].service.as_str(), methods[0].method.as_str()), ("shop.v1.Cart", "Get"));
    let types = schema.types_of(&name("shop.v1.Cart/Get")).expect("unary");
    let bytes = types.request_of_json(r#"{"cartId":"x","most":"3"}"#, false).expect("a request");
    assert_eq!(bytes, b"\x0a\x01x\x10\x03");
    assert_eq!(types.growable_fields(), ["cart_id"]);
    assert!(types.request_skeleton()["since"] == "1970-01-01T00:00:00Z");
}

#[test]
fn a_type_whose_file_is_missing_is_named_with_the_imports_that_are() {
    let folder = folder(false);
    let error = compiled(folder.path()).expect_err("money is missing").to_string();
    for words in ["rpc.proto", "shop.Money", "shop/money.proto", "-I"] {
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn unknown_names_have_the_nearest_and_all_known_ones() {
    let folder = folder(true);
    let schema = compiled(folder.path()).expect("it compiles");
    for (written, words) in [
        ("shop.v1.Crt/Get", "has no service shop.v1.Crt (did you mean shop.v1.Cart?); it has shop.v1.Cart"),
        ("shop.v1.Cart/Gett", "shop.v1.Cart has no method Gett (did you mean Get?); it has Get, Watch"),
        ("shop.v1.Cart/Watch", "shop.v1.Cart/Watch streams its replies; this version drives unary methods"),
    ] {
        let error = schema.types_of(&name(written)).expect_err(written).to_string();
        assert!(error.contains(words), "{error}");
    }
    let types = schema.types_of(&name("shop.v1.Cart/Get")).expect("unary");
    let error = types.request_of_json("{\n  \"cart_di\": 1}", false).expect_err("unknown");
    assert_eq!(
        (error.line, error.what.as_str()),
        (2, "shop.v1.GetRequest has no field \"cart_di\"; did you mean \"cart_id\"?")
    );
    assert!(types.request_of_json("{\"cart_di\": 1}", true).expect("allowed").is_empty());
}

#[test]
fn a_map_is_encoded_in_the_order_of_its_keys() {
    let folder = folder(true);
    let schema = compiled(folder.path()).expect("it compiles");
    let types = schema.types_of(&name("shop.v1.Cart/Get")).expect("unary");
    let entries: Vec<String> = (0..40).rev().map(|k| format!("\"k{k:02}\":{k}")).collect();
    let json = format!("{{\"counts\":{{{}}},\"limit\":1}}", entries.join(","));
    let bytes = types.request_of_json(&json, false).expect("a request");
    let keys: Vec<&[u8]> = bytes.windows(3).filter(|window| window[0] == b'k').collect();
    assert_eq!(keys.len(), 40);
    assert!(keys.is_sorted(), "{keys:?}");
    assert!(types.is_reply(b"\x0a\x02\x08\x05") && !types.is_reply(b"\x0a\x02\x08"));
}

#[test]
fn a_source_in_an_edition_has_its_own_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("e.proto");
    fs::write(&path, "// a comment\n/* another */ edition = \"2023\";\nmessage M {}").expect("writable");
    let error = Schema::compile(std::slice::from_ref(&path), &[]).expect_err("an edition").to_string();
    assert!(error.contains("is written in edition 2023") && error.contains("--protoset"), "{error}");
    fs::write(&path, "syntax = \"proto3\"; message M { string x = ; }").expect("writable");
    let error = Schema::compile(&[path], &[]).expect_err("a fault").to_string();
    assert!(error.contains("e.proto:1:"), "{error}");
}

#[test]
fn what_is_no_set_of_descriptors_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    for bytes in [b"".as_slice(), b"\x0a\x03abc", b"hello"] {
        let path = folder.path().join("x.binpb");
        fs::write(&path, bytes).expect("writable");
        let error = Schema::of_sets(&[path]).expect_err("no set").to_string();
        assert!(error.contains("--include_imports"), "{error}");
    }
    let path = folder.path().join("set.binpb");
    fs::write(&path, DESCRIPTOR).expect("writable");
    let schema = Schema::of_sets(&[path]).expect("the set of the built-in method");
    let types = schema.types_of(&name("example.FormatData/DoFormat")).expect("unary");
    let encoded = types.request_of_json("{\"text\":\"a\u{e4}\"}", false).expect("a request");
    assert_eq!(encoded, Data { text: "a\u{e4}".to_owned() }.encode_to_vec());
    assert_eq!(types.json_of_reply(&encoded, false), Ok("{\n  \"text\": \"a\u{e4}\"\n}".to_owned()));
}

/// A file with one unary method, as a server sends it.
fn file(fields: Vec<FieldDescriptorProto>, dependency: &[&str]) -> FileDescriptorProto {
    let method = MethodDescriptorProto {
        name: Some("Do".to_owned()),
        input_type: Some(".p.M".to_owned()),
        output_type: Some(".p.M".to_owned()),
        ..MethodDescriptorProto::default()
    };
    FileDescriptorProto {
        name: Some("p.proto".to_owned()),
        package: Some("p".to_owned()),
        dependency: dependency.iter().map(|import| (*import).to_owned()).collect(),
        message_type: vec![DescriptorProto {
            name: Some("M".to_owned()),
            field: fields,
            ..DescriptorProto::default()
        }],
        service: vec![ServiceDescriptorProto {
            name: Some("S".to_owned()),
            method: vec![method],
            ..ServiceDescriptorProto::default()
        }],
        ..FileDescriptorProto::default()
    }
}

fn field(name: &str, number: i32, label: Label, kind: Type, of_type: Option<&str>) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        json_name: Some(name.to_owned()),
        number: Some(number),
        label: Some(label.into()),
        r#type: Some(kind.into()),
        type_name: of_type.map(str::to_owned),
        ..FieldDescriptorProto::default()
    }
}

#[test]
fn imports_that_the_server_does_not_have_are_dropped_or_the_type_is_named() {
    let since = field("since", 1, Label::Optional, Type::Message, Some(".google.protobuf.Timestamp"));
    let imports = ["github.com/golang/protobuf/ptypes/timestamp/timestamp.proto", "validate/validate.proto"];
    let whole = file(vec![since], &imports).encode_to_vec();
    let schema = Schema::of_files(&[whole], "here", "way out").expect("only options are missing");
    assert!(schema.types_of(&name("p.S/Do")).is_ok());
    let price = field("price", 1, Label::Optional, Type::Message, Some(".shop.Money"));
    let partial = file(vec![price], &["shop/money.proto"]).encode_to_vec();
    let error = Schema::of_files(&[partial], "here", "give --proto").expect_err("a type").to_string();
    assert_eq!(
        error,
        "p.proto takes shop.Money, which is in none of its known imports (not found: shop/money.proto); give --proto"
    );
}

/// A file in edition 2023: `features` are those of the file.
fn in_edition(fields: Vec<FieldDescriptorProto>, features: &[u8]) -> Vec<u8> {
    let mut bytes =
        FileDescriptorProto { syntax: Some("editions".to_owned()), ..file(fields, &[]) }.encode_to_vec();
    // Edition 2023, and options with the features: fields that `prost_types` does not have.
    bytes.extend(b"\x70\xe8\x07");
    let options = [b"\x92\x03".as_slice(), &[u8::try_from(features.len()).expect("few")], features].concat();
    bytes.extend([b"\x42".as_slice(), &[u8::try_from(options.len()).expect("few")], &options].concat());
    bytes
}

#[test]
fn an_edition_is_lowered_with_its_features() {
    let fields = || {
        vec![
            field("name", 1, Label::Optional, Type::String, None),
            field("numbers", 2, Label::Repeated, Type::Int32, None),
            field("inner", 3, Label::Optional, Type::Message, Some(".p.M")),
        ]
    };
    let json = r#"{"name":"","numbers":[1,2],"inner":{"name":"x"}}"#;
    for (features, encoded) in [
        // The defaults of edition 2023: presence, packed, with lengths.
        (b"".as_slice(), b"\x0a\x00\x12\x02\x01\x02\x1a\x03\x0a\x01x".as_slice()),
        // No presence: an empty name is left out.
        (b"\x08\x02", b"\x12\x02\x01\x02\x1a\x03\x0a\x01x"),
        // One field for each number, and messages as groups.
        (b"\x18\x02\x28\x02", b"\x0a\x00\x10\x01\x10\x02\x1b\x0a\x01x\x1c"),
    ] {
        let schema = Schema::of_files(&[in_edition(fields(), features)], "here", "").expect("lowered");
        let types = schema.types_of(&name("p.S/Do")).expect("unary");
        assert_eq!(types.request_of_json(json, false).expect("a request"), encoded, "{features:?}");
    }
}

#[test]
fn no_bytes_of_a_server_make_it_panic() {
    let whole = in_edition(vec![field("name", 1, Label::Optional, Type::String, None)], b"\x08\x02");
    for cut in 0..whole.len() {
        let _ = Schema::of_files(&[whole[..cut].to_vec()], "here", "");
        let mut changed = whole.clone();
        for value in 0..=u8::MAX {
            changed[cut] = value;
            let _ = Schema::of_files(&[changed.clone()], "here", "");
        }
    }
}
