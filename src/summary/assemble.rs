//! From what was counted to the document.

use std::{net::SocketAddr, time::Duration};

use super::{
    ConnectionsRecord, Cost, Goodput, IntervalRecord, LatencyFigures, LatencyRecord, LatencyRecords,
    ObjectiveRecord, RefusalRecord, SCHEMA, ServerRecord, SizeSummary, StatusRecord, Summary, TargetRecord,
};
use crate::{
    driver::{LoopAccount, Run},
    environment::{Build, Environment, timestamp},
    latency::Latency,
    objective::{CallsOf, Metric, Objective, Statistic, Time},
    plan::{Plan, Secrets},
    record::{FailureCount, FailureKind, NotConserved, Recording, Volume},
    soundness::{Soundness, samples_needed},
    target::Located,
    units::{Limit, decimal, format_nanoseconds, format_share, grouped, nanoseconds_of},
};

/// What a summary says besides what was counted.
#[derive(Debug)]
pub struct Context<'a> {
    /// What was run.
    pub plan: &'a Plan,
    /// The receive limit that the user asked for, before it was capped.
    pub recv_limit_asked: Limit,
    /// What was driven.
    pub target: &'a Located,
    /// How its server was started, where the run started it.
    pub server: Option<ServerRecord>,
    /// The machine before the run.
    pub environment: Environment,
    /// The user's name for the run.
    pub label: Option<String>,
    /// What the run had to reach.
    pub objectives: &'a [Objective],
}

impl Summary {
    /// The result of a run.
    ///
    /// # Errors
    /// When calls got lost or were counted twice, which is a defect of this program.
    pub fn new(run: &Run, context: Context<'_>) -> Result<Self, NotConserved> {
        let recording = &run.recording;
        recording.calls.check()?;
        for size in &recording.sizes {
            size.calls.check()?;
        }
        NotConserved::unless_equal(recording.calls.planned, run.timeline.total().total())?;
        let Context { plan, recv_limit_asked, target, server, environment, label, objectives } = context;
        let plan_record = plan.record();
        let goodput = goodput(run);
        let mut summary = Self {
            schema: SCHEMA.to_owned(),
            plimsoll: Build::this(),
            label,
            started_at: timestamp(run.started_at),
            target: target_record(&target.authority, target.address, target.is_local, server),
            environment,
            window_ns: nanoseconds_of(run.window),
            interrupted: run.is_interrupted,
            calls: recording.calls,
            statuses: statuses(recording),
            refusals: refusals(recording),
            wrong_replies: recording.differences.clone(),
            goodput,
            latency: LatencyRecords {
                service: (&recording.service).into(),
                response: recording.response.as_ref().map(Into::into),
                lateness: recording.lateness.as_ref().map(Into::into),
            },
            sizes: recording
                .sizes
                .iter()
                .zip(plan.payload().messages().iter())
                .map(|(size, message)| SizeSummary {
                    message_bytes: message.request_bytes,
                    calls: size.calls,
                    latency: (&size.latency).into(),
                })
                .collect(),
            intervals: intervals(run),
            cost: cost(run),
            connections: connections(&run.usage.loops),
            soundness: Soundness::of(run, &plan_record, recv_limit_asked, target.is_local),
            objectives: objectives.iter().map(|objective| judge(objective, recording, &goodput)).collect(),
            plan: plan_record,
        };
        summary.hide(&Secrets::of(plan.metadata()));
        Ok(summary)
    }
}

fn target_record(
    authority: &str,
    address: SocketAddr,
    is_local: bool,
    server: Option<ServerRecord>,
) -> TargetRecord {
    TargetRecord { authority: authority.to_owned(), address: address.to_string(), is_local, server }
}

