//! Any unary method: its schema, its data, and the checks of its replies.

use std::{fs, path::Path};

use serde_json::Value;

use crate::process::{Server, client, output_of, over, run, text};

const CHECK: &str = "grpc.health.v1.Health/Check";
const DO_FORMAT: &str = "example.FormatData/DoFormat";

/// Runs the method over the client of this test, with a short warm-up.
fn driven(target: &str, method: &str, arguments: &[&str]) -> crate::document::Summary {
    let mut all = vec![target, "-w", "10ms", "--method", method];
    all.extend(arguments);
    run(&all)
}

fn written(folder: &Path, name: &str, contents: &[u8]) -> String {
    let path = folder.join(name);
    fs::write(&path, contents).expect("writable");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn methods_lists_what_can_be_called_and_describes_one() {
    let server = Server::start(&[]);
    let listed = text(&output_of(&["methods", &server.target()]).stdout);
    for line in [
        "example.FormatData",
        "  DoFormat(example.Data) returns (example.Data)",
        "  Watch(grpc.health.v1.HealthCheckRequest) returns (stream grpc.health.v1.HealthCheckResponse)",
    ] {
        assert!(listed.lines().any(|listed| listed == line), "{listed}");
    }
    let of_one = text(&output_of(&["methods", &server.target(), "grpc.health.v1.Health"]).stdout);
    assert!(
        of_one.starts_with("grpc.health.v1.Health\n  Check(") && !of_one.contains("DoFormat"),
        "{of_one}"
    );
    let described = text(&output_of(&["methods", &server.target(), CHECK]).stdout);
    assert!(described.contains("request    grpc.health.v1.HealthCheckRequest"), "{described}");
    assert!(
        described.contains("can grow   service\n") && described.ends_with("{\n  \"service\": \"\"\n}\n"),
        "{described}"
    );
    let json: Value = serde_json::from_slice(&output_of(&["methods", &server.target(), "-O", "json"]).stdout)
        .expect("JSON");
    assert!(json["methods"].as_array().expect("a list").len() > 3);
    // The description is a request to start from.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("check.json");
    let saved = ["methods", &server.target(), CHECK, "-o", file.to_str().expect("UTF-8")];
    assert_eq!(text(&output_of(&saved).stdout), described);
    let json: Value = serde_json::from_slice(&fs::read(&file).expect("a document")).expect("JSON");
    assert_eq!((&json["schema"], &json["can_grow"][0]), (&"plimsoll.methods/1".into(), &"service".into()));
    let skeleton = json["example"].to_string();
    let called = output_of(&["call", &server.target(), "--method", CHECK, "-d", &skeleton]);
    assert_eq!(text(&called.stdout), "{\n  \"status\": \"SERVING\"\n}\n");
}

fn a_method_is_driven_with_its_data_and_its_check() {
    let server = Server::start(&[]);
    let data = r#"{"service":"example.FormatData"}"#;
    let summary = driven(&server.target(), CHECK, &["-n", "300", "-d", data]);
    summary.check();
    assert_eq!((summary.calls.planned, summary.calls.answered), (300, 300));
    let plan = &summary.plan;
    let method = plan.method.as_ref().expect("another method");
    assert_eq!(method.path, format!("/{CHECK}"));
    assert_eq!(method.reply.as_deref(), Some("grpc.health.v1.HealthCheckResponse"));
    assert_eq!((plan.expect.as_deref(), plan.text.is_none()), (Some("decodes"), true));
    let planned = plan.data.as_ref().expect("data");
    assert_eq!((planned.source.as_str(), planned.inline.as_deref()), ("inline", Some(data)));
    assert_eq!((planned.messages, planned.smallest_bytes, planned.largest_bytes), (1, 20, 20));
    assert_eq!((plan.sizes[0].message_bytes, plan.sizes[0].reply_bytes), (20, None));
    let replies = summary.replies.expect("measured");
    assert_eq!((replies.min_bytes, replies.max_bytes, replies.empty), (2, 2, 0));
    let without = driven(&server.target(), CHECK, &["-n", "3", "-d", data, "--no-data-in-result"]);
    assert_eq!(without.plan.data.expect("data").inline, None);
    let goodput = &summary.goodput;
    assert!((goodput.reply_bytes_per_second / goodput.calls_per_second - 2.0).abs() < 1e-6, "{goodput:?}");
}

#[test]
fn a_method_is_driven_by_the_lean_client() {
    over("lean", a_method_is_driven_with_its_data_and_its_check);
}

#[test]
fn a_method_is_driven_by_the_stub_client() {
    over("stub", a_method_is_driven_with_its_data_and_its_check);
}

#[test]
fn a_corpus_is_sent_in_order_and_each_reply_is_that_of_its_message() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let lines = b"{\"text\":\"a\"}\n{\"text\":\"bcd\"}\n\n{}\n";
    let data = format!("@{}", written(folder.path(), "texts.ndjson", lines));
    for expect in ["same", "decodes", "ok"] {
        let arguments = ["-n", "30", "-c", "3", "-d", &data, "--expect", expect];
        let summary = over_lean(&server.target(), &arguments);
        summary.check();
        assert_eq!(summary.calls.answered, 30, "{expect}");
        let replies = summary.replies.expect("measured");
        // Ten replies of 3, 5 and 0 bytes each.
        assert_eq!((replies.min_bytes, replies.max_bytes, replies.empty), (0, 5, 10), "{expect}");
        assert!((replies.mean_bytes - 8.0 / 3.0).abs() < 1e-9);
        assert_eq!(summary.plan.data.as_ref().map(|data| data.messages), Some(3));
    }
    let random = ["-n", "600", "-d", &data, "--pick", "random"];
    let summary = over_lean(&server.target(), &random);
    let empty = summary.replies.expect("measured").empty;
    assert!((120..280).contains(&empty), "{empty} of 600");
}

