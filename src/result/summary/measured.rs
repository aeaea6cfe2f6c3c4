//! Counts of a measurement that no other part of its document has.
//!
//! Calls, statuses, refusals, histograms and intervals of a result are counts too. Together with the counts here
//! they restore the whole measurement, so that no histogram is written twice.

use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    client::UploadWaits,
    measure::{
        DecodeError, Interval, Latency, Measurement, PackedLatency, ReplySizes, SizeRecording, Usage, Volume,
    },
    units::nanoseconds,
};

/// Counts of a measurement that no other part of its document has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// Start of the window, since 1970 in UTC.
    #[serde(rename = "started_at_unix_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub(super) started_at: Duration,
    /// True if the window ended because all calls were made.
    pub(super) ended_by_count: bool,
    /// Sizes of verified replies; absent in documents of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) replies: Option<ReplySizes>,
    /// Verified replies to planned calls within the window.
    pub(super) in_window: Volume,
    /// Verified replies to calls of the warm-up within the window.
    pub(super) carried_over: Volume,
    /// Calls of any outcome that ended within the window.
    pub(super) ended_in_window: u64,
    /// First send of a planned call; absent if none was sent.
    #[serde(
        rename = "first_sent_ns",
        with = "nanoseconds::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    #[schemars(with = "Option<u64>")]
    pub(super) first_sent: Option<Duration>,
    /// Last end of a planned call.
    #[serde(rename = "last_done_ns", with = "nanoseconds")]
    #[schemars(with = "u64")]
    pub(super) last_done: Duration,
    /// Seconds per interval, in documents of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) seconds: Option<u32>,
    /// Length of an interval. The last one may be shorter.
    #[serde(
        rename = "interval_ns",
        with = "nanoseconds::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    #[schemars(with = "Option<u64>")]
    pub(super) interval: Option<Duration>,
    /// Length of the parts of an interval, at whose ends the calls in flight were counted.
    #[serde(
        rename = "interval_part_ns",
        with = "nanoseconds::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    #[schemars(with = "Option<u64>")]
    pub(super) interval_part: Option<Duration>,
    /// Counts of each interval, in the order of `intervals`.
    pub(super) intervals: Vec<MeasuredInterval>,
    /// Service time of each size, in the order of `sizes`. Empty in a closed loop, whose latency is the
    /// service time.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(super) sizes: Vec<MeasuredLatency>,
    /// Cost of the window.
    pub(super) usage: Usage,
    /// Lengths of TLS handshakes; absent without TLS.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) handshakes: Option<MeasuredLatency>,
    /// Waits for remains of refused uploads.
    pub(super) upload_waits: UploadWaits,
}

/// Counts of an interval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) struct MeasuredInterval {
    /// Calls in flight at the end of each part of the interval, summed.
    pub(super) in_flight: u64,
    /// Service time. Absent in a closed loop, whose latency is the service time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) service: Option<MeasuredLatency>,
}

/// A histogram without figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) struct MeasuredLatency {
    /// Values over an hour.
    #[serde(skip_serializing_if = "is_zero", default)]
    out_of_range: u64,
    /// Base64 of HdrHistogram's V2 deflate encoding, in ns.
    histogram: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl MeasuredLatency {
    fn of(latency: &Latency) -> Self {
        Self { out_of_range: latency.out_of_range(), histogram: latency.encode() }
    }

    pub(super) fn decode(&self) -> Result<Latency, DecodeError> {
        Latency::decode(&self.histogram, self.out_of_range)
    }

    pub(super) fn packed(&self) -> Result<PackedLatency, DecodeError> {
        PackedLatency::decode(&self.histogram, self.out_of_range)
    }
}

impl Measured {
    /// Returns true if an earlier version wrote these counts: with the length of intervals in seconds.
    pub(super) fn is_of_earlier_version(&self) -> bool {
        self.seconds.is_some()
    }

