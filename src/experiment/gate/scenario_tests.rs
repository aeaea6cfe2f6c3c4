//! Tests: contents of a file of scenarios, and errors for invalid contents.

use proptest::prelude::*;

use super::*;

#[test]
fn a_file_says_what_is_tried() {
    let text = r#"
        threshold = "4%"
        [[scenario]]
        name = "login"
        size = "1KiB"
        [[scenario]]
        name = "steady"
        size = 64
        rate = "2k/s"
        metadata = ["Tenant: a", "key-bin: AP8"]
        slice = "250ms"
        thresholds = { p50 = "10%" }
    "#;
    let scenarios = Scenario::read(text, 0.03).expect("a file");
    assert_eq!(scenarios.len(), 2);
    assert_eq!(scenarios[0].message_bytes, 1_024);
    assert_eq!(scenarios[0].load, ScenarioLoad::Concurrency(8));
    assert_eq!(scenarios[0].thresholds, Thresholds::all(0.04));
    assert_eq!(scenarios[1].load, ScenarioLoad::Rate(2_000.0));
    assert_eq!(scenarios[1].slice, Duration::from_millis(250));
    let plan = Plan::new(scenarios[1].settings(scenarios[1].slice, Duration::ZERO)).expect("a plan");
    let metadata: Vec<_> =
        plan.options.metadata.iter().map(|pair| (pair.name.as_str(), pair.value.as_str())).collect();
    assert_eq!(metadata, [("tenant", "a"), ("key-bin", "AP8")]);
    let of = |metric| scenarios[1].thresholds.of(metric);
    assert_eq!((of(GateMetric::P50), of(GateMetric::ServerCpu)), (0.1, 0.04));
}

#[test]
fn what_a_file_cannot_say_is_named() {
    let one = |rest: &str| format!("[[scenario]]\nname = \"a\"\nsize = \"1KiB\"\n{rest}");
    for (text, reason) in [
        (String::new(), "no scenario"),
        ("scenario = 1".to_owned(), "sequence"),
        ("[[scenario]]\nname = \"a\"".to_owned(), "size"),
        (one("sise = 1"), "sise"),
        (one("rate = \"1k\"\nconcurrency = 1"), "one of them"),
        (one("concurrency = 0"), "scenario `a`"),
        (one("threshold = \"3\""), "such as `3%`"),
        (one("thresholds = { p50 = \"200%\" }"), "thresholds.p50"),
        (one("slice = \"1ms\""), "10ms"),
        (one("slice = \"100\""), "slice"),
        (one("rounds = 0"), "1 to"),
        (one("expect = \"lost\""), "answered"),
        (one("") + &one(""), "names must differ"),
        (one("").replace("1KiB", "1XB"), "size"),
        (one("rate = -1"), "rate"),
    ] {
        let error = Scenario::read(&text, 0.03).expect_err(&text);
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        let message = format!("{error}: {source}");
        assert!(message.contains(reason), "{text}: {message}");
    }
}

#[test]
fn the_built_in_ones_are_plans() {
    for scenario in Scenario::built_in(DEFAULT_THRESHOLD) {
        Plan::new(scenario.settings(SLICE, Duration::ZERO)).expect("a plan");
    }
}

proptest! {
    #[test]
    fn no_file_makes_the_reader_panic(text in "\\PC{0,80}") {
        let _ = Scenario::read(&text, 0.03);
        let _ = parse_share(&text);
    }
}
