//! Assembly of the document from the counts of a measurement.

use std::time::Duration;

use super::{
    document::{
        ConnectionsRecord, Cost, Goodput, HandshakeRecord, IntervalRecord, LatencyFigures, LatencyRecord,
        LatencyRecords, RefusalRecord, RepliesRecord, SizeSummary, StatusRecord, Summary,
    },
    measured::Measured,
    objectives::judge,
    target::TargetRecord,
};
use crate::{
    client::{ConnectionAccount, Connections},
    endpoint::Located,
    measure::{
        Build, FailureCount, Latency, LoopAccount, Measurement, NotConserved, Recording, ReplySizes,
        TimelineRow, Volume, timestamp,
    },
    result::{document::DocumentKind, objective::Objective, soundness::Soundness},
    rpc::metadata::Secrets,
    units::{as_f64, nanoseconds_of},
};

/// Parts of a summary that are not counts.
#[derive(Debug)]
pub struct Context<'a> {
    /// The server under test.
    pub target: TargetRecord,
    /// The user's name for the run.
    pub label: Option<String>,
    /// Objectives of the run.
    pub objectives: &'a [Objective],
}

impl Summary {
    /// Summary of a measurement of a server that was there already, with these objectives. Pure: nothing is read
    /// and nothing is printed.
    ///
    /// # Errors
    /// When the measurement does not conserve calls, which is a defect of this library.
    pub fn of(run: &Measurement, target: &Located, objectives: &[Objective]) -> Result<Self, NotConserved> {
        Self::new(run, Context { target: TargetRecord::of(target, None), label: None, objectives })
    }

    /// Returns the summary of a measurement: a pure function of the counts and of the context.
    ///
    /// # Errors
    /// Calls were lost or counted twice, which is a defect of this program.
    pub fn new(run: &Measurement, context: Context<'_>) -> Result<Self, NotConserved> {
        let soundness = Soundness::of(run, context.target.is_local);
        Self::with_soundness(run, context, soundness)
    }

    /// Returns the summary of a measurement with a given soundness.
    pub(crate) fn with_soundness(
        run: &Measurement,
        context: Context<'_>,
        soundness: Soundness,
    ) -> Result<Self, NotConserved> {
        run.check()?;
        let recording = &run.recording;
        let Context { target, label, objectives } = context;
        let goodput = goodput(run);
        let mut summary = Self {
            schema: DocumentKind::Summary.schema().to_owned(),
            plimsoll: Build::this(),
            label,
            started_at: timestamp(run.started_at),
            agreed_start: run.agreed_start,
            shard: run.shard.clone(),
            shards: None,
            environment: run.environment.clone(),
            window_ns: nanoseconds_of(run.window),
            interrupted: run.is_interrupted,
            calls: recording.calls,
            statuses: statuses(recording),
            refusals: refusals(recording),
            wrong_replies: recording.differences.clone(),
            goodput,
            replies: RepliesRecord::of(&recording.replies, recording.calls.outcomes.answered),
            latency: LatencyRecords {
                service: (&recording.service).into(),
                response: recording.response.as_ref().map(Into::into),
                lateness: recording.lateness.as_ref().map(Into::into),
            },
            sizes: recording
                .sizes
                .iter()
                .zip(&run.plan.sizes)
                .map(|(size, planned)| SizeSummary {
                    message_bytes: planned.message_bytes,
                    calls: size.calls,
                    latency: size.latency().into(),
                })
                .collect(),
            intervals: intervals(run),
            cost: cost(run),
            connections: Some(connections(run)),
            soundness,
            objectives: objectives.iter().map(|objective| judge(objective, recording, &goodput)).collect(),
            target,
            plan: run.plan.document(),
            measured: Some(Measured::of(run)),
        };
        summary.hide(&Secrets::of(&run.plan.options.metadata));
        Ok(summary)
    }
}

