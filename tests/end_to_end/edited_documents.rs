//! Saved documents are untrusted input: contradictions are refused, and reading takes memory in proportion to the
//! size.

use std::fs;

use plimsoll::{report::SavedDocument, result::DocumentKind};
use serde_json::{Value, json};

use crate::{
    process::{output_of, text},
    saved_documents::{document, documents, places, shown, with, written_by},
};

/// Changes one value of a document, and checks that the document is refused with these words.
fn refused(document: &Value, place: &str, value: Value, words: &str) {
    let what = format!("{place} = {value}");
    let error = shown(&with(document, place, value)).expect_err(&what);
    assert!(error.contains(words), "{what}: {error}");
}

#[test]
fn documents_that_were_not_changed_agree_with_themselves() {
    for (kind, document) in documents() {
        shown(&document).unwrap_or_else(|error| panic!("{kind}: {error}"));
    }
}

#[test]
fn a_changed_figure_of_a_result_is_refused() {
    let run = &document(DocumentKind::Summary);
    let others = [
        ("/goodput/calls_per_second", json!(-1e300), "the goodput is -1e300"),
        ("/goodput/replies", json!(u64::MAX), "the goodput"),
        ("/goodput/request_bytes_per_second", json!(1e300), "the goodput of requests"),
        ("/goodput/reply_bytes_per_second", json!(-1), "the goodput of replies"),
        ("/window_ns", json!(0), "the window is 0 ns"),
        ("/window_ns", json!(1), "the goodput"),
        ("/latency/service/p99_ns", json!(1), "a latency.p99_ns is 1"),
        ("/latency/service/mean_ns", json!(5), "a latency.mean_ns is 5"),
        ("/latency/service/out_of_range", json!(u64::MAX), "over an hour"),
        ("/calls/answered", json!(0), "do not add up"),
        ("/intervals/0/start_ns", json!(u64::MAX), "start of an interval"),
        ("/intervals/0/length_ns", json!(0), "length of an interval"),
        ("/refusals/0/count", json!(7), "number of times of a refusal"),
        ("/sizes/0/message_bytes", json!(7), "list of sizes"),
        ("/plan/sizes", json!([]), "list of sizes"),
    ];
    for (place, value, words) in others {
        refused(run, place, value, words);
    }
    let verdict = if run["soundness"]["verdict"] == "sound" { "unsound" } else { "sound" };
    refused(run, "/soundness/verdict", verdict.into(), "the soundness is");
    for (index, objective) in run["objectives"].as_array().expect("a list").iter().enumerate() {
        let met = !objective["met"].as_bool().expect("a word");
        refused(run, &format!("/objectives/{index}/met"), met.into(), "the objective");
    }
}

/// Returns the document and its runs, as written by another build.
fn of_another_build(document: &Value) -> Value {
    written_by(document, &json!({ "version": "0.0.1", "commit": "1234567" }))
}

#[test]
fn figures_of_another_build_are_computed_again_and_what_differs_is_shown() {
    use DocumentKind::{Interference, Summary, Sweep};
    for (kind, place, words) in [
        (
            Summary,
            "/latency/service/p99_ns",
            "the result.latency.service.p99_ns is 5 in the file, but its counts give",
        ),
        (Summary, "/cost/client_cpu_ns_per_call", "client_cpu_ns_per_call is 5"),
        (Summary, "/intervals/0/latency/p50_ns", "intervals[0].latency.p50_ns is 5"),
        (Interference, "/with/response/p50_ns", "[1].response.p50_ns is 5"),
    ] {
        let changed = with(&document(kind), place, json!(5));
        shown(&changed).expect_err("of this build, it is refused");
        let of_another = of_another_build(&changed);
        let printed = shown(&of_another).expect("read").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(printed.contains(words), "{kind} {place}: {printed}");
        let saved = SavedDocument::read(of_another.to_string().as_bytes()).expect("read");
        let again = serde_json::to_value(&saved).expect("plain data");
        assert_eq!(again.pointer(place), document(kind).pointer(place), "{kind}");
        assert_eq!(again["plimsoll"]["commit"], "1234567", "{kind}");
    }
    // Of the runs in other documents too.
    for (kind, place) in [
        (Sweep, "/points/0/latency/service/p99_ns"),
        (Interference, "/rounds/0/with/cost/client_cpu_ns_per_call"),
    ] {
        let changed = with(&document(kind), place, json!(5));
        shown(&changed).expect_err("of this build, it is refused");
        let of_another = of_another_build(&changed);
        let saved = SavedDocument::read(of_another.to_string().as_bytes()).expect("read");
        let again = serde_json::to_value(&saved).expect("plain data");
        assert_eq!(again.pointer(place), document(kind).pointer(place), "{kind}");
        assert!(again.to_string().contains("file_says_otherwise"), "{kind}");
    }
    // What was counted is no matter of computing: calls that got lost are refused as ever.
    let lost = with(&document(Summary), "/calls/answered", json!(0));
    let error = shown(&of_another_build(&lost)).expect_err("calls got lost");
    assert!(error.contains("do not add up"), "{error}");
}

