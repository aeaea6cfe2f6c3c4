//! Final figures as gauges: valid as Prometheus' text format 0.0.4 and as `OpenMetrics` 1.0. Without times, because a
//! textfile collector refuses them.

use std::io::{self, Write};

use super::exposition::{family, labels, number};
use crate::{
    experiment::limits::Limits,
    measure::timestamp_of,
    result::{
        QUANTILES, samples_needed,
        summary::{LatencyFigures, Summary},
    },
    rpc::outcome::OutcomeKind,
    units::as_f64,
};

/// Writes the figures of a run.
///
/// # Errors
/// Errors of the writer.
pub fn run(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    family("plimsoll_run_calls", "gauge", "Planned calls by outcome.", out)?;
    for kind in OutcomeKind::VALUES {
        let labels = labels(&[("outcome", kind.name())]);
        writeln!(out, "plimsoll_run_calls{labels} {}", summary.calls.outcomes.of(*kind))?;
    }
    family("plimsoll_run_goodput_calls_per_second", "gauge", "Verified replies per second.", out)?;
    let goodput = number(summary.goodput.calls_per_second);
    writeln!(out, "plimsoll_run_goodput_calls_per_second {goodput}")?;
    latency(summary, out)?;
    let cost = &summary.cost;
    let sides = [("client", cost.client_cpu_ns_per_call), ("server", cost.server_cpu_ns_per_call)];
    if sides.iter().any(|(_, nanoseconds)| nanoseconds.is_some()) {
        family("plimsoll_run_cpu_per_call_seconds", "gauge", "CPU time per call of each side.", out)?;
        for (side, nanoseconds) in sides {
            if let Some(nanoseconds) = nanoseconds {
                let labels = labels(&[("side", side)]);
                writeln!(
                    out,
                    "plimsoll_run_cpu_per_call_seconds{labels} {}",
                    number(as_f64(nanoseconds) / 1e9)
                )?;
            }
        }
    }
    family("plimsoll_run_sound", "gauge", "1 if no finding speaks against the figures.", out)?;
    let is_sound = summary.soundness.verdict == crate::result::Rating::Sound;
    writeln!(out, "plimsoll_run_sound {}", u8::from(is_sound))?;
    family("plimsoll_run_interrupted", "gauge", "1 if the run was stopped before its end.", out)?;
    writeln!(out, "plimsoll_run_interrupted {}", u8::from(summary.interrupted))?;
    if !summary.objectives.is_empty() {
        family("plimsoll_run_objective_met", "gauge", "1 if the run met the objective.", out)?;
        for objective in &summary.objectives {
            let labels = labels(&[("objective", &objective.expression)]);
            writeln!(out, "plimsoll_run_objective_met{labels} {}", u8::from(objective.met))?;
        }
    }
    let end = timestamp_of(&summary.started_at)
        .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
        .map(|at| at.as_secs_f64() + as_f64(summary.window_ns) / 1e9);
    if let Some(end) = end {
        family("plimsoll_run_end_timestamp_seconds", "gauge", "End of the measured window.", out)?;
        writeln!(out, "plimsoll_run_end_timestamp_seconds {end:.3}")?;
    }
    family("plimsoll_run_info", "gauge", "The run: 1.", out)?;
    let labels = labels(&[
        ("version", &summary.plimsoll.version),
        ("commit", summary.plimsoll.commit.as_deref().unwrap_or_default()),
        ("label", summary.label.as_deref().unwrap_or_default()),
        ("target", &summary.target.authority),
    ]);
    writeln!(out, "plimsoll_run_info{labels} 1")?;
    writeln!(out, "# EOF")?;
    out.flush()
}

/// Percentiles that have enough replies. The label is not `quantile`: that one belongs to summaries alone.
fn latency(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let latency = &summary.latency;
    let times = [
        ("response", latency.response.as_ref()),
        ("service", Some(&latency.service)),
        ("lateness", latency.lateness.as_ref()),
    ];
    family("plimsoll_run_latency_seconds", "gauge", "Percentiles of the times of verified replies.", out)?;
    for (name, record) in times.into_iter().filter_map(|(name, record)| Some((name, record?))) {
        let Some(LatencyFigures { p50_ns, p90_ns, p95_ns, p99_ns, p99_9_ns, p99_99_ns, max_ns, .. }) =
            record.figures
        else {
            continue;
        };
        let known = QUANTILES
            .into_iter()
            .zip([p50_ns, p90_ns, p95_ns, p99_ns, p99_9_ns, p99_99_ns])
            .filter(|((_, quantile), _)| record.count >= samples_needed(*quantile))
            .map(|((name, _), nanoseconds)| (name.to_owned(), nanoseconds));
        for (percentile, nanoseconds) in known.chain([("max".to_owned(), max_ns)]) {
            let labels = labels(&[("time", name), ("percentile", &percentile)]);
            writeln!(out, "plimsoll_run_latency_seconds{labels} {}", number(as_f64(nanoseconds) / 1e9))?;
        }
    }
    Ok(())
}

/// Writes the limits of a server and of its client, in bytes.
///
/// # Errors
/// Errors of the writer.
pub fn limits(limits: &Limits, out: &mut dyn Write) -> io::Result<()> {
    family("plimsoll_limit_largest_passed_bytes", "gauge", "Largest message that passed.", out)?;
    let each =
        |name: &str, of: fn(&crate::experiment::limits::LimitRecord) -> Option<u64>, out: &mut dyn Write| {
            for record in &limits.limits {
                let labels = labels(&[("side", record.side.name()), ("direction", record.direction.name())]);
                if let Some(bytes) = of(record) {
                    writeln!(out, "{name}{labels} {bytes}")?;
                }
            }
            io::Result::Ok(())
        };
    each("plimsoll_limit_largest_passed_bytes", |record| record.largest_passed_bytes, out)?;
    family("plimsoll_limit_smallest_refused_bytes", "gauge", "Smallest message that was refused.", out)?;
    each("plimsoll_limit_smallest_refused_bytes", |record| record.smallest_refused_bytes, out)?;
    writeln!(out, "# EOF")?;
    out.flush()
}
