//! The document `plimsoll.comparison/1`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    figures::{self, Figure},
    limits::{self, LimitDifference},
};
use crate::{
    load::{Expect, Plan},
    measure::{Build, Latency},
    result::{
        Finding, FindingKind,
        document::DocumentKind,
        soundness::MISSING_ANSWERS,
        summary::{LatencyRecord, Summary},
    },
    statistics::holm,
    units::{as_f64, format_share},
};

/// A comparison of two sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Schema of the document: the value of `DocumentKind::Comparison.schema()`.
    pub schema: String,
    /// Build of this program that compared.
    pub plimsoll: Build,
    /// Results of the base: labels, or start times.
    pub base: Vec<String>,
    /// Results of the candidate: labels, or start times.
    pub candidate: Vec<String>,
    /// Differences between the plans; empty for equal plans.
    pub plan_differences: Vec<String>,
    /// Limits that moved, and sizes that are refused on one side only.
    pub limits: Vec<LimitDifference>,
    /// Ratios, candidate to base.
    pub figures: Vec<Figure>,
    /// Latency of all runs of each side together; absent in documents of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pooled: Option<Pooled>,
    /// Findings that explain the figures.
    pub findings: Vec<Finding>,
}

/// Latency of each side, over all of its runs: response time in an open loop, service time in a closed one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pooled {
    /// Latency of the base.
    pub base: LatencyRecord,
    /// Latency of the candidate.
    pub candidate: LatencyRecord,
}

/// Path of the method of plans that name none.
const FORMAT_DATA: &str = "example.FormatData/DoFormat";

/// Reason why results cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// One side has no result.
    #[error("the {0} has no result")]
    None(&'static str),
    /// The plans differ.
    #[error(
        "the plans differ ({}), which may explain a difference of the figures; run the same plan, or compare anyway with --allow-different-plans",
        .0.join("; ")
    )]
    Plans(Vec<String>),
    /// The calls differ, so that no comparison is possible.
    #[error(
        "the results are of different {what} ({base} and {other}), so that their figures say nothing about each other; run both with the same {what}"
    )]
    Calls {
        /// The difference: `methods`, `data` or `checks of replies`.
        what: &'static str,
        /// The value of the first base.
        base: String,
        /// Another value.
        other: String,
    },
}

impl Comparison {
    /// Compares results.
    ///
    /// # Errors
    /// A side is empty, or the plans differ without permission.
    pub fn new(
        base: &[Summary],
        candidate: &[Summary],
        allow_different_plans: bool,
    ) -> Result<Self, CompareError> {
        for (name, side) in [("base", base), ("candidate", candidate)] {
            if side.is_empty() {
                return Err(CompareError::None(name));
            }
        }
        check_calls(base, candidate)?;
        let plan_differences = plan_differences(base, candidate);
        if !plan_differences.is_empty() && !allow_different_plans {
            return Err(CompareError::Plans(plan_differences));
        }
        let mut figures = figures::of(base, candidate);
        let p_values: Vec<f64> = figures.iter().filter_map(|figure| figure.p).collect();
        let mut adjusted = holm(&p_values).into_iter();
        for figure in figures.iter_mut().filter(|figure| figure.p.is_some()) {
            figure.p_adjusted = adjusted.next();
        }
        let names = |side: &[Summary]| side.iter().map(name).collect();
        Ok(Self {
            schema: DocumentKind::Comparison.schema().to_owned(),
            plimsoll: Build::this(),
            base: names(base),
            candidate: names(candidate),
            findings: findings(base, candidate, &plan_differences),
            plan_differences,
            limits: limits::differences(base, candidate),
            figures,
            pooled: pooled(base).zip(pooled(candidate)).map(|(base, candidate)| Pooled { base, candidate }),
        })
    }
}

/// Returns the latency of all runs of a side; `None` if a histogram cannot be decoded.
fn pooled(side: &[Summary]) -> Option<LatencyRecord> {
    let mut sum = Latency::new();
    for summary in side {
        sum.add(&summary.main_latency().decode().ok()?);
    }
    Some((&sum).into())
}

/// Checks that all results are of one method, with the same data and the same check of replies.
fn check_calls(base: &[Summary], candidate: &[Summary]) -> Result<(), CompareError> {
    let method = |plan: &Plan| {
        let path = plan.other_method.as_ref().map_or(FORMAT_DATA, |method| method.path.as_str());
        path.trim_start_matches('/').to_owned()
    };
    let data = |plan: &Plan| match &plan.data {
        Some(data) => format!("SHA-256 {}", start(&data.sha256)),
        None => "texts".to_owned(),
    };
    let check = |plan: &Plan| {
        let name = plan.expect.unwrap_or(Expect::Upper).name();
        let data = plan.data.as_ref();
        if let Some(data) = data.filter(|data| !data.checks.is_empty()) {
            return data.checks.join(" and ");
        }
        let reply = data.and_then(|data| data.expected_reply_sha256.as_deref());
        reply.map_or_else(|| name.to_owned(), |hash| format!("{name} with SHA-256 {}", start(hash)))
    };
    let mut all = base.iter().chain(candidate).map(|summary| &summary.plan);
    let Some(first) = all.next() else { return Ok(()) };
    for plan in all {
        for (what, base, other) in [
            ("methods", method(first), method(plan)),
            ("data", data(first), data(plan)),
            ("checks of replies", check(first), check(plan)),
        ] {
            if base != other {
                return Err(CompareError::Calls { what, base, other });
            }
        }
    }
    Ok(())
}

