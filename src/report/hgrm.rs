//! HdrHistogram's percentile distribution, as its Java library prints it: values in ms, five steps per halving.

use std::io::{self, Write};

use crate::{result::summary::Summary, units::as_f64};

/// Steps for each halving of the distance to 100 %.
const STEPS: u32 = 5;

/// Nanoseconds per unit of the values.
const MILLISECOND: f64 = 1e6;

/// Writes the distribution of the response time in an open loop, of the service time in a closed one.
///
/// # Errors
/// Errors of the writer, or a histogram that cannot be decoded.
pub fn write(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let latency = summary.main_latency().decode().map_err(io::Error::other)?;
    writeln!(out, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
    for (nanoseconds, quantile, count) in latency.quantiles(STEPS) {
        let value = as_f64(nanoseconds) / MILLISECOND;
        if quantile < 1.0 {
            writeln!(out, "{value:12.3} {quantile:2.12} {count:10} {:14.2}", 1.0 / (1.0 - quantile))?;
        } else {
            writeln!(out, "{value:12.3} {quantile:2.12} {count:10}")?;
        }
    }
    let (mean, deviation) = (latency.mean_ns() / MILLISECOND, latency.stdev_ns() / MILLISECOND);
    writeln!(out, "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]")?;
    let longest = as_f64(latency.max_ns()) / MILLISECOND;
    writeln!(out, "#[Max     = {longest:12.3}, Total count    = {:12}]", latency.count())?;
    let (buckets, of_a_bucket) = latency.shape();
    writeln!(out, "#[Buckets = {buckets:12}, SubBuckets     = {of_a_bucket:12}]")?;
    out.flush()
}
