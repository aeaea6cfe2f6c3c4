//! Tests of expectations: in any pieces, a reply passes or says how it differs.

use std::{fs, sync::Arc};

use super::*;
use crate::rpc::{
    ExpectedReply, FirstReply,
    schema::{Check, Schema},
};

const SOURCE: &str = r#"
syntax = "proto3";
package t;
enum E { ZERO = 0; ONE = 1; }
message Header { int64 revision = 1; uint64 term = 2; bool ok = 3; E e = 4; }
message Item { string key = 1; bytes value = 2; sint32 delta = 3; }
message Reply {
  Header header = 1;
  repeated Item items = 2;
  repeated int32 numbers = 3;
  repeated fixed32 four = 4;
  double share = 5;
  float part = 6;
  sfixed32 low = 7;
  string content = 8;
  map<string, string> map = 9;
}
message Request { string content = 1; int64 wanted = 2; }
service S { rpc Do(Request) returns (Reply); }
"#;

const REPLY: &str = r#"{
  "header": {"revision": "7", "term": "18446744073709551615", "ok": true, "e": "ONE"},
  "items": [{"key": "a", "value": "AAE="}, {"key": "bb", "delta": -3}],
  "numbers": [1, 2, 300], "four": [1, 2], "share": 0.25, "part": 1.5, "low": -2, "content": "salt water"
}"#;

fn types() -> Types {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.proto");
    fs::write(&path, SOURCE).expect("writable");
    let schema = Schema::compile(&[path], &[]).expect("it compiles");
    schema.types_of(&"t.S/Do".parse().expect("a name")).expect("unary")
}

/// Checks a reply in pieces of this size.
fn judged(expectation: &Expectation, bytes: &[u8], piece: usize) -> Result<ReplyCheck, &'static str> {
    let mut checker = Checker::default();
    // A checker is used again.
    for _ in 0..2 {
        checker.begin(bytes.len() as u64);
        for piece in bytes.chunks(piece) {
            checker.take(piece, expectation)?;
        }
        checker.finish(expectation)?;
    }
    checker.begin(bytes.len() as u64);
    for piece in bytes.chunks(piece) {
        checker.take(piece, expectation)?;
    }
    checker.finish(expectation)
}

fn checks(types: &Types, texts: &[&str], request: &str) -> Expectation {
    let checks: Arc<[Check]> = texts.iter().map(|text| types.check(text).expect(text)).collect();
    let request = types.request_of_json(request, false).expect("a request");
    Expectation::Checks(Arc::new(Checks::of(types, &checks, &request)))
}

