//! Whether the figures of a run can be trusted, and if not, why and what to do.

mod saturation;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    client::Connections,
    driver::Run,
    latency::Latency,
    plan::{ClientKind, LoadRecord, PlanRecord, STUB_RECV_CAP},
    schedule::Schedule,
    units::{ByteSize, Limit, decimal, format_nanoseconds, format_share, grouped},
};

pub use saturation::{Saturation, Side};

/// What a measurement is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Soundness {
    /// Unsound as soon as one finding is a warning.
    pub verdict: Verdict,
    /// Which side had no more to give.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub saturation: Option<Saturation>,
    /// What stands out, the gravest first.
    pub findings: Vec<Finding>,
}

/// What a measurement is worth, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing speaks against the figures.
    Sound,
    /// They do not show what they seem to show.
    Unsound,
}

/// Something that whoever reads the figures must know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// A fixed name, for scripts.
    pub name: String,
    /// Whether it speaks against the figures.
    pub weight: Weight,
    /// What was seen, with its figures.
    pub detail: String,
    /// The next step.
    pub advice: String,
}

/// Whether a finding speaks against the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// It does.
    Warning,
    /// It explains them.
    Note,
}

/// Of the planned rate; less means that it was not reached.
const RATE_REACHED: f64 = 0.95;
/// Lateness in response time, from which it is worth a note.
const LATENESS_NOTED: f64 = 0.2;
/// Lateness in response time, from which the response time is the generator's and not the server's.
const LATENESS_TOO_LARGE: f64 = 0.5;
/// Of the window, with calls that waited for a connection; less is the cost of a few connections.
const UNCONNECTED_NOTED: f64 = 0.05;
/// Of all cores, used by neither client nor server.
const OTHER_LOAD: f64 = 0.1;

/// The quantiles that summaries have, with their names.
pub const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)];

/// How many samples a quantile needs: with fewer, even the largest one lies below the true quantile
/// more often than one time in twenty.
///
/// The largest of `n` independent samples is below quantile `q` with probability `q^n` (Wilks 1941).
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "quantiles are below 1")]
pub fn samples_needed(quantile: f64) -> u64 {
    (0.05_f64.ln() / quantile.ln()).ceil() as u64
}

impl Soundness {
    /// What a run's figures are worth. `recv_limit_asked` is the user's, before it was capped;
    /// `is_local` whether the server is on this machine.
    #[must_use]
    pub fn of(run: &Run, plan: &PlanRecord, recv_limit_asked: Limit, is_local: bool) -> Self {
        let mut findings = Vec::new();
        findings.extend(unfinished(run, plan));
        findings.extend(shed(run, plan));
        let behind = rate_not_reached(run, plan);
        let keeps_up = plan.is_open().then_some(behind.is_none() && run.recording.calls.outcomes.shed == 0);
        findings.extend(behind);
        let saturation = Saturation::of(run, !plan.spin.is_zero(), keeps_up);
        findings.extend(saturation.as_ref().and_then(generator_saturated));
        findings.extend(late_generator(run));
        findings.extend(held_back(run));
        findings.extend(other_load(run, is_local));
        findings.extend(connections_limited(run));
        findings.extend(paused(run, plan));
        findings.extend(few_samples(run.recording.response.as_ref().unwrap_or(&run.recording.service)));
        findings.extend(rounded_sizes(plan));
        if recv_limit_asked == Limit::Unlimited && plan.client == ClientKind::Stub {
            findings.push(note(
                "recv_limit_capped",
                format!("the stub client's receive limit is {}, although none was asked for", ByteSize(STUB_RECV_CAP)),
                "tonic reserves the length that a reply's prefix claims before a byte of it has come; ask for a limit in bytes if replies are larger, or leave --client to its default, which needs no such limit",
            ));
        }
        // Stable: within a weight, the order above.
        findings.sort_by_key(|finding| finding.weight);
        let is_unsound = findings.iter().any(|finding| finding.weight == Weight::Warning);
        Self { verdict: if is_unsound { Verdict::Unsound } else { Verdict::Sound }, saturation, findings }
    }
}

fn finding(weight: Weight, name: &str, detail: String, advice: &str) -> Finding {
    Finding { name: name.to_owned(), weight, detail, advice: advice.to_owned() }
}

