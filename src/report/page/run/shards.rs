//! Shards of a merged run, the ones that stand out first.

use super::ranges::{self, Range};
use crate::{
    report::{
        page::content::{Figure, Table},
        style::printable,
        text::figures::time,
    },
    result::summary::{ShardLine, Summary},
    units::{counted, decimal, grouped},
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
    let drawn: Vec<Range> = lines.iter().take(MOST_DRAWN).map(|line| range(line)).collect();
    Some(Figure {
        question: "Does a shard stand out?".to_owned(),
        answer: format!("{}{merged} of {} merged{missing}.", slowest(&lines), shards.of),
        charts: if drawn.iter().any(|range| range.max.is_some()) {
            vec![ranges::chart("Latency of the slowest shards", &drawn)]
        } else {
            Vec::new()
        },
        point: format!(
            "A row is a shard, the slowest first: the line goes from its p50 to its p99, the dot is its maximum.{left}"
        ),
        table: Some(table(&lines)),
        ..Figure::default()
    })
}

/// The slowest shard next to the one in the middle. The lines are sorted, the slowest first.
fn slowest(lines: &[&ShardLine]) -> String {
    let known: Vec<(u64, &ShardLine)> = lines.iter().filter_map(|line| Some((line.p99_ns?, *line))).collect();
    match known.as_slice() {
        [(p99, line), .., _] => {
            let (middle, _) = known[known.len() / 2];
            format!(
                "p99 is {} on the slowest shard, {}, and {} on the one in the middle. ",
                time(*p99),
                named(line),
                time(middle)
            )
        }
        _ => String::new(),
    }
}

fn named(line: &ShardLine) -> String {
    line.host
        .as_ref()
        .map_or_else(|| line.index.to_string(), |host| format!("{} {}", line.index, printable(host)))
}

fn range(line: &ShardLine) -> Range {
    Range { name: named(line), p50: line.p50_ns, p99: line.p99_ns, max: line.max_ns }
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
