//! Pages: their structure, whatever texts a document has, and the figures on them.

use std::time::Duration;

use plimsoll::{
    experiment::sweep::Sweep,
    measure::Latency,
    report::{Format, SavedDocument, Writable},
    result::{
        DocumentKind,
        soundness::Bottleneck,
        summary::{LatencyRecord, Summary},
    },
};
use proptest::prelude::*;
use quick_xml::{Reader, events::Event};
use serde_json::Value;

use crate::golden_documents::golden_document;

/// Kinds of documents with a page.
const KINDS: [DocumentKind; 6] = [
    DocumentKind::Summary,
    DocumentKind::Sweep,
    DocumentKind::Limits,
    DocumentKind::Interference,
    DocumentKind::Comparison,
    DocumentKind::Verdict,
];

fn page_of(document: &impl Writable) -> String {
    let mut page = Vec::new();
    document.write(Format::Html, &mut page).expect("memory takes any bytes");
    String::from_utf8(page).expect("UTF-8")
}

fn page(kind: DocumentKind) -> String {
    let mut page = Vec::new();
    let document = SavedDocument::read(&golden_document(kind)).expect("a document of ours");
    document.write(Format::Html, &mut page).expect("memory takes any bytes");
    String::from_utf8(page).expect("UTF-8")
}

/// Elements of a page in their order, with their depth; and its texts, without the script, the style, and the report as
/// text. Fails unless each element ends where it must.
fn parsed(page: &str) -> (Vec<(usize, String)>, String) {
    // Elements of HTML without an end.
    let mut closed = page.replace("<br>", "<br/>");
    for name in ["meta", "link"] {
        let start = format!("<{name} ");
        let parts: Vec<&str> = closed.split(start.as_str()).collect();
        let rest = parts[1..].iter().map(|part| format!("{start}{}", part.replacen('>', "/>", 1)));
        closed = std::iter::once(parts[0].to_owned()).chain(rest).collect();
    }
    let start = closed.find("<script>").expect("a script");
    let end = closed.find("</script>").expect("its end");
    let body = format!("{}{}", &closed[..start], &closed[end + "</script>".len()..]);
    let mut reader = Reader::from_str(body.trim_start_matches("<!DOCTYPE html>"));
    let (mut depth, mut elements, mut text, mut silent) = (0, Vec::new(), String::new(), 0);
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(element) => {
                let name = String::from_utf8_lossy(element.name().as_ref()).into_owned();
                silent += usize::from(silent > 0 || matches!(name.as_str(), "style" | "pre"));
                elements.push((depth, name));
                depth += 1;
            }
            Event::Empty(element) => {
                elements.push((depth, String::from_utf8_lossy(element.name().as_ref()).into_owned()));
            }
            Event::End(_) => {
                depth -= 1;
                silent = silent.saturating_sub(1);
            }
            Event::Text(part) if silent == 0 => {
                text.push_str(&String::from_utf8_lossy(&part));
                text.push(' ');
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0);
    (elements, text)
}

#[test]
fn a_page_is_well_formed_and_loads_nothing() {
    for kind in KINDS {
        let page = page(kind);
        assert_eq!(page, self::page(kind), "{kind}: the same document gives the same bytes");
        let (elements, _) = parsed(&page);
        assert!(elements.iter().any(|(_, name)| name == "h1"), "{kind}");
        for loads in [" src=", "url(", "@import", "http://", "https://", "<iframe", "<object", "javascript:"]
        {
            assert!(!page.contains(loads), "{kind}: {loads}");
        }
        for reference in page.split(" href=\"").skip(1) {
            assert!(
                reference.starts_with("data:,\"") || reference.starts_with('#'),
                "{kind}: {reference:.40}"
            );
        }
        assert!(page.contains("content=\"default-src 'none';"), "{kind}");
        assert!(page.len() < 60_000, "{kind}: {} bytes", page.len());
    }
}

fn summary() -> Summary {
    Summary::read(&golden_document(DocumentKind::Summary)[..]).expect("a result")
}