fn statuses(recording: &Recording) -> Vec<StatusRecord> {
    let mut statuses: Vec<StatusRecord> = recording
        .failures
        .iter()
        .map(|FailureCount { kind, failure, count }| StatusRecord {
            outcome: match kind {
                FailureKind::Failed => "failed",
                FailureKind::DeadlineExceeded => "deadline_exceeded",
                FailureKind::Broken => "broken",
            }
            .to_owned(),
            code: failure.code.name().to_owned(),
            number: failure.code.number(),
            count: *count,
            message: failure.message.clone(),
        })
        .collect();
    statuses.sort_by_key(|status| std::cmp::Reverse(status.count));
    statuses
}

fn refusals(recording: &Recording) -> Vec<RefusalRecord> {
    let mut refusals: Vec<RefusalRecord> = recording
        .refusals
        .iter()
        .map(|(refusal, latency)| RefusalRecord {
            side: refusal.side,
            direction: refusal.direction,
            message_bytes: refusal.message_bytes,
            limit_bytes: refusal.limit_bytes,
            code: refusal.code.name().to_owned(),
            message: refusal.message.clone(),
            count: latency.count(),
            latency: latency.into(),
        })
        .collect();
    refusals.sort_by_key(|refusal| std::cmp::Reverse(refusal.count));
    refusals
}

fn goodput(run: &Run) -> Goodput {
    let mut volume = run.recording.in_window;
    if !run.ended_by_count {
        volume.add(run.recording.carried_over);
    }
    let Volume { replies, request_bytes, reply_bytes } = volume;
    let per_second =
        |number: u64| if run.window.is_zero() { 0.0 } else { whole(number) / run.window.as_secs_f64() };
    Goodput {
        replies,
        calls_per_second: per_second(replies),
        request_bytes_per_second: per_second(request_bytes),
        reply_bytes_per_second: per_second(reply_bytes),
    }
}

fn intervals(run: &Run) -> Vec<IntervalRecord> {
    run.timeline
        .intervals(run.window.max(run.recording.last_done))
        .map(|(start, length, interval)| IntervalRecord {
            start_ns: nanoseconds_of(start),
            length_ns: nanoseconds_of(length),
            calls: interval.outcomes,
            latency: (&interval.latency).into(),
        })
        .collect()
}

fn cost(run: &Run) -> Cost {
    let calls = run.recording.ended_in_window;
    let per_call = |cpu: Option<Duration>| cpu.and_then(|cpu| nanoseconds_of(cpu).checked_div(calls));
    Cost {
        client_cpu_ns_per_call: per_call(run.usage.client_cpu),
        server_cpu_ns_per_call: per_call(run.usage.server_cpu),
        server_cpu_ns: run.usage.server_cpu.map(nanoseconds_of),
        client_peak_rss_bytes: run.usage.client_peak_memory_bytes,
        server_peak_rss_bytes: run.usage.server_peak_memory_bytes,
    }
}

fn connections(loops: &[LoopAccount]) -> Option<ConnectionsRecord> {
    loops
        .iter()
        .map(|account| ConnectionsRecord {
            lost: account.lost_connections,
            held_up_ns: nanoseconds_of(account.held_up),
            out_of_window_ns: nanoseconds_of(account.out_of_window),
            uploaded_in_vain_bytes: account.uploaded_in_vain_bytes,
        })
        .reduce(|sum, next| ConnectionsRecord {
            lost: sum.lost + next.lost,
            held_up_ns: sum.held_up_ns.max(next.held_up_ns),
            out_of_window_ns: sum.out_of_window_ns.max(next.out_of_window_ns),
            uploaded_in_vain_bytes: sum.uploaded_in_vain_bytes + next.uploaded_in_vain_bytes,
        })
}

