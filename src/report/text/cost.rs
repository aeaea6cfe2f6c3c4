//! Cost of a run: CPU time, memory, and connections.

use std::io::{self, Write};

use super::figures::{share, time};
use crate::{
    load::ClientKind,
    report::style::{HEADING, broken, heading},
    result::summary::Summary,
    units::{counted, grouped},
};

/// Writes CPU time and memory, and the events of connections.
pub(super) fn write(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n{}{}", heading("cost"), cpu_and_memory(summary))?;
    for (row, line) in broken(&connections(summary)).iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let first = if row == 0 { heading("connections") } else { format!("{:HEADING$} ", "") };
        writeln!(out, "{first}{line}")?;
    }
    Ok(())
}

/// Returns CPU time and memory in words.
pub(crate) fn cpu_and_memory(summary: &Summary) -> String {
    let cost = &summary.cost;
    let cpu = |nanoseconds: Option<u64>| nanoseconds.map_or_else(|| "not known".to_owned(), time);
    let peaks = [("client's", cost.client_peak_rss_bytes), ("server's", cost.server_peak_rss_bytes)];
    let peaks = peaks.iter().filter_map(|(whose, bytes)| bytes.map(|bytes| (whose, bytes)));
    let peaks: Vec<String> =
        peaks.map(|(whose, bytes)| format!("{whose} peak memory {} MiB", bytes.div_ceil(1 << 20))).collect();
    let peaks = if peaks.is_empty() { String::new() } else { format!("; {}", peaks.join(", ")) };
    let (client, server) = (cpu(cost.client_cpu_ns_per_call), cpu(cost.server_cpu_ns_per_call));
    format!("CPU per call: client {client}, server {server}{peaks}")
}

/// Returns the events of connections in words; empty if there were none.
pub(crate) fn connections(summary: &Summary) -> String {
    let Some(seen) = &summary.connections else { return String::new() };
    let mut said = Vec::new();
    let counts = [
        (seen.made, "made"),
        (seen.closed, "closed by the server in order (GOAWAY)"),
        (seen.lost, "lost"),
        (seen.failed_attempts, "attempts failed"),
    ];
    said.extend(
        counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{} {what}", grouped(*count))),
    );
    if let Some(calls @ 1..) = seen.retried_calls {
        said.push(format!("{} retried, because the server had not processed them", counted(calls, "call")));
    }
    let waited = [
        (
            match summary.plan.options.client {
                ClientKind::Lean => "requests waited for a connection",
                ClientKind::Stub => "the client was connecting",
            },
            Some(seen.unconnected_ns),
        ),
        ("requests waited for room in the server's window", seen.out_of_window_ns),
        ("requests waited for the server to read", seen.held_up_ns),
    ];
    for (what, nanoseconds) in waited {
        let nanoseconds = nanoseconds.unwrap_or_default();
        // A few large messages cost up to a hundredth of the window.
        if nanoseconds > summary.window_ns / 100 {
            said.push(format!("{what} for {} of the time", share(nanoseconds, summary.window_ns)));
        }
    }
    if let Some(handshake) = &seen.handshake {
        said.push(format!(
            "{}: p50 {}, max {}",
            counted(handshake.count, "TLS handshake"),
            time(handshake.p50_ns),
            time(handshake.max_ns)
        ));
    }
    if let Some(bytes @ 1..) = seen.uploaded_in_vain_bytes {
        said.push(format!("{} of refused or failed requests uploaded", rounded(bytes)));
    }
    said.join("; ")
}

/// Returns a number of bytes, rounded to a readable unit.
fn rounded(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{} bytes", grouped(bytes)),
        10_240..10_485_760 => format!("{} KiB", grouped(bytes >> 10)),
        _ => format!("{} MiB", grouped(bytes >> 20)),
    }
}
