//! Text for a person about the impact of refused calls on accepted calls.

use std::io::{self, Write};

use super::{
    outside::{Colours, write_text},
    style::{NONE, STRONG, findings, heading, printable},
    table::Table,
};
use crate::{
    experiment::interference::{Interference, PooledSide, Pooling, Ratio},
    load::PlannedLoad,
    units::{
        ByteSize, as_f64, counted, decimal, exact_duration, format_nanoseconds, format_share,
        format_throughput, grouped,
    },
};

/// Writes a comparison as plain text.
///
/// # Errors
/// Errors of the writer.
pub fn write(neighbours: &Interference, out: impl Write) -> io::Result<()> {
    write_text(neighbours, Colours::Without, out, render)
}

/// Writes a comparison with colours, as escape sequences.
///
/// # Errors
/// Errors of the writer.
pub fn write_coloured(neighbours: &Interference, out: impl Write) -> io::Result<()> {
    write_text(neighbours, Colours::With, out, render)
}

fn render(neighbours: &Interference, out: &mut Vec<u8>) -> io::Result<()> {
    for (row, (name, words)) in lines(neighbours).into_iter().enumerate() {
        let words = if row == 0 { format!("{STRONG}{words}{STRONG:#}") } else { words };
        writeln!(out, "{}{words}", heading(name))?;
    }
    let (Some(without), Some(with), Some(damage)) =
        (&neighbours.without, &neighbours.with, &neighbours.damage)
    else {
        writeln!(out, "{}no round was completed", heading("rounds"))?;
        return out.flush();
    };
    writeln!(out)?;
    let mut table = Table::new(&["without", "with", "ratio", "from", "to"]);
    for (what, ratios) in [("response", &damage.response), ("lateness", &damage.lateness)] {
        for Ratio { name, without_ns, with_ns, ratio, lowest, highest } in ratios {
            table.named_row(
                &format!("{what} {name}"),
                [time(*without_ns), time(*with_ns), decimal(*ratio), decimal(*lowest), decimal(*highest)],
            );
        }
    }
    for (name, [before, after]) in others(without, with) {
        table.named_row(name, [before, after, String::new(), String::new(), String::new()]);
    }
    table.write(&" ".repeat(NAMES + 1), NAMES, out)?;
    let Pooling::GeometricMeanOfRounds = damage.pooled;
    if neighbours.rounds.len() > 1 {
        writeln!(
            out,
            "  geometric means of {} rounds; from, to: the smallest and the largest ratio of a round",
            neighbours.rounds.len()
        )?;
    }
    writeln!(out)?;
    let found = neighbours.findings.iter().map(|finding| (finding.detail.as_str(), finding.advice.as_str()));
    findings(found, out)?;
    out.flush()
}

/// Width of the first column of the table.
const NAMES: usize = 22;

/// Returns what was run, line by line: a heading, and its words.
pub(crate) fn lines(neighbours: &Interference) -> Vec<(&'static str, String)> {
    let refused: Vec<String> = neighbours
        .refused_sizes
        .iter()
        .map(|size| {
            let limit = size.limit_bytes.map_or_else(String::new, |limit| format!(" of {}", ByteSize(limit)));
            let bytes = ByteSize(size.message_bytes);
            match size.side.zip(size.direction) {
                Some((side, direction)) => format!("{bytes} over the {side}'s limit{limit} for {direction}s"),
                None if size.message.is_empty() => format!("{bytes}: {}", size.code),
                None => format!("{bytes}: {}, `{}`", size.code, printable(&size.message)),
            }
        })
        .collect();
    let Some(first) = neighbours.rounds.first().map(|round| &round.without).or(neighbours.unpaired.first())
    else {
        return vec![("refused", refused.join(", "))];
    };
    let plan = &first.plan;
    let rate = match &plan.load {
        PlannedLoad::Open { stages, .. } => {
            let rates: Vec<String> = stages
                .iter()
                .map(|stage| (decimal(stage.from_per_second), decimal(stage.to_per_second)))
                .map(|(from, to)| if from == to { from } else { format!("{from} to {to}") })
                .collect();
            rates.join(", ")
        }
        PlannedLoad::Closed { .. } => NONE.to_owned(),
    };
    let sizes: Vec<String> = plan
        .sizes
        .iter()
        .map(|size| size.message_bytes)
        .filter(|size| !neighbours.refused_sizes.iter().any(|refused| refused.message_bytes == *size))
        .map(|size| ByteSize(size).to_string())
        .collect();
    let servers = if neighbours.fresh_servers { "; a fresh server each" } else { "" };
    let duration = exact_duration(plan.duration.unwrap_or_default());
    let scheme = if first.target.tls.is_some() { "https://" } else { "" };
    let (client, connections) = (plan.options.client, counted(plan.connections as u64, "connection"));
    vec![
        ("accepted", format!("{} at {rate} calls/s, with and without refused calls", sizes.join(", "))),
        ("refused", refused.join(", ")),
        ("rounds", format!("{} of {duration} with and {duration} without{servers}", neighbours.rounds.len())),
        ("target", format!("{scheme}{}; {client} client, {connections}", first.target.authority)),
    ]
}

/// Returns the figures without a ratio.
pub(crate) fn others(without: &PooledSide, with: &PooledSide) -> Vec<(&'static str, [String; 2])> {
    let both = |name, shown: &dyn Fn(&PooledSide) -> String| (name, [shown(without), shown(with)]);
    let known = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    let unanswered = |arm: &PooledSide| arm.calls.planned.saturating_sub(arm.calls.outcomes.answered);
    vec![
        both("calls planned", &|arm| grouped(arm.calls.planned)),
        both("not answered", &|arm| grouped(unanswered(arm))),
        both("replies/s", &|arm| decimal(arm.replies_per_second)),
        both("connections lost", &|arm| known(arm.lost_connections.map(grouped))),
        both("out of window", &|arm| known(arm.out_of_window.map(|share| format_share(share.min(1.0))))),
        both("server did not read", &|arm| known(arm.held_up.map(|share| format_share(share.min(1.0))))),
        both("uploaded for nothing", &|arm| {
            known(arm.uploaded_in_vain_bytes_per_second.map(format_throughput))
        }),
        both("server's cores", &|arm| known(arm.server_cores.map(decimal))),
        both("server's peak memory", &|arm| {
            known(arm.server_peak_rss_bytes.map(|bytes| format!("{} MiB", grouped(bytes.div_ceil(1 << 20)))))
        }),
    ]
}

fn time(nanoseconds: u64) -> String {
    format_nanoseconds(as_f64(nanoseconds))
}