/// Returns a run of one size in a closed loop with this number of intervals of different times.
fn run_of(rows: u64, milliseconds: u64) -> Summary {
    let mut value = serde_json::to_value(summary()).expect("JSON");
    value["plan"]["load"] = serde_json::json!({ "loop": "closed", "concurrency": 50 });
    let mut summary: Summary = serde_json::from_value(value).expect("a result");
    let row = summary.intervals[0].clone();
    let length_ns = milliseconds * 1_000_000;
    let mut k: u64 = 1;
    let mut latency = || {
        let mut latency = Latency::new();
        for _ in 0..2_000 {
            k = k.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let short = 100_000 + (k >> 45);
            latency.record(Duration::from_nanos(if k >> 58 == 0 { short * 15 } else { short }));
        }
        LatencyRecord::from(&latency)
    };
    // Some different ones, in turn: each takes time.
    let latencies: Vec<LatencyRecord> = (0..16).map(|_| latency()).collect();
    let interval = |(number, latency): (u64, &LatencyRecord)| {
        let mut row = row.clone();
        (row.start_ns, row.length_ns) = (number * length_ns, length_ns);
        (row.calls.answered, row.calls.refused) = (2_000, 0);
        row.latency = latency.clone();
        row.largest_lateness_ns = None;
        row
    };
    summary.intervals = (0..rows).zip(latencies.iter().cycle()).map(interval).collect();
    summary.window_ns = rows * length_ns;
    summary.sizes.clear();
    summary.latency.response = None;
    summary.latency.lateness = None;
    summary
}

#[test]
fn pages_of_long_runs_and_large_sweeps_stay_small() {
    for (rows, milliseconds, most) in [(100, 100, 60_000), (600, 100, 120_000), (1_024, 1_000, 500_000)] {
        let page = page_of(&run_of(rows, milliseconds));
        assert!((page.len() as u64) < most, "{rows} rows of {milliseconds} ms: {} bytes", page.len());
        parsed(&page);
    }
    let mut sweep = Sweep::read(&golden_document(DocumentKind::Sweep)[..]).expect("a sweep");
    let (point, result) = (sweep.order[0], sweep.points[0].clone());
    sweep.order.clear();
    sweep.points.clear();
    let loads: Vec<_> = (1..=20).map(plimsoll::experiment::sweep::GridLoad::Concurrency).collect();
    for size in 0..10 {
        for load in &loads {
            let mut point = point;
            (point.message_bytes, point.load) = (64 << size, *load);
            sweep.order.push(point);
            sweep.points.push(result.clone());
        }
    }
    sweep.asked.loads = loads;
    let page = page_of(&sweep);
    assert!(page.len() < 400_000, "{} bytes", page.len());
    parsed(&page);
}

/// Numbers of a text, without their units.
fn numbers(text: &str) -> Vec<&str> {
    text.split(|character: char| !(character.is_ascii_digit() || matches!(character, ',' | '.')))
        .map(|word| word.trim_matches([',', '.']))
        .filter(|word| !word.is_empty())
        .collect()
}

