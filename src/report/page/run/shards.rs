//! Shards of a merged run, the ones that stand out first.

use crate::{
    report::{
        page::content::{Chart, Figure, Label, Shape, Table},
        plot::{Drawing, Scale},
        style::printable,
        text::figures::time,
    },
    result::summary::{ShardLine, Summary},
    units::{as_f64, counted, decimal, format_nanoseconds, grouped},
};

/// Most shards of the chart: the slowest.
const MOST_DRAWN: usize = 16;

/// Most shards of the table.
const MOST_LISTED: usize = 200;

pub(super) fn figure(summary: &Summary) -> Option<Figure> {
    let shards = summary.shards.as_ref()?;
    let mut lines: Vec<&ShardLine> = shards.merged.iter().collect();
    lines.sort_by_key(|line| (std::cmp::Reverse(line.p99_ns), line.index));
    let missing = match shards.missing.len() {
        0 => String::new(),
        missing => format!("; {missing} missing"),
    };
    let merged = counted(lines.len() as u64, "shard");
    let left = lines.len().saturating_sub(MOST_LISTED);
    let left =
        if left == 0 { String::new() } else { format!(" {left} faster ones are in the JSON document.") };
    Some(Figure {
        question: "Does a shard stand out?".to_owned(),
        answer: format!("{merged} of {} merged{missing}.", shards.of),
        charts: if lines.iter().any(|line| line.p99_ns.is_some()) { vec![chart(&lines)] } else { Vec::new() },
        point: format!(
            "A row is a shard, the slowest first: the line goes from its p50 to its p99, the dot is its maximum.{left}"
        ),
        table: Some(table(&lines)),
        ..Figure::default()
    })
}

fn named(line: &ShardLine) -> String {
    line.host
        .as_ref()
        .map_or_else(|| line.index.to_string(), |host| format!("{} {}", line.index, printable(host)))
}

fn chart(lines: &[&ShardLine]) -> Chart {
    let lines = &lines[..lines.len().min(MOST_DRAWN)];
    let ends = lines.iter().flat_map(|line| [line.p50_ns, line.max_ns]).flatten();
    let scale = Scale::logarithmic(ends.map(as_f64));
    let place = |row: usize| 1.0 - (as_f64(row as u64) + 0.5) / as_f64(lines.len() as u64);
    let mut drawing = Drawing::new();
    for (row, line) in lines.iter().enumerate() {
        let (Some(p50), Some(p99), Some(max)) = (line.p50_ns, line.p99_ns, line.max_ns) else { continue };
        let x = |nanoseconds: u64| scale.place(as_f64(nanoseconds));
        drawing.line("c1 thin", [(x(p99), place(row)), (x(max), place(row))]);
        drawing.line("c1 thick", [(x(p50), place(row)), (x(p99), place(row))]);
        drawing.dot("c2", (x(max), place(row)));
    }
    Chart {
        name: "Latency of the slowest shards".to_owned(),
        drawing,
        y: lines.iter().enumerate().map(|(row, line)| Label::new(place(row), named(line))).collect(),
        x: Label::ticks(&scale, format_nanoseconds),
        shape: Shape::Rows(lines.len()),
        ..Chart::default()
    }
    .grid()
}

fn table(lines: &[&ShardLine]) -> Table {
    let mut table = Table::new(&[
        "shard",
        "planned",
        "answered",
        "calls/s",
        "p50",
        "p99",
        "max",
        "soundness",
        "findings",
    ]);
    for line in lines.iter().take(MOST_LISTED) {
        let latency = |nanoseconds: Option<u64>| nanoseconds.map_or_else(|| "-".to_owned(), time);
        table.row([
            named(line),
            grouped(line.planned),
            grouped(line.answered),
            decimal(line.calls_per_second),
            latency(line.p50_ns),
            latency(line.p99_ns),
            latency(line.max_ns),
            line.verdict.to_string(),
            line.findings.join(", "),
        ]);
    }
    table.with_texts(&[7, 8])
}
