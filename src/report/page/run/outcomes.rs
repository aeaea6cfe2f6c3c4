//! Outcomes of all calls: a bar with a part for each outcome, and the kinds of refusals and statuses.

use crate::{
    report::{
        page::content::{Bar, Figure, Table},
        style::printable,
        text::figures::{share, time},
    },
    result::{samples_needed, summary::Summary},
    rpc::{Difference, outcome::OutcomeKind},
    units::grouped,
};

/// Most rows of a table of kinds. The document has all of them.
const MOST_KINDS: usize = 64;

pub(super) fn figures(summary: &Summary) -> Vec<Figure> {
    let mut figures = vec![bar(summary)];
    figures.extend(refusals(summary));
    figures.extend(statuses(summary));
    figures.extend(wrong_replies(summary));
    figures
}

fn bar(summary: &Summary) -> Figure {
    let planned = summary.calls.planned;
    let outcomes = &summary.calls.outcomes;
    let counts: Vec<(OutcomeKind, u64)> = OutcomeKind::VALUES
        .iter()
        .map(|kind| (*kind, outcomes.of(*kind)))
        .filter(|(_, count)| *count > 0)
        .collect();
    let mut table = Table::new(&["outcome", "calls", "share"]);
    for (kind, count) in &counts {
        table.row([kind.name().replace('_', " "), grouped(*count), share(*count, planned)]);
    }
    table.row(["planned".to_owned(), grouped(planned), String::new()]);
    let parts =
        counts.iter().map(|(kind, count)| (class(*kind), kind.name().replace('_', " "), *count)).collect();
    Figure {
        question: "What came of all calls?".to_owned(),
        answer: format!(
            "{} of {} planned calls were answered, and their replies verified.",
            grouped(outcomes.answered),
            grouped(planned)
        ),
        bar: Bar { whole: planned, parts },
        table: Some(table),
        is_open: true,
        point: "Each planned call has exactly one outcome. A part of the bar has at least 3 pixels."
            .to_owned(),
        ..Figure::default()
    }
}

/// Class of an outcome's colour and pattern.
fn class(kind: OutcomeKind) -> &'static str {
    match kind {
        OutcomeKind::Answered => "o-answered",
        OutcomeKind::WrongReply => "o-wrong_reply",
        OutcomeKind::Refused => "o-refused",
        OutcomeKind::Failed => "o-failed",
        OutcomeKind::DeadlineExceeded => "o-deadline_exceeded",
        OutcomeKind::Broken => "o-broken",
        OutcomeKind::Shed => "o-shed",
        OutcomeKind::Unfinished => "o-unfinished",
    }
}

fn refusals(summary: &Summary) -> Option<Figure> {
    let mut table = Table::new(&[
        "message bytes",
        "calls",
        "side",
        "direction",
        "limit bytes",
        "code",
        "p50",
        "max",
        "message",
    ]);
    for refusal in summary.refusals.iter().take(MOST_KINDS) {
        let figures = refusal.latency.figures.as_ref();
        let p50 =
            figures.filter(|_| refusal.count >= samples_needed(0.5)).map(|figures| time(figures.p50_ns));
        table.row([
            grouped(refusal.message_bytes),
            grouped(refusal.count),
            refusal.side.to_string(),
            refusal.direction.to_string(),
            refusal.limit_bytes.map_or_else(|| "unknown".to_owned(), grouped),
            refusal.status(),
            p50.unwrap_or_else(|| "-".to_owned()),
            figures.map_or_else(|| "-".to_owned(), |figures| time(figures.max_ns)),
            printable(&refusal.message),
        ]);
    }
    (!table.rows.is_empty()).then(|| Figure {
        question: "Which messages were over a size limit?".to_owned(),
        answer: format!(
            "{} calls were refused. They are in no latency and in no goodput.",
            grouped(summary.calls.outcomes.refused)
        ),
        table: Some(table.with_texts(&[2, 3, 5, 8])),
        point: left_out(summary.refusals.len()),
        ..Figure::default()
    })
}

fn statuses(summary: &Summary) -> Option<Figure> {
    let mut table = Table::new(&["code", "calls", "outcome", "message"]);
    for status in summary.statuses.iter().take(MOST_KINDS) {
        table.row([
            format!("{} ({})", status.code, status.number),
            grouped(status.count),
            status.outcome.name().replace('_', " "),
            printable(&status.message),
        ]);
    }
    (!table.rows.is_empty()).then(|| Figure {
        question: "How did calls fail?".to_owned(),
        table: Some(table.with_texts(&[2, 3])),
        point: left_out(summary.statuses.len()),
        ..Figure::default()
    })
}

fn wrong_replies(summary: &Summary) -> Option<Figure> {
    let mut table = Table::new(&["at byte", "expected bytes", "bytes of the reply", "expected", "got"]);
    for Difference { at_byte, expected_bytes, got_bytes, expected, got } in &summary.wrong_replies {
        table.row([
            grouped(*at_byte),
            grouped(*expected_bytes),
            grouped(*got_bytes),
            printable(expected),
            printable(got),
        ]);
    }
    (!table.rows.is_empty()).then(|| Figure {
        question: "Which replies were wrong?".to_owned(),
        answer: "The first ones:".to_owned(),
        table: Some(table.with_texts(&[3, 4])),
        ..Figure::default()
    })
}

fn left_out(kinds: usize) -> String {
    match kinds.checked_sub(MOST_KINDS) {
        Some(left @ 1..) => format!("{left} more kinds are in the JSON document."),
        _ => String::new(),
    }
}
