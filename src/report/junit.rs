//! JUnit XML of a verdict: one test case for the limits, and one for each metric of each scenario.

use std::io::{self, Write};

use chrono::DateTime;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{
    outside::on_one_line,
    verdict_words::{metric_name, percent, word},
};
use crate::{
    experiment::gate::{MetricVerdict, ScenarioVerdict, Verdict, Word},
    report::text::soundness::weight_word,
    result::{Rating, summary::Summary},
};

/// Writes a verdict. Regressed metrics are failures; metrics without a result are skipped.
///
/// # Errors
/// Errors of the writer.
pub fn write(verdict: &Verdict, mut out: impl Write) -> io::Result<()> {
    let mut report = Report::new("plimsoll gate");
    let started = DateTime::parse_from_rfc3339(&verdict.started_at).ok();
    let mut suite = TestSuite::new("plimsoll.gate");
    if let Some(started) = started {
        report.set_timestamp(started);
        suite.set_timestamp(started);
    }
    let elapsed = std::time::Duration::from_nanos(verdict.elapsed_ns);
    report.set_time(elapsed);
    suite.set_time(elapsed);
    suite.add_test_case(limits(verdict));
    if verdict.scenarios.is_empty() {
        suite.add_test_case(case("gate", "verdict", verdict.verdict, &verdict.reason));
    }
    for scenario in &verdict.scenarios {
        suite.add_test_cases(cases(scenario));
    }
    report.add_test_suite(suite);
    report.serialize(&mut out).map_err(io::Error::other)?;
    out.flush()
}

/// Writes a run: a test case per objective, and one for the soundness, which fails if the run is unsound.
///
/// # Errors
/// Errors of the writer.
pub fn run(summary: &Summary, mut out: impl Write) -> io::Result<()> {
    let mut report = Report::new("plimsoll run");
    let mut suite = TestSuite::new("plimsoll.run");
    if let Ok(started) = DateTime::parse_from_rfc3339(&summary.started_at) {
        report.set_timestamp(started);
        suite.set_timestamp(started);
    }
    let window = std::time::Duration::from_nanos(summary.window_ns);
    report.set_time(window);
    suite.set_time(window);
    for objective in &summary.objectives {
        let message = format!("{}: {}", objective.expression, objective.shown);
        let failure = (!objective.met).then_some("missed");
        suite.add_test_case(run_case("objective", &objective.expression, failure, &message));
    }
    let failure = (summary.soundness.verdict == Rating::Unsound).then_some("unsound");
    let findings: Vec<String> = summary
        .soundness
        .findings
        .iter()
        .map(|finding| format!("{} {}: {}", weight_word(finding.weight), finding.name, finding.detail))
        .collect();
    suite.add_test_case(run_case("run", "soundness", failure, &findings.join("; ")));
    report.add_test_suite(suite);
    report.serialize(&mut out).map_err(io::Error::other)?;
    out.flush()
}

fn run_case(class: &str, name: &str, failure: Option<&str>, message: &str) -> TestCase {
    let message = on_one_line(message);
    let mut status = if failure.is_some() {
        TestCaseStatus::non_success(NonSuccessKind::Failure)
    } else {
        TestCaseStatus::success()
    };
    if let Some(kind) = failure {
        status.set_message(message.clone());
        status.set_type(kind);
    }
    let mut case = TestCase::new(on_one_line(name), status);
    case.set_classname(format!("plimsoll.run.{class}"));
    if failure.is_none() && !message.is_empty() {
        case.set_system_out(message);
    }
    case
}

fn limits(verdict: &Verdict) -> TestCase {
    let Some(limits) = &verdict.limits else {
        return case("limits", "server", Word::Skipped, "not searched");
    };
    let moved: Vec<String> = limits
        .moved
        .iter()
        .map(|moved| format!("the limit for {}s: {} -> {}", moved.direction, moved.base, moved.candidate))
        .collect();
    if moved.is_empty() && !limits.not_compared.is_empty() {
        return case("limits", "server", Word::Inconclusive, &limits.not_compared.join("; "));
    }
    let word = if moved.is_empty() { Word::Unchanged } else { Word::Regressed };
    case("limits", "server", word, &moved.join("; "))
}

/// Returns the test cases of a scenario's metrics; one case for the scenario if it ended before they were
/// judged.
fn cases(scenario: &ScenarioVerdict) -> Vec<TestCase> {
    let reason = scenario.reason.as_deref().unwrap_or_default();
    if scenario.metrics.is_empty() || matches!(scenario.verdict, Word::Skipped | Word::Abstained) {
        return vec![case(&scenario.name, "calls", scenario.verdict, reason)];
    }
    let mut cases: Vec<TestCase> = scenario
        .metrics
        .iter()
        .map(|metric| case(&scenario.name, metric_name(&metric.metric), metric.verdict, &in_words(metric)))
        .collect();
    if !reason.is_empty() {
        cases.push(case(&scenario.name, "scenario", scenario.verdict, reason));
    }
    cases
}

fn in_words(metric: &MetricVerdict) -> String {
    let interval = metric
        .interval
        .map(|(low, high)| format!(", 95 % interval {} to {}", percent(low), percent(high)))
        .unwrap_or_default();
    format!("candidate to base {}{interval}, p, adjusted {:.4}", percent(metric.ratio), metric.p_of_change())
}

fn case(class: &str, name: &str, verdict: Word, message: &str) -> TestCase {
    // The writer escapes XML's own characters; characters that no document may contain are escaped here.
    let (class, name, message) = (on_one_line(class), on_one_line(name), on_one_line(message));
    let mut status = match verdict {
        Word::Regressed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Word::Improved | Word::Unchanged => TestCaseStatus::success(),
        Word::Inconclusive | Word::Skipped | Word::Abstained => TestCaseStatus::skipped(),
    };
    let is_success = matches!(verdict, Word::Improved | Word::Unchanged);
    if !is_success {
        status.set_message(format!("{}: {message}", word(verdict)));
    }
    if verdict == Word::Regressed {
        status.set_type("regressed");
    }
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("plimsoll.gate.{class}"));
    if is_success && !message.is_empty() {
        case.set_system_out(message);
    }
    case
}