#[test]
fn checks_read_values_wherever_they_are() {
    let types = types();
    let reply = types.reply_of_json(REPLY).expect("a reply");
    for (check, passes) in [
        ("header.revision == 7", true),
        ("header.revision>7", false),
        ("header.revision >= 7", true),
        ("header.revision != 7", false),
        ("header.term == 18446744073709551615", true),
        ("header.ok == true", true),
        ("header.ok != true", false),
        ("header.e == ONE", true),
        ("header.e == 1", true),
        ("header.e == ZERO", false),
        ("items.len == 2", true),
        ("items.len < 2", false),
        ("items[1].key == bb", true),
        ("items[0].key == \"bb\"", false),
        ("items[1].delta == -3", true),
        ("items[0].delta == 0", true),
        ("items[0].value == \"AAE=\"", true),
        ("items[7].key == \"\"", true),
        ("numbers.len == 3", true),
        ("four.len == 2", true),
        ("share <= 0.25", true),
        ("share < 0.25", false),
        ("part == 1.5", true),
        ("low == -2", true),
        ("content == salt water", true),
        ("content < sea", true),
        ("content > salt", true),
        ("content == salt", false),
        ("content == request.content", true),
        ("header.revision == request.wanted", true),
        ("header.term > request.wanted", true),
    ] {
        let expectation = checks(&types, &[check], r#"{"content": "salt water", "wanted": 7}"#);
        for piece in [1, 2, 3, 7, 1_000] {
            let judged = judged(&expectation, &reply, piece).expect("a message");
            assert_eq!(judged == ReplyCheck::Right, passes, "{check} in {piece}: {judged:?}");
        }
    }
    // Absent fields have the default of their type.
    let expectation = checks(&types, &["header.revision == 0", "content == \"\"", "items.len == 0"], "{}");
    assert_eq!(judged(&expectation, b"", 1), Ok(ReplyCheck::Right));
}

#[test]
fn a_check_that_fails_says_what_it_saw() {
    let types = types();
    let reply = types.reply_of_json(REPLY).expect("a reply");
    let expectation = checks(&types, &["header.ok == true", "header.revision > 8"], "{}");
    let Ok(ReplyCheck::Wrong(difference)) = judged(&expectation, &reply, 5) else { panic!("it fails") };
    assert_eq!((difference.expected.as_str(), difference.got.as_str()), ("header.revision > 8", "7"));
    let Ok(ReplyCheck::Wrong(difference)) = judged(&expectation, b"\x0a\x05\x08", 1) else {
        panic!("no message")
    };
    assert!(
        difference.got.contains("ends within a field") || difference.got.contains("longer"),
        "{difference:?}"
    );
}

#[test]
fn checks_that_cannot_be_made_say_why() {
    let types = types();
    for (check, words) in [
        ("header.revision", "write PATH OP VALUE"),
        ("> 3", "write PATH OP VALUE"),
        ("header.revison > 3", "t.Header has no field revison; did you mean revision?"),
        ("header == 3", "header is a message; name one of its fields"),
        ("items.key == x", "items is repeated; write items[0] or items.len"),
        ("header[0].ok == true", "header is not repeated"),
        ("numbers[0] == 1", "only numbers.len can be checked"),
        ("map.x == 1", "map is a map"),
        ("content.x == 1", "content is no message"),
        ("header.revision == x", "`x` is no value of revision"),
        ("header.ok < true", "no order"),
        ("content == request.wanted", "values of different kinds"),
        ("content == request.nothing", "t.Request has no field nothing"),
        ("items[x].key == a", "no whole number between [ and ]"),
    ] {
        let error = types.check(check).expect_err(check).to_string();
        assert!(error.contains(words), "{check}: {error}");
    }
}

#[test]
fn equal_messages_are_equal_in_any_encoding() {
    let types = Arc::new(types());
    let reply = types.reply_of_json(REPLY).expect("a reply");
    let other = types.reply_of_json(&REPLY.replace("salt water", "salt")).expect("a reply");
    // The last field first: the same message in another order.
    let at = reply.windows(2).rposition(|window| window == b"\x42\x0a").expect("the content");
    let turned = [&reply[at..], &reply[..at]].concat();
    let equal = |types: Option<&Arc<Types>>| {
        let expected = ExpectedReply::new(Bytes::from(reply.clone()), types.cloned());
        Expectation::Equal(Arc::new(expected))
    };
    for piece in [1, 3, 1_000] {
        assert_eq!(judged(&equal(Some(&types)), &reply, piece), Ok(ReplyCheck::Right));
        assert_eq!(judged(&equal(Some(&types)), &turned, piece), Ok(ReplyCheck::Right));
        assert!(matches!(judged(&equal(None), &turned, piece), Ok(ReplyCheck::Wrong(_))));
        let Ok(ReplyCheck::Wrong(difference)) = judged(&equal(Some(&types)), &other, piece) else {
            panic!("another text")
        };
        assert!(difference.expected.starts_with(" water"), "{difference:?}");
        for cut in [0, 1, reply.len() - 1] {
            assert!(matches!(judged(&equal(Some(&types)), &reply[..cut], piece), Ok(ReplyCheck::Wrong(_))));
        }
        let same = Expectation::Same(Arc::new(FirstReply::new(Some(Arc::clone(&types)))));
        assert_eq!(judged(&same, &reply, piece), Ok(ReplyCheck::Right), "the first one");
        assert_eq!(judged(&same, &turned, piece), Ok(ReplyCheck::Right), "in another order");
        assert!(matches!(judged(&same, &other, piece), Ok(ReplyCheck::Wrong(_))));
    }
}