/// Measures an objective. What was not measured, or on too few samples, meets none.
fn judge(objective: &Objective, recording: &Recording, goodput: &Goodput) -> ObjectiveRecord {
    let calls = |of| {
        let outcomes = &recording.calls.outcomes;
        match of {
            CallsOf::Planned => recording.calls.planned,
            CallsOf::Answered => outcomes.answered,
            CallsOf::WrongReply => outcomes.wrong_reply,
            CallsOf::Refused => outcomes.refused,
            CallsOf::Failed => outcomes.failed,
            CallsOf::DeadlineExceeded => outcomes.deadline_exceeded,
            CallsOf::Broken => outcomes.broken,
            CallsOf::Shed => outcomes.shed,
            CallsOf::Unfinished => outcomes.unfinished,
            CallsOf::Errors => outcomes.errors(),
        }
    };
    let measured = match objective.metric {
        Metric::Latency(time, statistic) => match latency_of(recording, time) {
            Some(latency) => {
                measure(latency, statistic).map(|nanoseconds| (nanoseconds, format_nanoseconds(nanoseconds)))
            }
            None => Err("a closed loop has no intended start, so it has service time alone".to_owned()),
        },
        Metric::Goodput => {
            Ok((goodput.calls_per_second, format!("{} calls/s", decimal(goodput.calls_per_second))))
        }
        Metric::Calls(of) => Ok((whole(calls(of)), format!("{} calls", grouped(calls(of))))),
        Metric::Share(_) if recording.calls.planned == 0 => Err("no call was planned".to_owned()),
        Metric::Share(of) => {
            let share = whole(calls(of)) / whole(recording.calls.planned);
            Ok((share, format_share(share)))
        }
    };
    let expression = objective.expression.clone();
    match measured {
        Ok((measured, shown)) => ObjectiveRecord {
            expression,
            measured: Some(measured),
            shown,
            met: objective.is_met_by(measured),
        },
        Err(reason) => ObjectiveRecord {
            expression,
            measured: None,
            shown: format!("not measured: {reason}"),
            met: false,
        },
    }
}

fn latency_of(recording: &Recording, time: Time) -> Option<&Latency> {
    match time {
        Time::Main => recording.response.as_ref().or(Some(&recording.service)),
        Time::Service => Some(&recording.service),
        Time::Response => recording.response.as_ref(),
        Time::Lateness => recording.lateness.as_ref(),
    }
}

fn measure(latency: &Latency, statistic: Statistic) -> Result<f64, String> {
    let count = latency.count();
    if count == 0 {
        return Err("no call was answered".to_owned());
    }
    match statistic {
        Statistic::Quantile(quantile) if quantile < 1.0 && count < samples_needed(quantile) => Err(format!(
            "it needs {} replies, and there were {}",
            grouped(samples_needed(quantile)),
            grouped(count)
        )),
        Statistic::Quantile(quantile) => Ok(whole(latency.quantile_ns(quantile))),
        Statistic::Min => Ok(whole(latency.min_ns())),
        Statistic::Mean => Ok(latency.mean_ns()),
        Statistic::Max => Ok(whole(latency.max_ns())),
    }
}

impl LatencyFigures {
    /// The figures of a histogram; `None` where nothing was counted.
    pub(super) fn of(latency: &Latency) -> Option<Self> {
        (latency.count() > 0).then(|| Self {
            min_ns: latency.min_ns(),
            mean_ns: rounded(latency.mean_ns()),
            stdev_ns: rounded(latency.stdev_ns()),
            p50_ns: latency.quantile_ns(0.5),
            p90_ns: latency.quantile_ns(0.9),
            p95_ns: latency.quantile_ns(0.95),
            p99_ns: latency.quantile_ns(0.99),
            p99_9_ns: latency.quantile_ns(0.999),
            p99_99_ns: latency.quantile_ns(0.9999),
            max_ns: latency.max_ns(),
        })
    }
}

impl From<&Latency> for LatencyRecord {
    fn from(latency: &Latency) -> Self {
        Self {
            count: latency.count(),
            figures: LatencyFigures::of(latency),
            out_of_range: latency.out_of_range(),
            histogram: latency.encode(),
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "nanoseconds of at most an hour")]
fn rounded(nanoseconds: f64) -> u64 {
    nanoseconds.round() as u64
}

#[expect(clippy::cast_precision_loss, reason = "counts and nanoseconds below 2^53")]
fn whole(number: u64) -> f64 {
    number as f64
}