#[test]
fn the_figures_of_the_text_are_on_the_page() {
    let mut missing = Vec::new();
    for kind in KINDS {
        let mut text = Vec::new();
        let document = SavedDocument::read(&golden_document(kind)).expect("a document of ours");
        document.write(Format::Text, &mut text).expect("memory takes any bytes");
        let text = anstream::adapter::strip_str(&String::from_utf8_lossy(&text)).to_string();
        let (_, on_page) = parsed(&page(kind));
        let on_page = numbers(&on_page);
        let mut lines: Vec<&str> = text.lines().collect();
        // The page shows the spread as a curve and as a heat map, and a sweep's goodput in calls per second alone.
        let is_curve =
            |line: &str| line.trim_start().trim_start_matches("spread").trim_start().starts_with("up to ");
        lines.retain(|line| !is_curve(line));
        if kind == DocumentKind::Sweep {
            lines.truncate(2);
        }
        for line in lines {
            for number in numbers(line) {
                if !on_page.contains(&number) {
                    missing.push(format!("{kind}: {number} of `{line}`"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "not on the page:\n{}", missing.join("\n"));
}

/// Replaces each free text of a result.
fn with_texts(text: &str) -> Summary {
    let mut value = serde_json::to_value(summary()).expect("JSON");
    let hostile = Value::from(text);
    value["label"] = hostile.clone();
    value["target"]["authority"] = hostile.clone();
    value["target"]["address"] = hostile.clone();
    value["environment"]["cpu_model"] = hostile.clone();
    for refusal in value["refusals"].as_array_mut().expect("a list") {
        refusal["message"] = hostile.clone();
        refusal["code"] = hostile.clone();
    }
    for finding in value["soundness"]["findings"].as_array_mut().expect("a list") {
        for key in ["name", "detail", "advice"] {
            finding[key] = hostile.clone();
        }
    }
    for objective in value["objectives"].as_array_mut().expect("a list") {
        objective["expression"] = hostile.clone();
        objective["shown"] = hostile.clone();
    }
    value["statuses"] = serde_json::json!([
        { "outcome": "failed", "code": "UNKNOWN", "number": 2, "count": 1, "message": text }
    ]);
    serde_json::from_value(value).expect("a result")
}

#[test]
fn a_hostile_text_is_only_text() {
    let (expected, _) = parsed(&page_of(&with_texts("plain")));
    for text in [
        "</script><script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "]]></style><style>*{display:none}",
        "&lt;b&gt; &amp; <!-- -->",
        "\u{202e}evil\u{0}\u{1b}[31m\u{feff}",
    ] {
        let page = page_of(&with_texts(text));
        assert_eq!(parsed(&page).0, expected, "{text}");
        assert!(!page.contains("<img") && !page.contains("alert(1)<"), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 24 } else { 300 }))]

    #[test]
    fn no_text_changes_the_elements_of_a_page(text in any::<String>().prop_filter("an empty text has no line", |text| !text.is_empty())) {
        let (expected, _) = parsed(&page_of(&with_texts("plain")));
        prop_assert_eq!(parsed(&page_of(&with_texts(&text))).0, expected);
    }
}

#[test]
fn values_of_metadata_are_on_no_page() {
    let mut value = serde_json::to_value(summary()).expect("JSON");
    value["plan"]["metadata"] = serde_json::json!([{ "name": "x-team", "value": "not-for-everybody" }]);
    let summary: Summary = serde_json::from_value(value).expect("a result");
    for format in [Format::Html, Format::Markdown, Format::Prometheus, Format::OpenMetrics, Format::Junit] {
        let mut out = Vec::new();
        summary.write(format, &mut out).expect("memory takes any bytes");
        let out = String::from_utf8(out).expect("UTF-8");
        assert!(!out.contains("not-for-everybody"), "{format}");
        assert!(format != Format::Html || out.contains("x-team"));
    }
}

/// Values of the planned rate on a page: the heights of its dashed line, in thousandths from the top.
fn planned_line(summary: &Summary) -> String {
    let page = page_of(summary);
    let start = page.find("line c2 dash\" d=\"").expect("an open loop has a planned rate");
    page[start..].split('"').nth(2).expect("a path").to_owned()
}

#[test]
fn the_planned_rate_is_that_of_the_calls_on_the_page() {
    let mut value = serde_json::to_value(summary()).expect("JSON");
    let window = value["window_ns"].as_u64().expect("a number");
    // A ramp of ten times the window, which the run left early: a tenth of its rate was reached.
    value["plan"]["load"]["stages"] =
        serde_json::json!([{ "from_per_second": 0.0, "to_per_second": 2_000.0, "duration_ns": 10 * window }]);
    let cut: Summary = serde_json::from_value(value.clone()).expect("a result");
    value["plan"]["load"]["stages"] =
        serde_json::json!([{ "from_per_second": 0.0, "to_per_second": 200.0, "duration_ns": window }]);
    let whole: Summary = serde_json::from_value(value.clone()).expect("a result");
    assert_eq!(planned_line(&cut), planned_line(&whole));
    // One of two shards makes half of the plan's calls.
    value["plan"]["load"]["stages"][0]["to_per_second"] = 400.0.into();
    value["shard"] = serde_json::json!({ "index": 0, "of": 2 });
    let half: Summary = serde_json::from_value(value).expect("a result");
    assert_eq!(planned_line(&half), planned_line(&whole));
}

#[test]
fn a_page_says_nothing_that_was_not_measured() {
    // Without a verified reply there are no times to draw, and no bottleneck.
    let mut value = serde_json::to_value(summary()).expect("JSON");
    let none = serde_json::to_value(LatencyRecord::from(&Latency::new())).expect("JSON");
    value["calls"]["answered"] = 0.into();
    for interval in value["intervals"].as_array_mut().expect("a list") {
        interval["calls"]["answered"] = 0.into();
        interval["latency"] = none.clone();
    }
    for size in value["sizes"].as_array_mut().expect("a list") {
        size["calls"]["answered"] = 0.into();
        size["latency"] = none.clone();
    }
    for time in ["service", "response", "lateness"] {
        value["latency"][time] = none.clone();
    }
    let (_, text) = parsed(&page_of(&serde_json::from_value::<Summary>(value).expect("a result")));
    for (words, is_said) in [
        ("No call was answered.", true),
        ("No call of any size was answered.", true),
        ("No call was answered, so there is no bottleneck to name.", true),
        ("the more calls the stronger", false),
        ("How long is the tail", false),
        ("these figures are its capacity", false),
    ] {
        assert_eq!(text.contains(words), is_said, "{words}: {text}");
    }
    // Without the server's CPU time, its capacity is not known.
    let mut unknown = summary();
    if let Some(saturation) = &mut unknown.soundness.saturation {
        (saturation.server_busy, saturation.saturated) = (None, Bottleneck::Neither);
    }
    let (_, text) = parsed(&page_of(&unknown));
    assert!(text.contains("Not the generator. The server's CPU time is not known."), "{text}");
    // Sizes in any order, and one with too few replies for a p99.
    let mut sizes = run_of(20, 100);
    sizes.sizes = summary().sizes;
    sizes.sizes.iter_mut().for_each(|size| size.latency = sizes.intervals[0].latency.clone());
    sizes.sizes.reverse();
    let (_, text) = parsed(&page_of(&sizes));
    assert!(text.contains(" at 1 KiB, and ") && text.contains(": 0 % answered"), "{text}");
    let (_, text) = parsed(&page_of(&summary()));
    assert!(text.contains("Fewer than two sizes have enough replies for a p99."), "{text}");
}

#[test]
fn a_p99_is_drawn_by_the_second_where_columns_have_too_few_replies() {
    let mut few = run_of(100, 100);
    let mut latency = Latency::new();
    (0..200).for_each(|number| latency.record(Duration::from_micros(100 + number)));
    for row in &mut few.intervals {
        row.calls.answered = 200;
        row.latency = LatencyRecord::from(&latency);
    }
    let (_, text) = parsed(&page_of(&few));
    assert!(text.contains("p99 of each second"), "{text}");
    let (_, text) = parsed(&page_of(&run_of(100, 100)));
    assert!(!text.contains("p99 of each second") && text.contains("in columns of 100 ms"), "{text}");
    let (_, text) = parsed(&page_of(&run_of(600, 100)));
    assert!(text.contains("in columns of 300 ms") && text.contains("rows of 100 ms"), "{text}");
}

#[test]
fn errors_of_a_point_stand_in_its_cell_and_beside_its_curve() {
    let mut sweep = Sweep::read(&golden_document(DocumentKind::Sweep)[..]).expect("a sweep");
    assert!(!parsed(&page_of(&sweep)).1.contains("errors"));
    for point in &mut sweep.points {
        point.calls.outcomes.failed += point.calls.planned;
        point.calls.planned *= 2;
    }
    let (_, text) = parsed(&page_of(&sweep));
    assert!(text.contains(", 50.00 % errors"), "{text}");
}

#[test]
fn a_series_has_one_value_per_millisecond() {
    let mut summary = summary();
    summary.intervals.truncate(1);
    summary.intervals[0].length_ns = 1_000;
    let mut out = Vec::new();
    summary.write(Format::OpenMetrics, &mut out).expect("memory takes any bytes");
    let text = String::from_utf8(out).expect("UTF-8");
    let mut seen = std::collections::BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.rsplitn(3, ' ').collect();
        assert!(seen.insert((words[2].to_owned(), words[0].to_owned())), "twice: {line}");
    }
    assert!(seen.len() > 8);
}
