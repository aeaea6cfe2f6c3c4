//! The page of limits: four rulers on one axis of sizes.

use super::{
    band,
    content::{self, Band, Chart, Figure, Label, Page, Shape, Table, Tone},
};
use crate::{
    experiment::limits::{LimitRecord, Limits, State},
    report::{
        limits::{HEADINGS, cells, name, remarks, write},
        plot::{Drawing, Scale},
    },
    rpc::Direction,
    units::{ByteSize, as_f64, grouped},
};

/// gRPC's default limit for received messages.
const DEFAULT_LIMIT: f64 = 4_194_304.0;

/// Largest protobuf message.
const LARGEST: f64 = 2_147_483_648.0;

/// Returns the page of limits, whose texts from outside are filtered.
pub(crate) fn page(limits: &Limits) -> Page {
    Page {
        title: content::title("Message-size limits", None, &limits.target),
        band: band_of(limits),
        figures: vec![figure("Where does each limit bite?", &limits.limits)],
        facts: vec![
            ("client".to_owned(), limits.client.to_string()),
            ("messages".to_owned(), format!("up to {} sent", ByteSize(limits.up_to_bytes))),
            ("plimsoll".to_owned(), content::build_words(&limits.plimsoll)),
        ],
        text: content::text_of(|out| write(limits, out)),
        ..Page::default()
    }
}

fn band_of(limits: &Limits) -> Band {
    let mut lines = Vec::new();
    let mut tone = Tone::Good;
    for record in &limits.limits {
        if matches!(record.state, State::Unstable | State::Unfinished) {
            tone = Tone::Bad;
        }
        let [limit, ..] = cells(record);
        lines.push((name(record), limit, remarks(record)));
    }
    if let Some(why) = &limits.ended_early {
        tone = Tone::Bad;
        lines.push(("the search ended early".to_owned(), why.clone(), String::new()));
    }
    lines.extend(band::findings(&limits.findings));
    Band { tone, result: String::new(), lines }
}

fn exact(bytes: u64) -> String {
    format!("{} B", grouped(bytes))
}

/// The smallest limit of each direction: the one that a user meets first.
fn answer(records: &[LimitRecord]) -> String {
    let found = records.iter().filter_map(|record| Some((record.limit_bytes?, record)));
    let least = |direction| {
        let of = found.clone().filter(move |(_, record)| record.direction == direction);
        of.min_by_key(|(limit, _)| *limit).map(|(limit, record)| {
            format!("{}s of more than {} are refused by the {}", record.direction, exact(limit), record.side)
        })
    };
    let words: Vec<String> =
        [Direction::Request, Direction::Response].into_iter().filter_map(least).collect();
    match words.as_slice() {
        [] => "No limit was found.".to_owned(),
        words => {
            let words = words.join("; ");
            let (first, rest) = words.split_at(1);
            format!("{}{rest}.", first.to_uppercase())
        }
    }
}

/// The rulers of these limits.
pub(super) fn figure(question: &str, records: &[LimitRecord]) -> Figure {
    let scale = Scale::linear(0.0, LARGEST.log2());
    let x = |bytes: f64| scale.place(bytes.max(1.0).log2());
    let height = 1.0 / as_f64(records.len().max(1) as u64);
    let place = |row: usize| 1.0 - (as_f64(row as u64) + 0.5) * height;
    let mut drawing = Drawing::new();
    drawing.upright("c2 dash", x(DEFAULT_LIMIT));
    let mut marks = Vec::new();
    for (row, record) in records.iter().enumerate() {
        let y = place(row);
        let passed = match record.state {
            State::NotReached => record.searched_to_bytes,
            _ => record.largest_passed_bytes,
        };
        if let Some(passed) = passed {
            drawing.line("c1 thick", [(0.0, y), (x(as_f64(passed)), y)]);
        }
        if let Some(refused) = record.smallest_refused_bytes {
            drawing.line("cbad dots", [(x(as_f64(refused)), y), (1.0, y)]);
        }
        if let Some(limit) = record.limit_bytes {
            let at = x(as_f64(limit));
            drawing.line("cbad thick", [(at, y - 0.35 * height), (at, y + 0.35 * height)]);
            marks.push(((at, y), exact(limit)));
        } else {
            // An arrow: sizes beyond were not tried, or none was refused.
            let at = passed.map_or(0.0, |passed| x(as_f64(passed)));
            if passed.is_some() && record.smallest_refused_bytes.is_none() && at < 0.99 {
                drawing.line("c1", [(at, y + 0.2 * height), (at + 0.015, y), (at, y - 0.2 * height)]);
            }
            marks.push(((at, y), cells(record)[0].clone()));
        }
    }
    let sizes = [0_u32, 10, 16, 20, 22, 26, 30];
    let chart = Chart {
        name: "Sizes that passed and sizes that were refused, for each limit".to_owned(),
        drawing,
        y: records.iter().enumerate().map(|(row, record)| Label::new(place(row), name(record))).collect(),
        x: sizes
            .iter()
            .map(|power| Label {
                place: scale.place(f64::from(*power)),
                text: ByteSize(1 << power).to_string(),
                is_minor: matches!(power, 16 | 20 | 26),
            })
            .collect(),
        key: vec![
            ("c1 thick", "passed".to_owned()),
            ("cbad thick", "limit".to_owned()),
            ("cbad dots", "refused".to_owned()),
            ("c2 dash", "gRPC's default of 4 MiB".to_owned()),
        ],
        shape: Shape::Rows(records.len()),
        ..Chart::default()
    }
    .grid()
    .with_marks(marks);
    let mut head = vec!["limit of, for"];
    head.extend(HEADINGS);
    let mut table = Table::new(&head);
    for record in records {
        table.row(std::iter::once(name(record)).chain(cells(record)));
    }
    Figure {
        question: question.to_owned(),
        answer: answer(records),
        charts: vec![chart],
        point: "A row is a limit, in the order of a call. Message bytes, without gRPC's prefix of 5 bytes."
            .to_owned(),
        table: Some(table.with_texts(&[4, 7, 8])),
        is_open: true,
        ..Figure::default()
    }
}
