//! Findings about a run: one function per finding, with its text.

use std::time::Duration;

use super::{
    connections::unconnected,
    saturation::{Bottleneck, Saturation, Trouble},
};
use crate::{
    load::{Plan, PlannedLoad, Schedule},
    measure::{Latency, MachineTicks, Measurement},
    result::{
        finding::{Finding, FindingKind, Weight},
        quantiles::{QUANTILES, samples_needed},
    },
    rpc::outcome::OutcomeKind,
    units::{ByteSize, as_f64, counted, decimal, format_nanoseconds, format_share, grouped},
};

/// Share of the planned rate that a run must reach; a run below this share missed its rate.
const RATE_REACHED: f64 = 0.95;

/// Share of lateness in response time above which a note is added.
const LATENESS_NOTED: f64 = 0.2;

/// Share of lateness in response time above which the response time shows the generator, not the server.
const LATENESS_TOO_LARGE: f64 = 0.5;

/// Share of the planned calls without a verified reply, refused calls excluded, from which p99 is no longer a
/// latency.
pub(crate) const MISSING_ANSWERS: f64 = 0.01;

/// Share of the window during which the generator stood still, from which goodput is too low by that share.
const PAUSED: f64 = 0.01;

/// Share of all cores, used by neither the client nor the server, above which other load is reported.
const OTHER_LOAD: f64 = 0.1;

fn finding(weight: Weight, kind: FindingKind, detail: String, advice: &str) -> Finding {
    Finding::new(kind, weight, detail, advice)
}

fn warning(kind: FindingKind, detail: String, advice: &str) -> Finding {
    finding(Weight::Warning, kind, detail, advice)
}

fn disturbance(kind: FindingKind, detail: String, advice: &str) -> Finding {
    finding(Weight::Disturbance, kind, detail, advice)
}

pub(super) fn note(kind: FindingKind, detail: String, advice: &str) -> Finding {
    finding(Weight::Note, kind, detail, advice)
}

/// Returns the worst cause, besides CPU time, that decides the figures.
pub(super) fn trouble(run: &Measurement) -> Option<Trouble> {
    if is_paused(run) {
        Some(Trouble::GeneratorPaused)
    } else if unconnected(run).is_some() {
        Some(Trouble::Connections)
    } else if run.upload_waits.count > 0 {
        Some(Trouble::UploadsHeldBack)
    } else if lacks_answers(run) {
        Some(Trouble::MissingAnswers)
    } else {
        None
    }
}

pub(super) fn nothing_answered(run: &Measurement) -> Option<Finding> {
    let recording = &run.recording;
    let calls = recording.calls;
    if calls.outcomes.answered > 0 {
        return None;
    }
    let detail = match calls.planned {
        0 => "no call was planned in the window, so there is nothing to assess".to_owned(),
        planned => format!("none of {} planned calls had a verified reply", grouped(planned)),
    };
    Some(warning(
        FindingKind::NothingAnswered,
        detail,
        "see the statuses, if any; `plimsoll call` makes one call and shows the whole reply",
    ))
}

fn lacks_answers(run: &Measurement) -> bool {
    let calls = run.recording.calls;
    share(calls.outcomes.unverified(), calls.planned.saturating_sub(calls.outcomes.refused))
        >= MISSING_ANSWERS
}

pub(super) fn missing_answers(run: &Measurement) -> Option<Finding> {
    let calls = run.recording.calls;
    if calls.outcomes.answered == 0 || !lacks_answers(run) {
        return None;
    }
    let outcomes = calls.outcomes;
    let kinds = OutcomeKind::VALUES.iter().filter(|kind| kind.is_unverified() && outcomes.of(**kind) > 0);
    let kinds: Vec<String> = kinds
        .map(|kind| format!("{} {}", grouped(outcomes.of(*kind)), kind.name().replace('_', " ")))
        .collect();
    Some(warning(
        FindingKind::MissingAnswers,
        format!(
            "{} of the planned calls had no verified reply ({}); no latency figure includes them",
            format_share(share(outcomes.unverified(), calls.planned)),
            kinds.join(", "),
        ),
        "read the statuses first: the latencies are of successful calls only; `--assert` counts a call without a reply as slower than any bound",
    ))
}

/// Returns how long the generator stood still within the window, as a share of the window (0..1).
fn paused_share(run: &Measurement) -> f64 {
    let window = run.window.as_secs_f64();
    if window > 0.0 { (run.usage.pauses.time.as_secs_f64() / window).min(1.0) } else { 0.0 }
}

/// Returns true if the generator stood still long enough to change the figures.
fn is_paused(run: &Measurement) -> bool {
    paused_share(run) >= PAUSED
}

