//! HdrHistogram's interval log, version 1.3: a histogram per interval, in ns.

use std::io::{self, Write};

use crate::{measure::timestamp_of, result::summary::Summary, units::as_f64};

/// Writes the intervals: response time in an open loop, service time in a closed one. Starts are seconds since the
/// start of the window; the largest value is in ms, for people only.
///
/// # Errors
/// Errors of the writer.
pub fn write(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let started = timestamp_of(&summary.started_at);
    let started = started.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
    let started = started.as_secs_f64();
    writeln!(out, "#[Histogram log format version 1.3]")?;
    writeln!(out, "#[StartTime: {started:.3} (seconds since epoch), {}]", summary.started_at)?;
    writeln!(out, "#[BaseTime: {started:.3} (seconds since epoch)]")?;
    writeln!(out, r#""StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram""#)?;
    for interval in &summary.intervals {
        let seconds = |nanoseconds: u64| as_f64(nanoseconds) / 1e9;
        let largest = interval.latency.figures.as_ref().map_or(0, |figures| figures.max_ns);
        writeln!(
            out,
            "{:.3},{:.3},{:.3},{}",
            seconds(interval.start_ns),
            seconds(interval.length_ns),
            as_f64(largest) / 1e6,
            interval.latency.histogram
        )?;
    }
    out.flush()
}
