//! `plimsoll interference`, and its alias `run --with-and-without-refused`: impact of refused calls on accepted calls.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde_json::Value;

use crate::{
    document::Summary,
    policed_server::{Ruling, policed},
    process::{await_line, finish, lines_of, output_of, text},
};

const MIX: [&str; 11] =
    ["interference", "-s", "64@9,5000@1", "-r", "500", "-z", "400ms", "-w", "50ms", "--drain", "1m"];

fn compared(arguments: &[&str]) -> Value {
    let output = output_of(&[&MIX[..], &["-q", "-O", "json"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn summary(value: &Value) -> Summary {
    let summary = Summary::strict(value.to_string().as_bytes()).expect("a summary");
    summary.check();
    summary
}

#[test]
fn the_same_calls_are_made_with_and_without_the_refused_ones() {
    let document = compared(&["--server-max-recv-message-size", "1000", "--rounds", "2"]);
    assert_eq!(document["schema"], "plimsoll.neighbours/1");
    let [refused] = document["refused_sizes"].as_array().expect("a list").as_slice() else {
        panic!("{document}")
    };
    assert_eq!(
        (&refused["message_bytes"], &refused["side"], &refused["direction"], &refused["limit_bytes"]),
        (&5_000.into(), &"server".into(), &"request".into(), &1_000.into())
    );
    let rounds = document["rounds"].as_array().expect("a list");
    let orders: Vec<&Value> = rounds.iter().map(|round| &round["with_came_first"]).collect();
    assert_eq!(orders, [false, true]);
    let (mut planned, mut answered) = ([0; 2], [0; 2]);
    for round in rounds {
        for (index, arm) in ["without", "with"].into_iter().enumerate() {
            let summary = summary(&round[arm]);
            assert_eq!(summary.calls.refused > 0, arm == "with");
            planned[index] += summary.calls.planned - summary.calls.refused;
            answered[index] += summary.calls.answered;
        }
    }
    // 0.9 x 500/s x 0.4 s, and what the mix makes of 200 calls.
    assert_eq!(planned[0], 360);
    assert!((340..=380).contains(&planned[1]), "{planned:?}");
    for (index, arm) in ["without", "with"].into_iter().enumerate() {
        let calls = &document[arm]["calls"];
        assert_eq!(
            (&calls["planned"], &calls["answered"]),
            (&planned[index].into(), &answered[index].into())
        );
        assert_eq!(document[arm]["response"]["count"], answered[index]);
    }
    assert!(document["with"]["uploaded_in_vain_bytes_per_second"].as_f64().expect("known") > 0.0);
    assert_eq!(document["without"]["uploaded_in_vain_bytes_per_second"], 0.0);
    // Each run has a server of its own: its peak of memory is that of the run.
    assert!(document["with"]["server_peak_rss_bytes"].is_u64());
    assert_eq!(document["damage"]["pooled"], "geometric_mean_of_rounds");
    for row in document["damage"]["response"].as_array().expect("a list") {
        let of = |key: &str| row[key].as_f64().expect("a number");
        let ratio = of("with_ns") / of("without_ns");
        assert!((ratio / of("ratio") - 1.0).abs() < 1e-3, "the ratio of the times beside it: {row}");
    }
    let names: Vec<&Value> =
        document["damage"]["response"].as_array().expect("a list").iter().map(|row| &row["name"]).collect();
    assert_eq!(names, ["p50", "p90", "max"], "180 replies are too few for p99");
    assert!(document["findings"].as_array().is_some_and(|findings| !findings.is_empty()));
}

#[test]
fn a_server_that_refuses_by_closing_takes_the_others_along() {
    let closed = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&closed);
    let target = policed(move |request| match request.claimed {
        Some(claimed) if claimed > 1_000 => {
            count.fetch_add(1, Ordering::Relaxed);
            Ruling::Close
        }
        _ => Ruling::GoOn,
    });
    let document = compared(&[&target.to_string(), "--rounds", "1"]);
    assert!(document["refused_sizes"][0]["side"].is_null());
    assert_eq!(document["refused_sizes"][0]["code"], "UNAVAILABLE");
    assert_eq!(document["without"]["lost_connections"], 0);
    let lost = document["with"]["lost_connections"].as_u64().expect("known");
    // Of some 20 refused calls, those that came together share a connection. The first look had one of its own.
    let closed = closed.load(Ordering::Relaxed);
    assert!((1..=closed).contains(&lost), "{lost} of {closed}");
    let findings = document["findings"].to_string();
    assert!(findings.contains("connections_lost"), "{findings}");
}

#[test]
fn a_server_that_goes_in_mid_course_leaves_what_was_measured() {
    let server = crate::process::Server::start(&["--max-recv-message-size", "1000"]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("result.json");
    let target = server.target();
    let own = ["--rounds", "1000", "-o", path.to_str().expect("UTF-8"), &target];
    let mut child = crate::process::plimsoll(&[&MIX[..], &own[..]].concat())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = lines_of(&mut child);
    // One round is over then, of a thousand.
    await_line(&mut lines, "round 2 of 1000");
    server.signal(rustix::process::Signal::KILL);
    await_line(&mut lines, "ended early");
    lines.for_each(drop);
    assert_eq!(finish(child).status.code(), Some(2));
    let document: Value = serde_json::from_slice(&std::fs::read(&path).expect("kept")).expect("JSON");
    let rounds = document["rounds"].as_array().expect("a list");
    assert!(!rounds.is_empty(), "{document}");
    for round in rounds {
        summary(&round["with"]);
    }
}

#[test]
fn too_few_replies_are_no_comparison() {
    let output = output_of(&[
        "run",
        "-s",
        "64@1,5000@1",
        "-r",
        "8",
        "-z",
        "500ms",
        "-w",
        "0s",
        "--server-max-recv-message-size",
        "1000",
        "--with-and-without-refused",
        "--rounds",
        "1",
        "-q",
    ]);
    assert!(text(&output.stdout).contains("no quantile has enough replies"), "{}", text(&output.stdout));
}

#[test]
fn what_cannot_be_compared_is_said() {
    for (arguments, words) in [
        (&["-s", "64,5MiB"][..], "give --rate"),
        (&["-s", "64,1KiB", "-r", "100"], "none of these sizes is refused (64 B, 1 KiB)"),
        (&["-s", "5MiB,6MiB", "-r", "100"], "none of these sizes passes (OUT_OF_RANGE: Error, decoded"),
        (&["-s", "64", "-r", "100"], "needs a mix of sizes"),
        (&["-s", "64,5MiB", "-r", "100", "-n", "10"], "leave out --calls"),
        (&["-s", "64,5MiB", "-r", "100", "--rounds", "0"], "--rounds is 0; give a number from 1 to 1,000"),
        (&["-s", "64,5MiB", "-r", "100", "--assert", "refused==0"], "cannot be used with"),
    ] {
        let output = output_of(&[&["run", "--with-and-without-refused", "-q"], arguments].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
}
