//! Shards of a merged run, the slowest first.

use std::io::{self, Write};

use super::figures::time;
use crate::{
    report::{
        style::{HEADING, heading, printable},
        table::Table,
    },
    result::summary::{ShardLine, Summary},
    units::{counted, decimal, grouped},
};

/// Largest number of shards in the text; the result has all of them.
const MOST: usize = 10;

/// Writes the part of the run that the result is, or the shards that were merged.
pub(super) fn write(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    if let Some(shard) = &summary.shard {
        let host = shard.host.as_ref().map_or_else(String::new, |host| format!(" on {}", printable(host)));
        writeln!(
            out,
            "{}{} of {}{host}; the load above is that of all shards",
            heading("shard"),
            shard.index,
            shard.of
        )?;
    }
    let Some(shards) = &summary.shards else { return Ok(()) };
    let missing = match shards.missing.len() {
        0 => String::new(),
        missing => format!(", {missing} missing"),
    };
    let merged = counted(shards.merged.len() as u64, "shard");
    writeln!(out, "{}{merged} of {} merged{missing}; the slowest first", heading("shards"), shards.of)?;
    let mut lines: Vec<&ShardLine> = shards.merged.iter().collect();
    lines.sort_by_key(|line| (std::cmp::Reverse(line.p99_ns), line.index));
    let mut table =
        Table::new(&["", "host", "planned", "answered", "calls/s", "p50", "p99", "max", "findings"]);
    for line in lines.iter().take(MOST) {
        let latency = |nanoseconds: Option<u64>| nanoseconds.map_or_else(|| "-".to_owned(), time);
        table.row([
            line.index.to_string(),
            line.host.as_deref().map_or_else(|| "-".to_owned(), printable),
            grouped(line.planned),
            grouped(line.answered),
            decimal(line.calls_per_second),
            latency(line.p50_ns),
            latency(line.p99_ns),
            latency(line.max_ns),
            line.findings.len().to_string(),
        ]);
    }
    table.write(&" ".repeat(HEADING + 1), HEADING, out)?;
    Ok(())
}