/// The first digits of a hash, which tell two apart.
fn start(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

fn name(summary: &Summary) -> String {
    summary.label.clone().unwrap_or_else(|| summary.started_at.clone())
}

/// Returns all differences between a plan and the first plan of the base.
fn plan_differences(base: &[Summary], candidate: &[Summary]) -> Vec<String> {
    let value = |summary: &Summary| {
        let mut plan = summary.plan.document();
        // The same messages may come from another file.
        if let Some(data) = &mut plan.data {
            (data.source, data.file, data.inline) = (String::new(), None, None);
        }
        serde_json::to_value(&plan).unwrap_or_default()
    };
    let Some(first) = base.first().map(value) else { return Vec::new() };
    let mut differences = Vec::new();
    for other in base.iter().skip(1).chain(candidate).map(value) {
        let keys =
            [&first, &other].into_iter().filter_map(serde_json::Value::as_object).flat_map(|map| map.keys());
        for key in keys {
            let shown = |value: &serde_json::Value| {
                value.get(key).map_or_else(|| "nothing".to_owned(), ToString::to_string)
            };
            let difference = format!("{key}: {} and {}", shown(&first), shown(&other));
            if first.get(key) != other.get(key) && !differences.contains(&difference) {
                differences.push(difference);
            }
        }
    }
    differences
}

/// Returns the share of planned calls without a verified reply, refused calls excluded.
fn missing_answers(side: &[Summary]) -> f64 {
    let sum = |of: fn(&Summary) -> u64| side.iter().map(of).fold(0, u64::saturating_add);
    let planned = sum(|summary| summary.calls.planned.saturating_sub(summary.calls.outcomes.refused));
    let answered = sum(|summary| summary.calls.outcomes.answered);
    as_f64(planned.saturating_sub(answered)) / as_f64(planned.max(1))
}

fn findings(base: &[Summary], candidate: &[Summary], plan_differences: &[String]) -> Vec<Finding> {
    let finding = Finding::note;
    let mut findings = Vec::new();
    if !plan_differences.is_empty() {
        findings.push(finding(
            FindingKind::DifferentPlans,
            format!("the plans differ: {}", plan_differences.join("; ")),
            "a difference of the figures may be one of the plans",
        ));
    }
    let all = || base.iter().chain(candidate);
    let machine = |summary: &Summary| {
        let environment = &summary.environment;
        (environment.cpu_model.clone(), environment.cores, environment.os.clone())
    };
    if let Some(first) = base.first().map(machine)
        && let Some(other) = all().map(machine).find(|other| *other != first)
    {
        findings.push(finding(
            FindingKind::DifferentMachines,
            format!("they were not measured on the same machine: {first:?} and {other:?}"),
            "measure both on one machine, in turn",
        ));
    }
    let unsound = all().filter(|summary| summary.soundness.verdict == crate::result::Rating::Unsound).count();
    if unsound > 0 {
        findings.push(finding(
            FindingKind::UnsoundRuns,
            format!("{unsound} of {} runs were not sound", base.len() + candidate.len()),
            "`plimsoll report` shows the reasons",
        ));
    }
    let shares = [base, candidate].map(missing_answers);
    if shares.iter().any(|share| *share >= MISSING_ANSWERS) {
        let [of_base, of_candidate] = shares.map(format_share);
        findings.push(finding(
            FindingKind::MissingAnswers,
            format!(
                "{of_base} of the base's planned calls and {of_candidate} of the candidate's had no verified reply (refused messages not counted); latencies are of the other calls"
            ),
            "look at the statuses before the ratios: the side that lost more calls may look faster for it",
        ));
    }
    if base.len() == 1 && candidate.len() == 1 {
        findings.push(finding(
            FindingKind::OneRunEach,
            "with one run per side, the interval reflects variation within those runs only; run-to-run variation is often larger: on shared machines over 10 % in one pair of three".to_owned(),
            "run both several times in turn, and compare folders of results",
        ));
    } else if figures::fewest_for_p(base.len(), candidate.len()) {
        findings.push(finding(
            FindingKind::FewRuns,
            format!(
                "{} and {} runs cannot show a difference at 5 %, whatever it is",
                base.len(),
                candidate.len()
            ),
            "four of each are the fewest that can",
        ));
    }
    findings
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
