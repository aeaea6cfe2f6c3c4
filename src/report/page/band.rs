//! The first part of a page: whether to trust it, and whether it met what was asked of it.

use super::content::{Band, Tone};
use crate::{
    report::text::soundness::{rating_words, saturation_words, weight_word},
    result::{Finding, FindingKind, Rating, soundness::Soundness, summary::Summary},
};

/// Trust in a run, its findings with their next steps, and its objectives.
pub(super) fn of_run(summary: &Summary) -> Band {
    let missed = summary.objectives.iter().filter(|objective| !objective.met).count();
    let all = summary.objectives.len();
    let tone = match summary.soundness.verdict {
        Rating::Unsound => Tone::Bad,
        _ if missed > 0 => Tone::Bad,
        Rating::Disturbed => Tone::Doubtful,
        Rating::Sound => Tone::Good,
    };
    let mut lines = Vec::new();
    // Results of earlier versions have no finding about it.
    if summary.interrupted
        && !summary.soundness.findings.iter().any(|finding| finding.is(FindingKind::Interrupted))
    {
        let text = "the figures are those of the calls that were planned until then";
        lines.push(("interrupted".to_owned(), text.to_owned(), String::new()));
    }
    for objective in &summary.objectives {
        let word = if objective.met { "met" } else { "missed" };
        lines.push((
            word.to_owned(),
            format!("{}: {}", objective.expression, objective.shown),
            String::new(),
        ));
    }
    lines.extend(soundness(&summary.soundness));
    let result = match (all, missed) {
        (0, _) => String::new(),
        (_, 0) => "All objectives met".to_owned(),
        _ => format!("{missed} of {all} objectives missed"),
    };
    Band { tone, result, lines }
}

fn soundness(soundness: &Soundness) -> Vec<(String, String, String)> {
    let rating = rating_words(soundness.verdict);
    let (word, text) = rating.split_once(": ").unwrap_or((rating, ""));
    let mut lines = vec![(word.to_owned(), text.to_owned(), String::new())];
    lines.extend(
        saturation_words(soundness).map(|(detail, advice)| (String::new(), detail, advice.to_owned())),
    );
    lines.extend(findings(&soundness.findings));
    lines
}

/// Findings with their next steps.
pub(super) fn findings(findings: &[Finding]) -> Vec<(String, String, String)> {
    findings
        .iter()
        .map(|finding| {
            let word = format!("{} {}", weight_word(finding.weight), finding.name);
            (word, finding.detail.clone(), finding.advice.clone())
        })
        .collect()
}
