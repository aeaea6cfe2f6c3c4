//! A small histogram for the terminal.

use std::io::{self, Write};

use super::figures::{share, time};
use crate::{
    report::style::{HEADING, heading},
    result::summary::{LatencyFigures, LatencyRecord},
};

/// Rows of the histogram in the terminal.
const BARS: usize = 8;

/// Width of the longest bar.
const BAR: usize = 40;

/// Writes the distribution of times, in ranges whose bounds grow by equal factors.
pub(super) fn write(record: &LatencyRecord, out: &mut impl Write) -> io::Result<()> {
    let (Some(figures), Ok(latency)) = (&record.figures, record.decode()) else { return Ok(()) };
    let bounds = bounds(figures);
    let counts = latency.counts_up_to(&bounds);
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    writeln!(out)?;
    for (row, (bound, count)) in bounds.iter().zip(&counts).enumerate() {
        let first = if row == 0 { heading("spread") } else { format!("{:HEADING$} ", "") };
        let length = (u128::from(*count) * BAR as u128).div_ceil(u128::from(most)) as usize;
        let bar = "#".repeat(length);
        writeln!(out, "{first}up to {:>8}  {:>8}  {bar}", time(*bound), share(*count, record.count))?;
    }
    Ok(())
}

/// Returns the upper bounds of the ranges, in ns, up to the maximum.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "rounded for people"
)]
fn bounds(figures: &LatencyFigures) -> Vec<u64> {
    let low = figures.min_ns.max(1) as f64;
    let high = figures.max_ns.max(1) as f64;
    let factor = (high / low).powf(1.0 / BARS as f64);
    let mut bounds: Vec<u64> = (1..BARS).map(|row| (low * factor.powi(row as i32)) as u64).collect();
    bounds.push(figures.max_ns);
    bounds.dedup();
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_rise_to_the_maximum() {
        let figures = |min_ns, max_ns| LatencyFigures {
            min_ns,
            mean_ns: 0,
            stdev_ns: 0,
            p50_ns: 0,
            p90_ns: 0,
            p95_ns: 0,
            p99_ns: 0,
            p99_9_ns: 0,
            p99_99_ns: 0,
            max_ns,
        };
        for (min, max) in [(1, 1), (100, 100), (100, 101), (1_000, 3_600_000_000_000)] {
            let bounds = bounds(&figures(min, max));
            assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]), "{bounds:?}");
            assert_eq!(bounds.last(), Some(&max));
        }
    }
}