fn warning(name: &str, detail: String, advice: &str) -> Finding {
    finding(Weight::Warning, name, detail, advice)
}

fn note(name: &str, detail: String, advice: &str) -> Finding {
    finding(Weight::Note, name, detail, advice)
}

fn unfinished(run: &Run, plan: &PlanRecord) -> Option<Finding> {
    let calls = run.recording.calls.outcomes.unfinished;
    (calls > 0).then(|| {
        let drain = crate::units::exact_duration(plan.drain);
        warning(
            "calls_unfinished",
            format!("{} calls were still in flight when the drain of {drain} ended; the slowest calls are in no latency figure", grouped(calls)),
            "give a longer --drain, or look at why the server does not answer",
        )
    })
}

fn shed(run: &Run, plan: &PlanRecord) -> Option<Finding> {
    let calls = run.recording.calls;
    let LoadRecord::Open { max_in_flight, .. } = plan.load else { return None };
    (calls.outcomes.shed > 0).then(|| {
        warning(
            "calls_shed",
            format!(
                "{} calls ({}) were never sent, because {} were in flight already; no latency figure has them",
                grouped(calls.outcomes.shed),
                format_share(share(calls.outcomes.shed, calls.planned)),
                grouped(max_in_flight),
            ),
            "the service does not keep up with this rate: lower --rate, or raise --max-in-flight to see the waiting times grow",
        )
    })
}

fn rate_not_reached(run: &Run, plan: &PlanRecord) -> Option<Finding> {
    let LoadRecord::Open { stages, arrivals, .. } = &plan.load else { return None };
    let planned = run.recording.calls.planned;
    let window = run.window.as_secs_f64();
    // A run that ends by count lasts until its last call is done: then the time tells, not the calls.
    let (reached, planned_per_second) = if run.ended_by_count {
        let schedule = Schedule { stages: stages.clone(), arrivals: *arrivals, seed: 0, calls: None };
        let planned_time = schedule.time_of(whole(planned)).as_secs_f64();
        (planned_time / window, whole(planned) / planned_time)
    } else {
        (share(run.recording.ended_in_window, planned), whole(planned) / window)
    };
    if planned == 0 || reached >= RATE_REACHED {
        return None;
    }
    Some(warning(
        "rate_not_reached",
        format!(
            "{} calls/s were planned, and {} calls/s ended within the window",
            decimal(planned_per_second),
            decimal(whole(run.recording.ended_in_window) / window),
        ),
        "the service, or the generator where a finding says so, does not keep up: lower --rate; where single replies take long, give a longer --warm-up",
    ))
}

fn generator_saturated(saturation: &Saturation) -> Option<Finding> {
    (saturation.saturated == Side::Generator).then(|| {
        warning(
            "generator_saturated",
            format!(
                "{}: the figures show the generator's speed, and the server may be faster",
                saturation.detail
            ),
            &saturation.advice,
        )
    })
}

fn late_generator(run: &Run) -> Option<Finding> {
    let (response, lateness) = (run.recording.response.as_ref()?, run.recording.lateness.as_ref()?);
    let part = lateness.mean_ns() / response.mean_ns();
    let weight = match part {
        part if part > LATENESS_TOO_LARGE => Weight::Warning,
        part if part > LATENESS_NOTED => Weight::Note,
        _ => return None,
    };
    Some(finding(
        weight,
        "late_generator",
        format!(
            "calls were sent {} after their intended start on average, {} of the mean response time",
            format_nanoseconds(lateness.mean_ns()),
            format_share(part),
        ),
        "read the service time too, which has no lateness in it; more --workers or a lower --rate make the generator more punctual",
    ))
}

fn held_back(run: &Run) -> Option<Finding> {
    let waits = run.upload_waits;
    (waits.count > 0).then(|| {
        warning(
            "uploads_held_back",
            format!(
                "{} calls waited before they were sent, {} on average, because the server went on reading requests that it had refused: what is left of those is bounded to 64 MiB a connection",
                grouped(waits.count),
                format_nanoseconds(waits.time.as_secs_f64() * 1e9 / whole(waits.count)),
            ),
            "the rate is the generator's; the lean client (--client lean) cancels what was refused, and need not wait",
        )
    })
}