fn over_lean(target: &str, arguments: &[&str]) -> crate::document::Summary {
    let mut all = vec![target, "-w", "0s", "--method", DO_FORMAT];
    all.extend(arguments);
    run(&all)
}

fn wrong_replies_are_shown_as_json() {
    let server = Server::start(&[]);
    let data = ["-n", "20", "-d", r#"{"text":"abc"}"#];
    let right =
        driven(&server.target(), DO_FORMAT, &[&data[..], &["--expect", r#"{"text":"ABC"}"#]].concat());
    assert_eq!((right.calls.answered, right.plan.expect.as_deref()), (20, Some("message")));
    let target = server.target();
    let mut arguments =
        vec!["run", &target, "--client", client(), "-w", "0s", "--method", DO_FORMAT, "-O", "json"];
    arguments.extend(data);
    arguments.extend(["--expect", r#"{"text":"ABX"}"#, "--no-rehearsal"]);
    let output = output_of(&arguments);
    assert_eq!(output.status.code(), Some(2), "no call was answered");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["calls"]["wrong_reply"], 20);
    let wrong = &document["wrong_replies"][0];
    assert!(wrong["expected"].as_str().is_some_and(|shown| shown.starts_with("X\"")), "{wrong}");
}

#[test]
fn wrong_replies_are_shown_by_the_lean_client() {
    over("lean", wrong_replies_are_shown_as_json);
}

#[test]
fn wrong_replies_are_shown_by_the_stub_client() {
    over("stub", wrong_replies_are_shown_as_json);
}

fn values_of_replies_are_checked() {
    let server = Server::start(&[]);
    let checked = |check: &[&str]| {
        let target = server.target();
        let mut all = vec![
            "run",
            &target,
            "--client",
            client(),
            "-w",
            "0s",
            "-n",
            "20",
            "-O",
            "json",
            "--no-rehearsal",
        ];
        all.extend(["--method", DO_FORMAT, "-d", r#"{"text":"ABC"}"#]);
        all.extend(check);
        let output = output_of(&all);
        let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        (output.status.code(), document)
    };
    let (status, document) = checked(&["--check", "text == request.text", "--check", "text > AB"]);
    assert_eq!((status, &document["calls"]["answered"]), (Some(0), &20.into()));
    assert_eq!(document["plan"]["expect"], "checks");
    assert_eq!(document["plan"]["data"]["checks"][1], "text > AB");
    let (status, document) = checked(&["--check", "text != request.text"]);
    assert_eq!((status, &document["calls"]["wrong_reply"]), (Some(2), &20.into()));
    let wrong = &document["wrong_replies"][0];
    assert_eq!((&wrong["expected"], &wrong["got"]), (&"text != request.text".into(), &"\"ABC\"".into()));
}

#[test]
fn values_of_replies_are_checked_by_the_lean_client() {
    over("lean", values_of_replies_are_checked);
}

#[test]
fn values_of_replies_are_checked_by_the_stub_client() {
    over("stub", values_of_replies_are_checked);
}

#[test]
fn encoded_messages_need_no_schema_and_are_sent_as_they_are() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let one = format!("@{}", written(folder.path(), "one.bin", b"\x0a\x03abc"));
    let summary = over_lean(&server.target(), &["-n", "10", "--data-binary", &one]);
    assert_eq!((summary.calls.answered, summary.plan.expect.as_deref()), (10, Some("ok")));
    assert_eq!(summary.plan.method.expect("another").request, None);
    let two = format!("@{}", written(folder.path(), "two.bin", b"\x05\x0a\x03abc\x00"));
    let summary = over_lean(
        &server.target(),
        &["-n", "10", "-d", &two, "--data-format", "delimited", "--expect", "ok"],
    );
    assert_eq!((summary.calls.answered, summary.replies.expect("measured").empty), (10, 5));
    let called = output_of(&["call", &server.target(), "--method", DO_FORMAT, "--data-binary", &one]);
    assert_eq!(called.stdout, b"\x0a\x03ABC");
}

#[test]
fn a_schema_comes_from_files_too() {
    let server = Server::start(&["--max-recv-message-size", "1KiB"]);
    let folder = tempfile::tempdir().expect("a folder");
    let proto = written(
        folder.path(),
        "mine.proto",
        b"syntax = \"proto3\"; package example; import \"nowhere/options.proto\";
          message Data { string text = 1 [(nowhere.rule) = 7]; }
          service FormatData { rpc DoFormat(Data) returns (Data); }",
    );
    let data = ["-d", r#"{"text":"x"}"#];
    let called = output_of(
        &[&["call", &server.target(), "--method", DO_FORMAT, "--proto", &proto], &data[..]].concat(),
    );
    assert_eq!(text(&called.stdout), "{\n  \"text\": \"X\"\n}\n");
    let set = written(folder.path(), "set.binpb", plimsoll::rpc::format_data::DESCRIPTOR);
    let listed = output_of(&["methods", "--protoset", &set]);
    assert!(text(&listed.stdout).contains("DoFormat(example.Data)"));
    let described = text(&output_of(&["methods", "--protoset", &set, DO_FORMAT]).stdout);
    assert!(described.contains("can grow   text"), "{described}");
}

#[test]
fn results_of_other_methods_data_or_checks_are_not_compared() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let result = |name: &str, arguments: &[&str]| {
        let path = folder.path().join(name).to_str().expect("UTF-8").to_owned();
        let target = server.target();
        let mut all = vec!["run", &target, "-q", "-w", "0s", "-n", "50", "-o", &path];
        all.extend(arguments);
        assert_eq!(output_of(&all).status.code(), Some(0), "{all:?}");
        path
    };
    let base = result("base.json", &["--method", CHECK]);
    for (name, arguments, words) in [
        (
            "built-in.json",
            &[][..],
            "different methods (grpc.health.v1.Health/Check and example.FormatData/DoFormat)",
        ),
        (
            "data.json",
            &["--method", CHECK, "-d", r#"{"service":"example.FormatData"}"#],
            "different data (SHA-256",
        ),
        (
            "check.json",
            &["--method", CHECK, "--expect", "same"],
            "different checks of replies (decodes and same)",
        ),
    ] {
        let other = result(name, arguments);
        let output = output_of(&["compare", &base, &other, "--allow-different-plans"]);
        let error = text(&output.stderr);
        assert!(output.status.code() == Some(2) && error.contains(words), "{error}");
    }
    let again = result("again.json", &["--method", CHECK]);
    assert_eq!(output_of(&["compare", &base, &again]).status.code(), Some(0));
}

#[test]
fn every_text_says_what_verified_meant() {
    let server = Server::start(&[]);
    let shown = |arguments: &[&str]| {
        let target = server.target();
        let mut all = vec!["run", &target, "-q", "-w", "0s", "-n", "20"];
        all.extend(arguments);
        text(&output_of(&all).stdout)
    };
    for (arguments, words) in [
        (&[][..], "verified    each reply is the request's text in upper case\n"),
        (
            &["--method", CHECK],
            "verified    each reply decodes as grpc.health.v1.HealthCheckResponse; contents not compared",
        ),
        (
            &["--method", CHECK, "--expect", "ok"],
            "verified    each reply is one message with status OK; contents not read\n",
        ),
        (
            &["--method", CHECK, "--expect", "same"],
            "verified    each reply equals the first reply to the same message\n",
        ),
    ] {
        let printed = shown(arguments);
        assert!(printed.contains(words), "{printed}");
    }
    // Empty replies are worth a word: the method may do nothing.
    let empty = shown(&["--method", DO_FORMAT]);
    assert!(
        empty.contains("replies_empty") && empty.contains("all 20 verified replies were empty"),
        "{empty}"
    );
}