impl RepliesRecord {
    /// Returns the record of these sizes; `None` if they are not those of all verified replies.
    fn of(sizes: &ReplySizes, answered: u64) -> Option<Self> {
        (sizes.count > 0 && sizes.count == answered).then(|| Self {
            min_bytes: sizes.smallest,
            mean_bytes: as_f64(sizes.bytes) / as_f64(sizes.count),
            max_bytes: sizes.largest,
            empty: sizes.empty,
        })
    }
}

fn statuses(recording: &Recording) -> Vec<StatusRecord> {
    let mut statuses: Vec<StatusRecord> = recording
        .failures
        .iter()
        .map(|FailureCount { kind, failure, count }| StatusRecord {
            outcome: *kind,
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
            http_status: refusal.http_status,
            code: refusal.code.name().to_owned(),
            message: refusal.message.clone(),
            count: latency.count(),
            latency: latency.into(),
        })
        .collect();
    refusals.sort_by_key(|refusal| std::cmp::Reverse(refusal.count));
    refusals
}

/// Returns the goodput of a measurement.
pub(crate) fn goodput(run: &Measurement) -> Goodput {
    let mut volume = run.recording.in_window;
    if !run.ended_by_count {
        volume.add(run.recording.carried_over);
    }
    let Volume { replies, request_bytes, reply_bytes } = volume;
    let per_second =
        |number: u64| if run.window.is_zero() { 0.0 } else { as_f64(number) / run.window.as_secs_f64() };
    Goodput {
        replies,
        calls_per_second: per_second(replies),
        request_bytes_per_second: per_second(request_bytes),
        reply_bytes_per_second: per_second(reply_bytes),
    }
}

fn intervals(run: &Measurement) -> Vec<IntervalRecord> {
    run.timeline
        .intervals(run.window.max(run.recording.last_done))
        .map(|TimelineRow { start, length, interval, cpu }| IntervalRecord {
            start_ns: nanoseconds_of(start),
            length_ns: nanoseconds_of(length),
            calls: interval.outcomes,
            latency: interval.latency().into(),
            in_flight: Some(interval.in_flight / run.timeline.parts_of(length)),
            largest_lateness_ns: (run.plan.is_open() && interval.outcomes.answered > 0)
                .then(|| nanoseconds_of(interval.largest_lateness)),
            client_cpu_ns: cpu.client.map(nanoseconds_of),
            server_cpu_ns: cpu.server.map(nanoseconds_of),
        })
        .collect()
}

/// Returns the cost of a measurement.
pub(crate) fn cost(run: &Measurement) -> Cost {
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

fn connections(run: &Measurement) -> ConnectionsRecord {
    let loops = &run.usage.loops;
    let longest = |of: fn(&LoopAccount) -> Duration| loops.iter().map(of).max().map(nanoseconds_of);
    let sum = |of: fn(&LoopAccount) -> u64| loops.iter().map(of).reduce(u64::saturating_add);
    let ConnectionAccount { connections, unconnected, paused } = run.connections;
    let Connections { made, closed, lost, failed_attempts } = connections;
    ConnectionsRecord {
        made,
        closed,
        lost,
        failed_attempts,
        unconnected_ns: nanoseconds_of(unconnected),
        paused_ns: nanoseconds_of(paused),
        retried_calls: sum(|account| account.retried_calls),
        held_up_ns: longest(|account| account.held_up),
        out_of_window_ns: longest(|account| account.out_of_window),
        uploaded_in_vain_bytes: sum(|account| account.uploaded_in_vain_bytes),
        handshake: (run.handshakes.count() > 0).then(|| HandshakeRecord {
            count: run.handshakes.count(),
            p50_ns: run.handshakes.quantile_ns(0.5),
            max_ns: run.handshakes.max_ns(),
        }),
    }
}

impl LatencyFigures {
    /// Returns the figures of a histogram; `None` for an empty one.
    pub(crate) fn of(latency: &Latency) -> Option<Self> {
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