pub(super) fn generator_paused(run: &Measurement) -> Option<Finding> {
    let pauses = run.usage.pauses;
    if pauses.time.is_zero() {
        return None;
    }
    let nanoseconds = |time: Duration| format_nanoseconds(time.as_secs_f64() * 1e9);
    Some(finding(
        if is_paused(run) { Weight::Warning } else { Weight::Disturbance },
        FindingKind::GeneratorPaused,
        format!(
            "the generator stood still for {} in total ({} of the window), at most {} at once; this lowers goodput and slows the slowest calls",
            nanoseconds(pauses.time),
            format_share(paused_share(run)),
            nanoseconds(pauses.longest),
        ),
        "its process was stopped, its machine suspended, or its CPU quota used up; give the generator a core of its own",
    ))
}

/// Returns the finding of a run that was stopped from outside: its figures are of a part of the plan.
pub(super) fn interrupted(run: &Measurement) -> Option<Finding> {
    let after = format_nanoseconds(run.window.as_secs_f64() * 1e9);
    let planned = run.plan.duration.map_or_else(String::new, |planned| {
        format!(" of {}", format_nanoseconds(planned.as_secs_f64() * 1e9))
    });
    run.is_interrupted.then(|| {
        if run.window.is_zero() {
            warning(
                FindingKind::Interrupted,
                "the run was interrupted before its measured window: there are no figures of the planned load".to_owned(),
                "run it again; --warm-up 0s starts the window at once",
            )
        } else if run.plan.duration.is_some_and(|planned| run.window >= planned) {
            note(
                FindingKind::Interrupted,
                "the wait for calls in flight was interrupted, after the measured window".to_owned(),
                "calls that had not ended are unfinished",
            )
        } else {
            note(
                FindingKind::Interrupted,
                format!("the run was interrupted after {after}{planned}; the figures are of that part"),
                "run it again for the figures of the whole plan",
            )
        }
    })
}

pub(super) fn unfinished(run: &Measurement, plan: &Plan) -> Option<Finding> {
    let calls = run.recording.calls.outcomes.unfinished;
    (calls > 0).then(|| {
        let drain = crate::units::exact_duration(plan.drain);
        warning(
            FindingKind::CallsUnfinished,
            format!("{} still in flight when the drain of {drain} ended; the latency figures lack the slowest calls", counted(calls, "call")),
            "use a longer --drain, or find out why the server does not reply",
        )
    })
}

pub(super) fn shed(run: &Measurement, plan: &Plan) -> Option<Finding> {
    let calls = run.recording.calls;
    let PlannedLoad::Open { max_in_flight, .. } = plan.load else { return None };
    (calls.outcomes.shed > 0).then(|| {
        warning(
            FindingKind::CallsShed,
            format!(
                "{} ({}) not sent, because {} were already in flight; no latency figure includes them",
                counted(calls.outcomes.shed, "call"),
                format_share(share(calls.outcomes.shed, calls.planned)),
                grouped(max_in_flight),
            ),
            "the service does not keep up with this rate: use a lower --rate, or a larger --max-in-flight to see response times grow",
        )
    })
}

pub(super) fn rate_not_reached(run: &Measurement, plan: &Plan) -> Option<Finding> {
    let PlannedLoad::Open { stages, arrivals, .. } = &plan.load else { return None };
    let planned = run.recording.calls.planned;
    let window = run.window.as_secs_f64();
    let schedule = Schedule { stages: stages.clone(), arrivals: *arrivals, seed: 0, calls: None };
    // In a count of calls, the last arrival may be long before the window's end.
    let of_all = as_f64(planned) * as_f64(run.shard.as_ref().map_or(1, |shard| shard.of));
    let planned_time = schedule.time_of(of_all).as_secs_f64().min(window);
    // A run that ends by count lasts until its last call is done, so its duration shows a missed rate.
    let reached = if run.ended_by_count {
        planned_time / window
    } else {
        share(run.recording.ended_in_window, planned)
    };
    if planned == 0 || reached >= RATE_REACHED {
        return None;
    }
    Some(warning(
        FindingKind::RateNotReached,
        format!(
            "{} calls/s were planned, and {} calls/s ended within the window",
            decimal(as_f64(planned) / planned_time),
            decimal(as_f64(run.recording.ended_in_window) / window),
        ),
        "the service does not keep up, or the generator where another finding says so: use a lower --rate; if single replies take long, a longer --warm-up",
    ))
}

pub(super) fn generator_saturated(saturation: &Saturation) -> Option<Finding> {
    (saturation.saturated == Bottleneck::Generator).then(|| {
        warning(
            FindingKind::GeneratorSaturated,
            format!(
                "{}: the figures show the generator's speed; the server may be faster",
                saturation.detail
            ),
            &saturation.advice,
        )
    })
}