    /// Gives the length of intervals as another version did that wrote these counts: in seconds.
    pub(super) fn write_as(&mut self, written: &Self) {
        if written.is_of_earlier_version() {
            let interval = self.interval.take().unwrap_or_default();
            self.interval_part = None;
            self.seconds = u32::try_from(interval.as_secs()).ok();
        }
    }

    /// Returns the counts of a measurement.
    pub(super) fn of(run: &Measurement) -> Self {
        let recording = &run.recording;
        let of_interval = |interval: &Interval| MeasuredInterval {
            in_flight: interval.in_flight,
            service: interval.response.is_some().then(|| MeasuredLatency::of(&interval.service)),
        };
        let of_size =
            |size: &SizeRecording| size.response.is_some().then(|| MeasuredLatency::of(&size.service));
        let end = run.window.max(recording.last_done);
        Self {
            started_at: run.started_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default(),
            ended_by_count: run.ended_by_count,
            replies: Some(recording.replies).filter(|sizes| sizes.count > 0),
            in_window: recording.in_window,
            carried_over: recording.carried_over,
            ended_in_window: recording.ended_in_window,
            first_sent: Some(recording.first_sent).filter(|sent| *sent < Duration::MAX),
            last_done: recording.last_done,
            seconds: None,
            interval: Some(run.timeline.length()),
            interval_part: Some(run.timeline.part()),
            intervals: run.timeline.intervals(end).map(|row| of_interval(&row.interval)).collect(),
            sizes: recording.sizes.iter().filter_map(of_size).collect(),
            usage: run.usage.clone(),
            handshakes: (run.handshakes.count() > 0).then(|| MeasuredLatency::of(&run.handshakes)),
            upload_waits: run.upload_waits,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::result::summary::Summary;

    #[test]
    fn counts_of_versions_that_gave_seconds_are_read_as_they_were() {
        let now = include_str!("../../../tests/data/documents/summary.json");
        let keys = "\"interval_ns\": 1000000000,\n    \"interval_part_ns\": 1000000000,";
        let then = now.replace(keys, "\"seconds\": 1,");
        assert_ne!(now, then);
        // The row after the window was a second long, and had a lateness of 0.
        let row = r#"{"start_ns":2000000000,"length_ns":1000000000,"calls":{"answered":0,"wrong_reply":0,"refused":0,"failed":0,"deadline_exceeded":0,"broken":0,"shed":0,"unfinished":0},"latency":{"count":0,"out_of_range":0,"histogram":"HISTFAAAACF4nJNpmSzMwMDAyAABzFAayGd2M9ixgMH+A1QEAFKmBEw="},"in_flight":0,"largest_lateness_ns":0}"#;
        let then = then.replacen("}\n  ],\n  \"cost\"", &format!("}},\n    {row}\n  ],\n  \"cost\""), 1);
        let counts = r#",{"in_flight":0,"service":{"histogram":"HISTFAAAACF4nJNpmSzMwMDAyAABzFAayGd2M9ixgMH+A1QEAFKmBEw="}}],"#;
        let then = then.replacen("}}],\n    \"sizes\"", &format!("}}}}{counts}\n    \"sizes\""), 1);
        let read = |text: &str| Summary::read(text.as_bytes()).expect("a result");
        let (now, then) = (read(now), read(&then));
        assert_eq!(then.intervals.len(), now.intervals.len() + 1);
        assert_eq!(now.soundness, then.soundness, "the figures were found to differ");
        let rows = |summary: &Summary| {
            let run = summary.measurement().expect("counts").expect("of this version");
            run.timeline.outcomes(run.window).map(|(start, ..)| start).collect::<Vec<_>>()
        };
        assert_eq!(rows(&then)[..2], rows(&now));
        let interval = |summary: &Summary| summary.measured.as_ref().map(|measured| measured.interval);
        assert_eq!(interval(&then), Some(None), "it is written as it was");
    }
}
