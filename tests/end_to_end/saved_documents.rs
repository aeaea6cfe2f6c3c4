//! One document of each schema, made by the binary, and what a person sees of it.

use std::{process::Output, sync::OnceLock};

use plimsoll::{
    experiment::{
        compare::Comparison, gate::Verdict, interference::Interference, limits::Limits, sweep::Sweep,
    },
    report::{
        benchmarks, compare, csv, history, interference, junit, limits, markdown, sweep, text, verdict,
    },
    result::summary::Summary,
};
use serde_json::Value;

use crate::process::{output_of, text};

/// The documents, by the command that writes them.
pub(crate) fn documents() -> &'static [(&'static str, Value)] {
    static DOCUMENTS: OnceLock<Vec<(&'static str, Value)>> = OnceLock::new();
    DOCUMENTS.get_or_init(|| {
        let of = |arguments: &[&str]| written(&output_of(arguments));
        let window = ["-q", "-z", "60ms", "-w", "0s", "-O", "json"];
        vec![
            ("run", serde_json::from_str(include_str!("../data/summary.json")).expect("JSON")),
            (
                "limits",
                of(&[
                    "limits",
                    "-q",
                    "-O",
                    "json",
                    "--server-max-recv-message-size",
                    "1000",
                    "--up-to",
                    "2000",
                ]),
            ),
            (
                "sweep",
                of(&[&["sweep", "-s", "64..500", "-c", "1", "--repetitions", "2"], &window[..]].concat()),
            ),
            (
                "interference",
                of(&[
                    &["run", "-s", "64@9,5000@1", "-r", "500", "--with-and-without-refused", "--rounds", "2"],
                    &["--server-max-recv-message-size", "1000"][..],
                    &window[..],
                ]
                .concat()),
            ),
            ("gate", gate()),
            ("compare", of(&["compare", "-O", "json", "tests/data/summary.json", "tests/data/summary.json"])),
        ]
    })
}

fn written(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
}

/// The limits of two servers, and a scenario that could not be measured: a gate with load takes minutes on a busy
/// machine.
fn gate() -> Value {
    let program = env!("CARGO_BIN_EXE_plimsoll");
    let serve =
        |flags: &str| format!("{program} serve --listen 127.0.0.1:{{port}} --until-input-ends {flags}");
    let (base, candidate) = (serve(""), serve("--max-recv-message-size 1000"));
    let limits = ["--limits-only", "--limits-up-to", "2000", "-q", "-O", "json"];
    let mut document = written(&output_of(
        &[&["gate", "--base", base.trim_end(), "--candidate", &candidate], &limits[..]].concat(),
    ));
    document["scenarios"] = serde_json::json!([{
        "name": "quick",
        "message_bytes": 64,
        "concurrency": 2,
        "verdict": "skipped",
        "reason": "repetition 1 could not be made: the server has gone",
        "metrics": [],
        "repetitions": [],
    }]);
    document
}

/// How a document looks on a terminal; the error where it is refused.
pub(crate) fn shown(command: &str, document: &Value) -> Result<String, String> {
    let json = document.to_string();
    let json = json.as_bytes();
    let mut out = Vec::new();
    let said = |error: &dyn std::error::Error| {
        let chain = std::iter::successors(Some(error), |error| error.source());
        chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    };
    match command {
        "run" => Summary::read(json)
            .map(|summary| text::write_coloured(&summary, &mut out))
            .map_err(|error| said(&error)),
        "compare" => Comparison::read(json)
            .map(|comparison| compare::write_coloured(&comparison, &mut out))
            .map_err(|error| said(&error)),
        "limits" => Limits::read(json)
            .map(|limits| limits::write_coloured(&limits, &mut out))
            .map_err(|error| said(&error)),
        "sweep" => Sweep::read(json)
            .map(|sweep| {
                sweep::write_coloured(&sweep, &mut out)?;
                csv::sweep(&sweep, &mut out)
            })
            .map_err(|error| said(&error)),
        "interference" => Interference::read(json)
            .map(|neighbours| interference::write_coloured(&neighbours, &mut out))
            .map_err(|error| said(&error)),
        "gate" => Verdict::read(json)
            .map(|verdict| {
                verdict::write_coloured(&verdict, &mut out)?;
                markdown::write(&verdict, &mut out)?;
                junit::write(&verdict, &mut out)?;
                let row = history::Row { commit: "abc" };
                let _ = history::append(&verdict, row, &b""[..], &mut out);
                benchmarks::bencher(&verdict, &mut out)
            })
            .map_err(|error| said(&error)),
        other => panic!("no such document: {other}"),
    }?
    .expect("memory takes any bytes");
    Ok(String::from_utf8(out).expect("UTF-8"))
}

/// The places of all values in a document that `is_one` takes.
pub(crate) fn places(document: &Value, is_one: &dyn Fn(&Value) -> bool) -> Vec<String> {
    fn walk(value: &Value, place: &str, is_one: &dyn Fn(&Value) -> bool, found: &mut Vec<String>) {
        if is_one(value) {
            found.push(place.to_owned());
        }
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    walk(item, &format!("{place}/{index}"), is_one, found);
                }
            }
            Value::Object(fields) => {
                for (name, item) in fields {
                    walk(item, &format!("{place}/{name}"), is_one, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(document, "", is_one, &mut found);
    found
}

/// The document with another value at one place.
pub(crate) fn with(document: &Value, place: &str, value: Value) -> Value {
    let mut changed = document.clone();
    *changed.pointer_mut(place).expect("a place of this document") = value;
    changed
}
