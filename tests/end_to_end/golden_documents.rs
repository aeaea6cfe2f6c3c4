//! A golden file for each document, and for each row of the table of writers.
//!
//! `UPDATE_GOLDEN=1 cargo test golden` writes new ones; review the difference.

use std::{env, fs, path::PathBuf};

use plimsoll::{
    client::{CallStatus, Reply},
    report::{Announcement, Format, Methods, SavedDocument, Writable, formats::TABLE, history, json_schema},
    result::DocumentKind,
    rpc::{Pair, schema::Schema},
};
use serde_json::Value;

use crate::process::{output_of, text};

/// Returns the document of each kind.
pub(crate) fn golden_document(kind: DocumentKind) -> Vec<u8> {
    let path = format!("tests/data/documents/{kind}.json");
    fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn reply() -> Reply {
    let pair = |name: &str, value: &str| Pair::new(name, value);
    Reply {
        schema: DocumentKind::Reply.schema(),
        target: "127.0.0.1:9733".to_owned(),
        text: Some("HELLO, WORLD".to_owned()),
        message: None,
        message_bytes: Some(14),
        bytes: None,
        status: CallStatus { code: "OK", number: 0, message: String::new() },
        initial_metadata: vec![pair("team", "core")],
        trailing_metadata: vec![pair("checked", "yes")],
        service_ns: 512_345,
    }
}

/// Returns a document in a format.
fn written(kind: DocumentKind, format: Format) -> String {
    let mut out = Vec::new();
    let written = match kind {
        DocumentKind::Reply => reply().write(format, &mut out),
        DocumentKind::Methods => {
            let name = "example.FormatData/DoFormat".parse().expect("a method");
            let schema = Schema::compile(&["proto/format_data.proto".into()], &[]).expect("a schema");
            Methods::of_one(&schema, &name).expect("it has the method").write(format, &mut out)
        }
        DocumentKind::Announcement => {
            let listening = ["127.0.0.1:50051", "[::1]:50051"].map(str::to_owned);
            Announcement::new(listening.to_vec(), 4_711).write(format, &mut out)
        }
        _ => SavedDocument::read(&golden_document(kind)).expect("a document of ours").write(format, &mut out),
    };
    written.expect("memory takes any bytes");
    let written = String::from_utf8(out).expect("UTF-8");
    // Colours alone are taken out: nothing else of a golden document is active.
    if format == Format::Text { anstream::adapter::strip_str(&written).to_string() } else { written }
}

fn is_golden(name: &str, got: &str) {
    let path = PathBuf::from("tests/data").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, got).expect("writable");
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    let differs = golden.lines().zip(got.lines()).position(|(left, right)| left != right);
    let place = differs.unwrap_or(golden.lines().count().min(got.lines().count()));
    let [expected, line] = [&golden, got].map(|text| text.lines().nth(place).unwrap_or("(the end)"));
    assert!(golden == got, "{name}, line {}: expected\n{expected}\nand got\n{line}", place + 1);
}

#[test]
fn each_writer_writes_its_golden_file() {
    for (kind, format) in TABLE {
        let name = match format {
            Format::Json => format!("documents/{kind}.json"),
            format => format!("written/{kind}.{format}"),
        };
        is_golden(&name, &written(*kind, *format));
    }
}

/// Checks that the committed schemas, for programs that read documents, are current.
#[test]
fn json_schemas_are_those_of_this_version_and_the_golden_documents_keep_to_them() {
    for kind in DocumentKind::VALUES {
        let mut schema = json_schema(*kind);
        let text = serde_json::to_string_pretty(&schema).expect("plain data") + "\n";
        is_golden(&format!("../../docs/schemas/{}.json", kind.schema().replace('/', "-")), &text);
        // Stricter than for readers, who are to take keys of later versions.
        close(&mut schema);
        let document = serde_json::from_slice(&golden_document(*kind)).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| format!("{kind}{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
    }
}

/// Changes a schema so that it accepts only the keys that it names.
fn close(schema: &mut Value) {
    let own = std::iter::once(&mut *schema);
    let close = |object: &mut Value| {
        if object["properties"].is_object() || object["type"] == "object" {
            object["unevaluatedProperties"] = false.into();
        }
    };
    own.for_each(close);
    if let Some(parts) = schema.get_mut("$defs").and_then(Value::as_object_mut) {
        parts.values_mut().for_each(close);
    }
}

#[test]
fn a_row_of_a_history_is_written_as_it_was() {
    let document = SavedDocument::read(&golden_document(DocumentKind::Verdict)).expect("a verdict");
    let SavedDocument::Verdict(verdict) = document else { panic!("no verdict") };
    let mut out = Vec::new();
    let none = history::append(&verdict, history::Row { commit: "abc" }, &b""[..], &mut out);
    assert_eq!(none.expect("memory takes any bytes"), None);
    is_golden("written/verdict.history", &text(&out));
}

/// Checks that a result of the first version, which has no `measured`, stays readable.
#[test]
fn a_result_of_the_first_version_is_printed_as_it_was() {
    let reported = output_of(&["report", "tests/data/documents/summary-1.json"]);
    assert_eq!(text(&reported.stderr), "");
    is_golden("written/summary-1.text", &text(&reported.stdout));
}

#[test]
fn a_report_prints_what_the_writer_writes() {
    for kind in [DocumentKind::Summary, DocumentKind::Verdict, DocumentKind::Sweep] {
        let reported = output_of(&["report", &format!("tests/data/documents/{kind}.json")]);
        assert_eq!(text(&reported.stderr), "");
        assert_eq!(text(&reported.stdout), written(kind, Format::Text), "{kind}");
    }
}

#[test]
fn a_format_that_a_document_has_not_is_an_error_that_names_those_it_has() {
    let summary = SavedDocument::read(&golden_document(DocumentKind::Summary)).expect("a result");
    let error = summary.write(Format::Bencher, &mut Vec::new()).expect_err("no metrics").to_string();
    assert_eq!(
        error,
        "a result of `plimsoll run` cannot be written as bencher; its formats are text, json, html, markdown, csv, junit, hgrm, hlog, prometheus, openmetrics"
    );
}
