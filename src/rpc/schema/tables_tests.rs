//! The reader of replies agrees with a decoder that builds the whole message.

use std::sync::{Arc, OnceLock};

use proptest::prelude::*;
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_reflect::{DescriptorPool, DynamicMessage};
use protox::{Compiler, file::File};

use super::*;
use crate::rpc::reply::is_message;

const SOURCE: &str = r#"
syntax = "proto2";
package t;
enum E { ZERO = 0; ONE = 1; }
message All {
  optional int32 a = 1;
  optional string s = 2;
  optional bytes b = 3;
  optional All inner = 4;
  repeated int64 packed = 5 [packed = true];
  repeated fixed32 four = 6;
  repeated double eight = 7 [packed = true];
  map<string, All> map = 8;
  optional group Group = 9 { optional string g = 1; optional All all = 2; }
  repeated string many = 10;
  optional E e = 11;
  oneof one { bool yes = 12; sint64 no = 13; }
  optional fixed64 high = 1000;
  map<int32, bytes> plain = 70;
  extensions 2000 to 2010;
}
extend All { optional string ext = 2000; }
"#;

struct One;

impl protox::file::FileResolver for One {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        File::from_source(name, SOURCE)
    }
}

fn pool() -> DescriptorPool {
    let mut compiler = Compiler::with_file_resolver(One);
    compiler.open_file("t.proto").expect("it compiles");
    compiler.descriptor_pool()
}

/// A map's field with another wire type: the decoder reads it as if it had the right one.
fn has_map_of_another_type(bytes: &[u8]) -> bool {
    let is_it = |key: u32| key & 7 != 2;
    let keys = [8_u32, 70].into_iter().flat_map(|number| (0..6).map(move |wire| number << 3 | wire));
    keys.filter(|key| is_it(*key)).any(|key| {
        let mut encoded = Vec::new();
        encode_varint(u64::from(key), &mut encoded);
        bytes.windows(encoded.len()).any(|window| window == encoded)
    })
}

/// Fields that are often right: a number of the type, and contents that may fit.
fn field() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![1_u32..14, Just(70), Just(1_000), Just(2_000), 1_u32..3_000];
    let contents = prop_oneof![
        "[aä火]{0,5}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..9),
        prop::collection::vec(Just(0_u8), 0..17),
        prop::collection::vec(prop_oneof![Just(0x0a_u8), Just(0x22), Just(1), Just(2), Just(0)], 0..12),
    ];
    (number, 0_u32..6, any::<u64>(), contents).prop_map(|(number, wire, value, contents)| {
        let mut out = Vec::new();
        let wire = WireType::try_from(u64::from(wire)).expect("0 to 5");
        encode_key(number, wire, &mut out);
        match wire {
            WireType::Varint => encode_varint(value, &mut out),
            WireType::SixtyFourBit => out.extend(value.to_le_bytes()),
            WireType::ThirtyTwoBit => out.extend(&value.to_le_bytes()[..4]),
            WireType::LengthDelimited => {
                encode_varint(contents.len() as u64, &mut out);
                out.extend(contents);
            }
            WireType::StartGroup => {
                out.extend(contents);
                encode_key(number, WireType::EndGroup, &mut out);
            }
            WireType::EndGroup => {}
        }
        out
    })
}

/// Puts messages into messages of the same type.
fn nested(levels: usize, innermost: Vec<u8>) -> Vec<u8> {
    (0..levels).fold(innermost, |inner, _| {
        let mut out = Vec::new();
        encode_key(4, WireType::LengthDelimited, &mut out);
        encode_varint(inner.len() as u64, &mut out);
        out.extend(inner);
        out
    })
}

fn all() -> (MessageDescriptor, Arc<Shape>) {
    static ALL: OnceLock<(MessageDescriptor, Arc<Shape>)> = OnceLock::new();
    let make = || {
        let of_type = pool().get_message_by_name("t.All").expect("it is there");
        let shape = shape_of(&of_type);
        (of_type, Arc::new(shape))
    };
    ALL.get_or_init(make).clone()
}

#[test]
fn nesting_ends_where_the_decoder_ends_it() {
    let (of_type, shape) = all();
    for levels in [1, 8, 9, 98, 99, 100, 101, 102, 200] {
        let bytes = nested(levels, vec![0x08, 1]);
        let decodes = DynamicMessage::decode(of_type.clone(), bytes.as_slice()).is_ok();
        assert_eq!(decodes, levels <= 100, "{levels}");
        for piece in [1, 7, 1_000] {
            assert_eq!(is_message(&shape, &bytes, piece), decodes, "{levels} in {piece}");
        }
    }
}

#[test]
fn each_kind_of_fault_is_refused_and_unknown_fields_are_not() {
    let (_, shape) = all();
    for (bytes, is_right) in [
        (b"".as_slice(), true),
        (b"\x12\x02\xc3\xa4", true),
        (b"\x12\x01\xc3", false),
        (b"\x1a\x01\xc3", true),
        (b"\x08\x01\x08", false),
        (b"\x0d\0\0\0\0", false),
        (b"\xaa\x7d\x02ab", true),
        (b"\x4b\x0a\x01x\x4c", true),
        (b"\x4b\x0a\x01x\x54", false),
        (b"\x2a\x02\x80\x01", true),
        (b"\x2a\x01\x80", false),
        (b"\x2a\x01\x80\x01", false),
        (b"\x2a\x01\x80\xfc\x00\xa2\x00", false),
        (b"\x32\x04\0\0\0\0", true),
        (b"\x32\x03\0\0\0", false),
        (b"\x42\x05\x0a\x01k\x12\0", true),
        (b"\x00\x01", false),
    ] {
        for piece in [1, 100] {
            assert_eq!(is_message(&shape, bytes, piece), is_right, "{bytes:?} in {piece}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn fields_are_accepted_or_refused_as_by_the_decoder(
        fields in prop::collection::vec(field(), 0..6),
        levels in 0_usize..3,
        piece in 1_usize..12,
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let (of_type, shape) = all();
        let mut bytes = nested(levels, fields.concat());
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        let decodes = DynamicMessage::decode(of_type, bytes.as_slice()).is_ok();
        if !has_map_of_another_type(&bytes) {
            prop_assert_eq!(is_message(&shape, &bytes, piece), decodes, "{:?}", bytes);
            prop_assert_eq!(is_message(&shape, &bytes, 1_000), decodes, "{:?} at once", bytes);
        }
    }
}
