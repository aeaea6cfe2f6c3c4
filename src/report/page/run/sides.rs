//! Load of both sides: how busy each was, and which one was the bottleneck.

use crate::{
    report::{
        page::content::{Chart, Figure, Label, Shape, Table},
        plot::{Drawing, Scale},
    },
    result::{
        FindingKind,
        soundness::{Bottleneck, Saturation},
        summary::Summary,
    },
    units::{as_f64, format_share},
};

/// Share of its time from which a side counts as saturated.
const SATURATED: f64 = 0.9;

pub(super) fn figure(summary: &Summary) -> Option<Figure> {
    let saturation = summary.soundness.saturation.as_ref()?;
    let bars = bars(saturation);
    (!bars.is_empty()).then(|| Figure {
        question: "Who was the bottleneck?".to_owned(),
        answer: answer(summary, saturation).to_owned(),
        charts: vec![chart(&bars)],
        point: "A bar is a share of the measured window. The line at 90 % is the bound of a saturated side."
            .to_owned(),
        table: Some(table(&bars)),
        ..Figure::default()
    })
}

fn answer(summary: &Summary, saturation: &Saturation) -> &'static str {
    let has = |kind: FindingKind| summary.soundness.findings.iter().any(|finding| finding.is(kind));
    let falls_behind = has(FindingKind::RateNotReached) || has(FindingKind::CallsShed);
    match saturation.saturated {
        _ if summary.calls.outcomes.answered == 0 => {
            "No call was answered, so there is no bottleneck to name."
        }
        Bottleneck::Generator => "The generator: the server may be faster.",
        Bottleneck::Server if has(FindingKind::MissingAnswers) => {
            "The server, but not all calls had a verified reply: look at their statuses first."
        }
        Bottleneck::Server => "The server: these figures are its capacity.",
        Bottleneck::Neither | Bottleneck::Unknown if saturation.server_busy.is_none() => {
            "Not the generator. The server's CPU time is not known."
        }
        _ if has(FindingKind::GeneratorPaused) => {
            "The generator stood still for a while: the figures are not the server's alone."
        }
        _ if has(FindingKind::ConnectionsLimited) => "Connections set the pace: calls waited for new ones.",
        _ if falls_behind => "The server fell behind, although both sides had CPU time left.",
        _ if has(FindingKind::ClosedLoopPaused) => {
            "Both sides had CPU time left, but the server was away for a while."
        }
        _ => "Neither side: both had CPU time left.",
    }
}

fn bars(saturation: &Saturation) -> Vec<(&'static str, f64)> {
    [
        ("busiest worker: running, or ready to run", saturation.generator_busy),
        ("of it: ready without a core", saturation.generator_starved),
        ("server: of its available CPU time", saturation.server_busy),
        ("requests held up by the server", saturation.held_up),
    ]
    .into_iter()
    // Above 1, threads waited for cores: the text of the report says 100 %, too.
    .filter_map(|(name, share)| Some((name, share?.clamp(0.0, 1.0))))
    .collect()
}

fn chart(bars: &[(&'static str, f64)]) -> Chart {
    let scale = Scale::linear(0.0, 1.0);
    let rows = as_f64(bars.len() as u64);
    let mut drawing = Drawing::new();
    let place = |row: usize| 1.0 - (as_f64(row as u64) + 0.5) / rows;
    for (row, (_, share)) in bars.iter().enumerate() {
        let middle = place(row);
        let class = if *share >= SATURATED { "fbad" } else { "f1" };
        drawing.rectangle(class, (0.0, middle - 0.3 / rows), (scale.place(*share), middle + 0.3 / rows));
    }
    drawing.upright("axis dash", scale.place(SATURATED));
    Chart {
        name: "How busy each side was".to_owned(),
        drawing,
        y: bars.iter().enumerate().map(|(row, (name, _))| Label::new(place(row), *name)).collect(),
        x: Label::ticks(&scale, |share| format!("{:.0} %", share * 100.0)),
        shape: Shape::Rows(bars.len()),
        ..Chart::default()
    }
    .grid()
}

fn table(bars: &[(&'static str, f64)]) -> Table {
    let mut table = Table::new(&["side", "share of the window"]);
    for (name, share) in bars {
        table.row([(*name).to_owned(), format_share(*share)]);
    }
    table
}
