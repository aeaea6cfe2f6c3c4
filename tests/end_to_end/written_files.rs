//! Files for other programs, read back with strict mirrors of their formats.

#![allow(dead_code, reason = "fields are there to be required")]

use std::{collections::BTreeMap, fs};

use serde::Deserialize;

/// Returns a golden file of a writer.
fn golden(name: &str) -> String {
    fs::read_to_string(format!("tests/data/written/{name}")).expect("a golden file")
}

/// Bencher's metric format: benchmarks, their measures, and a metric each.
type Bencher = BTreeMap<String, BTreeMap<String, Metric>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metric {
    value: f64,
    lower_value: Option<f64>,
    upper_value: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    unit: String,
    value: f64,
    range: String,
    extra: String,
}

/// A row of a sweep's CSV.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SweepRow {
    message_bytes: u64,
    concurrency: Option<u64>,
    rate_per_second: Option<f64>,
    repetition: u32,
    planned: u64,
    answered: u64,
    wrong_reply: u64,
    refused: u64,
    failed: u64,
    deadline_exceeded: u64,
    broken: u64,
    shed: u64,
    unfinished: u64,
    calls_per_second: f64,
    request_bytes_per_second: f64,
    reply_bytes_per_second: f64,
    p50_ns: Option<u64>,
    p90_ns: Option<u64>,
    p99_ns: Option<u64>,
    max_ns: Option<u64>,
    client_cpu_ns_per_call: Option<u64>,
    server_cpu_ns_per_call: Option<u64>,
    soundness: String,
}

/// A row of the golden gate's history.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HistoryRow {
    time: String,
    commit: String,
    #[serde(rename = "small.calls_per_second")]
    calls_per_second: f64,
    #[serde(rename = "small.p50_ns")]
    p50: f64,
    #[serde(rename = "small.server_cpu_ns_per_call")]
    server_cpu: f64,
}

fn rows<T: for<'de> Deserialize<'de>>(name: &str) -> Vec<T> {
    let text = golden(name);
    csv::Reader::from_reader(text.as_bytes()).into_deserialize().map(|row| row.expect(name)).collect()
}

#[test]
fn benchers_file_has_measures_with_their_bounds() {
    let bencher: Bencher = serde_json::from_str(&golden("verdict.bencher")).expect("strict");
    let measures = &bencher["gate/small"];
    let names: Vec<&str> = measures.keys().map(String::as_str).collect();
    let ratios = ["ratio-calls-per-second", "ratio-p50-ns", "ratio-server-cpu-ns-per-call"];
    assert_eq!(names, [&["latency"], &ratios[..], &["server-cpu", "throughput"]].concat());
    for (name, Metric { value, lower_value, upper_value }) in measures {
        let bounds = lower_value.zip(*upper_value).expect("measured");
        assert!((bounds.0..=bounds.1).contains(value), "{name}");
    }
}

#[test]
fn benchmarks_say_in_which_unit_and_range_they_are() {
    let of = |name: &str| serde_json::from_str::<Vec<Entry>>(&golden(name)).expect("strict");
    let units = |entries: &[Entry]| entries.iter().map(|entry| entry.unit.clone()).collect::<Vec<_>>();
    let (smaller, bigger) = (of("verdict.benchmark-smaller"), of("verdict.benchmark-bigger"));
    assert_eq!((units(&smaller), units(&bigger)), (vec!["ns".into(), "ns".into()], vec!["calls/s".into()]));
    for entry in smaller.iter().chain(&bigger) {
        assert!(entry.range.starts_with("± ") && entry.value > 0.0, "{entry:?}");
    }
}

#[test]
fn a_sweeps_rows_conserve_calls() {
    let rows: Vec<SweepRow> = rows("sweep.csv");
    assert_eq!(rows.len(), 2);
    for row in rows {
        let ended = [row.answered, row.wrong_reply, row.refused, row.failed, row.deadline_exceeded];
        assert_eq!(ended.iter().sum::<u64>() + row.broken + row.shed + row.unfinished, row.planned);
        assert!(row.concurrency.is_some() != row.rate_per_second.is_some(), "{row:?}");
    }
}

#[test]
fn a_history_has_a_ratio_for_each_metric() {
    let rows: Vec<HistoryRow> = rows("verdict.history");
    let [HistoryRow { commit, calls_per_second, p50, server_cpu, .. }] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    assert_eq!(commit, "abc");
    assert!([calls_per_second, p50, server_cpu].iter().all(|ratio| (0.5..2.0).contains(*ratio)), "{rows:?}");
}

/// Checks that JUnit's counts are those of its cases.
#[test]
fn junit_counts_its_cases() {
    let report = quick_junit::Report::deserialize_from_str(&golden("verdict.junit")).expect("JUnit");
    let cases: Vec<_> = report.test_suites.iter().flat_map(|suite| &suite.test_cases).collect();
    assert_eq!((report.tests, report.failures, report.errors), (cases.len(), 1, 0));
    let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["server", "calls/s", "p50", "server's CPU per call"]);
}

/// Checks that every row of a Markdown table has as many cells as its head.
#[test]
fn markdown_has_whole_tables() {
    let markdown = golden("verdict.markdown");
    let tables: Vec<&str> = markdown.lines().filter(|line| line.starts_with('|')).collect();
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    assert!(tables.len() >= 5, "{markdown}");
    let heads = tables.iter().zip(tables.iter().skip(1)).filter(|(_, rule)| rule.contains("---"));
    for (head, rule) in heads {
        assert_eq!(cells(head), cells(rule), "{head}");
    }
}