pub(super) fn late_generator(run: &Measurement) -> Option<Finding> {
    let (response, lateness) = (run.recording.response.as_ref()?, run.recording.lateness.as_ref()?);
    let part = lateness.mean_ns() / response.mean_ns();
    let weight = match part {
        part if part > LATENESS_TOO_LARGE => Weight::Warning,
        part if part > LATENESS_NOTED => Weight::Note,
        _ => return None,
    };
    Some(finding(
        weight,
        FindingKind::LateGenerator,
        format!(
            "calls were sent {} after their intended start on average, {} of the mean response time",
            format_nanoseconds(lateness.mean_ns()),
            format_share(part),
        ),
        "service time excludes lateness; more --workers or a lower --rate reduce lateness",
    ))
}

pub(super) fn held_back(run: &Measurement) -> Option<Finding> {
    let waits = run.upload_waits;
    (waits.count > 0).then(|| {
        warning(
            FindingKind::UploadsHeldBack,
            format!(
                "{} waited before the send, {} on average: the server kept reading refused requests, and the client holds at most 64 MiB of those per connection",
                counted(waits.count, "call"),
                format_nanoseconds(waits.time.as_secs_f64() * 1e9 / as_f64(waits.count)),
            ),
            "the generator sets the pace; --client lean cancels refused requests and does not wait",
        )
    })
}

pub(super) fn other_load(run: &Measurement, is_local: bool) -> Option<Finding> {
    let usage = &run.usage;
    let all_cores =
        usage.measured_over.as_secs_f64() * as_f64(usage.machine.map_or(0, MachineTicks::cores) as u64);
    let server = match (usage.server_cpu, is_local) {
        (Some(cpu), _) => cpu,
        (None, false) => Duration::ZERO,
        // A local server without CPU accounting: its share cannot be separated from that of other processes.
        (None, true) => return None,
    };
    let own = (usage.client_cpu? + server).as_secs_f64();
    let (busy, stolen) = usage.machine?.shares();
    if stolen > OTHER_LOAD {
        return Some(disturbance(
            FindingKind::OtherLoad,
            format!("the hypervisor gave {} of this machine's cores to other machines", format_share(stolen)),
            "measure on a dedicated machine, or compare interleaved runs only",
        ));
    }
    let other = busy - own / all_cores;
    (other > OTHER_LOAD).then(|| {
        disturbance(
            FindingKind::OtherLoad,
            format!("other processes used {} of this machine's cores", format_share(other)),
            "stop them, or compare interleaved runs only",
        )
    })
}

pub(super) fn few_samples(latency: &Latency) -> Option<Finding> {
    let count = latency.count();
    let missing: Vec<_> =
        QUANTILES.iter().filter(|(_, quantile)| count < samples_needed(*quantile)).collect();
    let (first, quantile) = missing.first().filter(|_| count > 0)?;
    // Without a median, no figure is sound.
    let weight = if *quantile <= 0.5 { Weight::Warning } else { Weight::Note };
    Some(finding(
        weight,
        FindingKind::FewSamples,
        format!(
            "{} are too few for {}: {first} needs {}",
            counted(count, "reply"),
            missing.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
            grouped(samples_needed(*quantile)),
        ),
        "use a longer --duration or more --calls",
    ))
}

/// Notes credentials that were sent to another machine without TLS.
pub(super) fn token_in_clear(plan: &Plan, is_local: bool) -> Option<Finding> {
    let sent = plan.options.metadata.iter().find(|pair| pair.name.ends_with("authorization"))?;
    (!is_local).then(|| {
        note(
            FindingKind::TokenInClear,
            format!("`{}` was sent to another machine without TLS: others on the way can read it", sent.name),
            "use a token that may be seen, or a server on this machine",
        )
    })
}

/// Warns if another method's replies were all empty.
pub(super) fn replies_empty(run: &Measurement) -> Option<Finding> {
    let reply = run.plan.other_method.as_ref()?.reply.as_deref();
    let sizes = &run.recording.replies;
    (reply != Some("google.protobuf.Empty") && sizes.count > 0 && sizes.empty == sizes.count).then(|| {
        finding(
            Weight::Warning,
            FindingKind::RepliesEmpty,
            format!("all {} were empty messages: any method answers so that does nothing", counted(sizes.count, "verified reply")),
            "check the data and the method with `plimsoll call`; if the method has nothing to reply, ignore this",
        )
    })
}

pub(super) fn rounded_sizes(plan: &Plan) -> Option<Finding> {
    let rounded: Vec<String> = plan
        .sizes
        .iter()
        .filter(|size| size.asked_bytes != size.message_bytes)
        .map(|size| format!("{} became {}", ByteSize(size.asked_bytes), ByteSize(size.message_bytes)))
        .collect();
    (!rounded.is_empty()).then(|| {
        note(
            FindingKind::SizeRounded,
            format!("some sizes cannot be made by a text: {}", rounded.join(", ")),
            "1, 2, 130, 16,387, 2,097,156 and 268,435,461 bytes cannot be made: the length field of the encoding grows there",
        )
    })
}

pub(super) fn share(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { as_f64(part) / as_f64(of) }
}

#[cfg(test)]
#[path = "findings_tests.rs"]
mod tests;