#[test]
fn a_changed_figure_of_other_documents_is_refused() {
    use DocumentKind::{Comparison, Interference, Limits, Sweep};
    let others = [
        (Sweep, "/points/0/goodput/calls_per_second", json!(1), "the goodput is 1"),
        (Sweep, "/points/0/window_ns", json!(0), "the window is 0 ns"),
        (Sweep, "/points/0/schema", json!("plimsoll.summary/3"), "point 1 cannot be used: its schema is"),
        (Sweep, "/order/0/message_bytes", json!(7), "a point is"),
        (Sweep, "/order/0/repetition", json!(9), "a point is"),
        (Sweep, "/asked/repetitions", json!(u32::MAX), "the number of points"),
        (Sweep, "/asked/seed", json!(99), "a point is"),
        (Limits, "/limits/1/limit_bytes", json!(5), "the place of the server's limit for requests"),
        (Limits, "/limits/1/largest_passed_bytes", json!(5_000), "the largest passed message"),
        (Limits, "/limits/1/smallest_refused_bytes", json!(1), "the largest passed message"),
        (Limits, "/limits/1/state", json!("not_reached"), "the server's limit for requests"),
        (Interference, "/with/replies_per_second", json!(1), "the comparison[1].replies_per_second is 1"),
        (Interference, "/damage/response/0/ratio", json!(1e9), "the comparison[2].response[0].ratio"),
        (Interference, "/rounds/0/with/goodput/calls_per_second", json!(1), "the goodput is 1"),
        (Comparison, "/figures/0/ratio", json!(2), "the ratio of"),
        (Comparison, "/figures/0/base", json!(-1), "the base of"),
        (Comparison, "/base", json!([]), "the number of results of the base"),
    ];
    for (kind, place, value, words) in others {
        refused(&document(kind), place, value, words);
    }
}

#[test]
fn a_changed_verdict_is_refused() {
    let gate = &document(DocumentKind::Verdict);
    assert_eq!(gate["verdict"], "regressed", "a limit has moved");
    refused(gate, "/verdict", json!("unchanged"), "the verdict is unchanged");
    let words = "the verdict of scenario `small` is improved";
    refused(gate, "/scenarios/0/verdict", json!("improved"), words);
    let words = "the base's search for limits cannot be used: its schema is `plimsoll.limits/2`";
    refused(gate, "/limits/base/schema", json!("plimsoll.limits/2"), words);
    refused(gate, "/limits/moved", json!([]), "the limits that moved");
    refused(&with(gate, "/limits", json!(null)), "/scenarios", json!([]), "the verdict is");
}

#[test]
fn no_number_of_a_saved_document_makes_it_panic() {
    no_number_makes_it_panic(3);
}

#[test]
#[ignore = "second suite: up to 25 numbers of each document"]
fn no_number_among_many_of_a_saved_document_makes_it_panic() {
    no_number_makes_it_panic(25);
}

/// So many numbers of each document, each by itself: what cannot be computed from the rest is taken, and then printed
/// without a panic.
fn no_number_makes_it_panic(most: usize) {
    let mut all = documents();
    all.extend(documents().into_iter().map(|(kind, document)| (kind, of_another_build(&document))));
    for (kind, document) in all {
        let (mut taken, mut refused) = (0, 0);
        let mut numbers = places(&document, &Value::is_number);
        // Repetitions and runs repeat each other.
        let step = numbers.len() / most + 1;
        numbers = numbers.into_iter().step_by(step).collect();
        for place in numbers {
            for value in [json!(0), json!(u64::MAX), json!(-1), json!(1e300)] {
                match shown(&with(&document, &place, value)) {
                    Ok(_) => taken += 1,
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(refused > 0, "{kind}: {refused} refused, {taken} taken");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_document_takes_is_bounded_by_its_size() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("result.json");
    let run = &document(DocumentKind::Summary);
    let of_interval = run["intervals"][0].clone();
    let many = with(run, "/intervals", Value::Array(vec![of_interval; 30_000]));
    // A payload of -1 bytes, behind a head that is right.
    let claims = with(
        run,
        "/latency/service/histogram",
        json!("HISTEwAAAP////8AAAADAAAAAAAAAAEAAAMV0LkIAD/wAAAAAAAA"),
    );
    for (document, words) in [(many, "1024 intervals"), (claims, "histogram")] {
        fs::write(&path, document.to_string()).expect("writable");
        let script = "ulimit -v 400000; exec \"$0\" \"$@\"";
        let output = std::process::Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_plimsoll"), "report", path.to_str().expect("UTF-8")])
            .output()
            .expect("sh runs");
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
}

#[test]
fn a_comparison_that_was_saved_is_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("comparison.json");
    let golden = "tests/data/documents/summary.json";
    let compared = output_of(&["compare", golden, golden, "-o", path.to_str().expect("UTF-8")]);
    let reported = output_of(&["report", path.to_str().expect("UTF-8")]);
    assert_eq!(reported.status.code(), Some(0), "{}", text(&reported.stderr));
    assert_eq!(text(&reported.stdout), text(&compared.stdout));
}