fn other_load(run: &Run, is_local: bool) -> Option<Finding> {
    let usage = &run.usage;
    let all_cores = usage.measured_over.as_secs_f64() * whole(usage.machine_cores as u64);
    let server = match (usage.server_cpu, is_local) {
        (Some(cpu), _) => cpu,
        (None, false) => Duration::ZERO,
        // A server of this machine without an account: its share cannot be told from that of others.
        (None, true) => return None,
    };
    let own = (usage.client_cpu? + server).as_secs_f64();
    let (busy, stolen) = usage.machine_shares?;
    if stolen > OTHER_LOAD {
        return Some(warning(
            "other_load",
            format!("the hypervisor gave {} of this machine's cores to other machines", format_share(stolen)),
            "measure on a machine that is not shared, or compare only runs that were interleaved with each other",
        ));
    }
    let other = busy - own / all_cores;
    (other > OTHER_LOAD).then(|| {
        warning(
            "other_load",
            format!("something else used {} of this machine's cores", format_share(other)),
            "stop it, or compare only runs that were interleaved with each other",
        )
    })
}

/// The share of the window in which calls waited for a connection, because the server had ended the last one;
/// `None` where it is too small to matter.
fn unconnected(run: &Run) -> Option<f64> {
    let window = run.window.as_secs_f64();
    let part = run.connections.unconnected.as_secs_f64() / window;
    (window > 0.0 && part >= UNCONNECTED_NOTED).then_some(part.min(1.0))
}

fn connections_limited(run: &Run) -> Option<Finding> {
    let part = unconnected(run)?;
    let Connections { made: _, closed, lost, failed_attempts } = run.connections.connections;
    let counts = [
        (closed, "closed by the server in order (GOAWAY)"),
        (lost, "lost"),
        (failed_attempts, "attempts to connect failed"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", grouped(*count)))
        .collect();
    let counts = if counts.is_empty() { "no connection became ready".to_owned() } else { counts.join(", ") };
    Some(note(
        "connections_limited",
        format!("calls waited for a connection for {} of the time: {counts}", format_share(part)),
        "new connections set the pace, not the service: look for a limit of requests or of age per connection at the server or its proxy (nginx: keepalive_requests; gRPC: max connection age), or spread the calls over more --connections",
    ))
}

fn paused(run: &Run, plan: &PlanRecord) -> Option<Finding> {
    let paused = run.connections.paused;
    (!paused.is_zero() && !plan.is_open()).then(|| {
        note(
            "closed_loop_paused",
            format!(
                "attempts to connect failed, and the closed loop started no call for {} between them: 10 ms after the first, and up to 1 s after further ones",
                format_nanoseconds(paused.as_secs_f64() * 1e9),
            ),
            "an open loop (--rate) goes on asking at its own pace while a server is away",
        )
    })
}

fn few_samples(latency: &Latency) -> Option<Finding> {
    let count = latency.count();
    let missing: Vec<_> =
        QUANTILES.iter().filter(|(_, quantile)| count < samples_needed(*quantile)).collect();
    let (first, quantile) = missing.first().filter(|_| count > 0)?;
    let names: Vec<_> = missing.iter().map(|(name, _)| *name).collect();
    Some(note(
        "few_samples",
        format!(
            "{} replies are too few for {}: {first} alone needs {}",
            grouped(count),
            names.join(", "),
            grouped(samples_needed(*quantile)),
        ),
        "give a longer --duration or more --calls",
    ))
}

fn rounded_sizes(plan: &PlanRecord) -> Option<Finding> {
    let rounded: Vec<String> = plan
        .sizes
        .iter()
        .filter(|size| size.asked_bytes != size.message_bytes)
        .map(|size| format!("{} became {}", ByteSize(size.asked_bytes), ByteSize(size.message_bytes)))
        .collect();
    (!rounded.is_empty()).then(|| {
        note(
            "size_rounded",
            format!("no text makes a message of every size: {}", rounded.join(", ")),
            "1, 2, 130, 16,387, 2,097,156 and 268,435,461 bytes cannot be made, because the length of the length changes there",
        )
    })
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn whole(number: u64) -> f64 {
    number as f64
}

fn share(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { whole(part) / whole(of) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_needs_as_many_samples_as_wilks_says() {
        let needed: Vec<u64> = QUANTILES.iter().map(|(_, quantile)| samples_needed(*quantile)).collect();
        assert_eq!(needed, [5, 29, 59, 299, 2_995, 29_956]);
    }
}
