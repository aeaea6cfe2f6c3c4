//! Restoration of the measurement from its document.

use std::time::{Duration, SystemTime};

use super::{
    document::{LatencyRecord, RefusalRecord, StatusRecord, Summary},
    measured::{Measured, MeasuredLatency},
};
use crate::{
    client::{ConnectionAccount, Connections},
    measure::{
        CpuTime, FailureCount, Latency, Measurement, PackedInterval, Recording, SizeRecording, Timeline,
    },
    result::{
        consistency::{Contradiction, same},
        document::{ReadError, parse},
    },
    rpc::{Code, Failure, Refusal},
};

/// Length of the shortest intervals of earlier versions.
const SECOND: Duration = Duration::from_secs(1);

impl Summary {
    /// Reads a result for its counts, which must conserve calls. Figures that follow from the counts are not computed
    /// again, which takes most of the time of [`Summary::read`]: do not use them. The measurement is `None` for
    /// `plimsoll.summary/1`.
    ///
    /// # Errors
    /// The document is of another kind or version, or its counts do not agree.
    pub(crate) fn counted(document: &[u8]) -> Result<(Self, Option<Measurement>), ReadError> {
        let summary: Self = parse(document)?;
        summary.check_counts()?;
        let run = summary.measurement()?;
        run.as_ref().map_or(Ok(()), Measurement::check)?;
        Ok((summary, run))
    }

    /// Returns the measurement behind a result; `None` for `plimsoll.summary/1`, which lacks a part of the
    /// counts.
    ///
    /// # Errors
    /// A histogram cannot be decoded, or two lists about one thing differ in length.
    pub fn measurement(&self) -> Result<Option<Measurement>, ReadError> {
        let Some(measured) = &self.measured else { return Ok(None) };
        Ok(Some(Measurement {
            plan: self.plan.clone(),
            environment: self.environment.clone(),
            started_at: SystemTime::UNIX_EPOCH
                .checked_add(measured.started_at)
                .unwrap_or(SystemTime::UNIX_EPOCH),
            agreed_start: self.agreed_start,
            shard: self.shard.clone(),
            window: Duration::from_nanos(self.window_ns),
            ended_by_count: measured.ended_by_count,
            is_interrupted: self.interrupted,
            recording: self.recording(measured)?,
            timeline: self.timeline(measured)?,
            usage: measured.usage.clone(),
            connections: self.connection_account(),
            handshakes: match &measured.handshakes {
                Some(handshakes) => handshakes.decode()?,
                None => Latency::new(),
            },
            upload_waits: measured.upload_waits,
        }))
    }

    fn recording(&self, measured: &Measured) -> Result<Recording, ReadError> {
        let decoded = |record: &Option<LatencyRecord>| record.as_ref().map(LatencyRecord::decode).transpose();
        let refusals = self.refusals.iter().map(|record| Ok((refusal_of(record), record.latency.decode()?)));
        let mut sizes = Vec::new();
        if self.plan.is_open() {
            same_length("the service times by size", measured.sizes.len(), self.sizes.len())?;
        }
        for (index, size) in self.sizes.iter().enumerate() {
            let (service, response) = times(&size.latency, measured.sizes.get(index))?;
            sizes.push(SizeRecording { calls: size.calls, service, response });
        }
        Ok(Recording {
            calls: self.calls,
            service: self.latency.service.decode()?,
            response: decoded(&self.latency.response)?,
            lateness: decoded(&self.latency.lateness)?,
            refusals: refusals.collect::<Result<_, ReadError>>()?,
            failures: self.statuses.iter().map(failure_of).collect(),
            differences: self.wrong_replies.clone(),
            sizes,
            replies: measured.replies.unwrap_or_default(),
            in_window: measured.in_window,
            carried_over: measured.carried_over,
            ended_in_window: measured.ended_in_window,
            first_sent: measured.first_sent.unwrap_or(Duration::MAX),
            last_done: measured.last_done,
        })
    }

    fn timeline(&self, measured: &Measured) -> Result<Timeline, ReadError> {
        same_length("the counts by interval", measured.intervals.len(), self.intervals.len())?;
        let mut rows = Vec::new();
        for (interval, counts) in self.intervals.iter().zip(&measured.intervals) {
            // The record holds the response time in an open loop, and the service time is stored apart.
            let latency = interval.latency.packed()?;
            let (service, response) = match &counts.service {
                None => (latency, None),
                Some(service) => (service.packed()?, Some(latency)),
            };
            let packed = PackedInterval {
                outcomes: interval.calls,
                service,
                response,
                in_flight: counts.in_flight,
                largest_lateness: Duration::from_nanos(interval.largest_lateness_ns.unwrap_or(0)),
            };
            let cpu = CpuTime {
                client: interval.client_cpu_ns.map(Duration::from_nanos),
                server: interval.server_cpu_ns.map(Duration::from_nanos),
            };
            rows.push((packed, Duration::from_nanos(interval.length_ns), cpu));
        }
        let in_seconds = Duration::from_secs(measured.seconds.unwrap_or(1).into());
        let length = measured.interval.unwrap_or(in_seconds);
        let part = measured.interval_part.unwrap_or(SECOND);
        Timeline::of_rows(part, length, rows)
            .map_err(|reason| Contradiction::new("the intervals", format_args!("{length:?}"), reason).into())
    }

    fn connection_account(&self) -> ConnectionAccount {
        let record = self.connections.unwrap_or_default();
        ConnectionAccount {
            connections: Connections {
                made: record.made,
                closed: record.closed,
                lost: record.lost,
                failed_attempts: record.failed_attempts,
            },
            unconnected: Duration::from_nanos(record.unconnected_ns),
            paused: Duration::from_nanos(record.paused_ns),
        }
    }
}

/// Returns the service time, and the response time in an open loop. In an open loop, the record holds the
/// response time, and the service time is stored apart.
fn times(
    record: &LatencyRecord,
    service: Option<&MeasuredLatency>,
) -> Result<(Latency, Option<Latency>), ReadError> {
    let latency = record.decode()?;
    Ok(match service {
        None => (latency, None),
        Some(service) => (service.decode()?, Some(latency)),
    })
}

fn same_length(what: &str, written: usize, expected: usize) -> Result<(), Contradiction> {
    same(&format!("the number of {what}"), written as u64, expected as u64)
}

fn refusal_of(record: &RefusalRecord) -> Refusal {
    let RefusalRecord { side, direction, message_bytes, limit_bytes, http_status, code, message, .. } =
        record;
    Refusal {
        side: *side,
        direction: *direction,
        message_bytes: *message_bytes,
        limit_bytes: *limit_bytes,
        http_status: *http_status,
        code: Code::named(code).unwrap_or(Code::UNKNOWN),
        message: message.clone(),
    }
}

fn failure_of(record: &StatusRecord) -> FailureCount {
    let failure = Failure { code: Code::from_number(record.number), message: record.message.clone() };
    FailureCount { kind: record.outcome, failure, count: record.count }
}
