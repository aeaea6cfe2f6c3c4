//! Recording of calls during a run.
//!
//! Each worker has its own [`Recorder`]. Recording a call takes no lock, prints nothing and computes no
//! percentile. Memory is bounded for any length of run: the number of distinct failures and refusals is
//! limited, and intervals leave the worker when they end.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    interval::Interval,
    recording::{MOST_DIFFERENCES, Recording},
};
use crate::{
    client::{Call, Completion},
    load::Payload,
    rpc::{Message, Outcome},
    units::nanoseconds_of,
};

/// One worker's recording, and its current interval.
#[derive(Debug)]
pub struct Recorder {
    recording: Recording,
    /// Start of the window.
    start: Instant,
    /// Length of the window, if known in advance; [`Duration::MAX`] if calls are counted.
    window: Duration,
    messages: Arc<[Message]>,
    /// Length of an interval.
    part: Duration,
    interval: Interval,
    interval_index: u64,
    /// End of the current interval. Comparing it for each call is cheaper than a division.
    interval_end: Duration,
}

impl Recorder {
    /// Makes a recorder for calls of this payload. The window starts at `start`; `window` is its length, if
    /// known in advance. Intervals have the length `part`.
    #[must_use]
    pub fn new(
        payload: &Payload,
        is_open: bool,
        start: Instant,
        window: Option<Duration>,
        part: Duration,
    ) -> Self {
        Self {
            recording: Recording::of(payload, is_open),
            start,
            window: window.unwrap_or(Duration::MAX),
            messages: Arc::clone(payload.messages()),
            part,
            interval: Interval::new(is_open),
            interval_index: 0,
            interval_end: part,
        }
    }

    /// Counts a call of this class as planned. Its outcome follows later.
    pub fn plan(&mut self, class: usize) {
        self.recording.calls.planned += 1;
        if let Some(size) = self.recording.sizes.get_mut(class) {
            size.calls.planned += 1;
        }
    }

    /// Counts the outcome of a planned call that was sent.
    pub fn finish(&mut self, completion: Completion) {
        let Completion { call, done, outcome, reply_bytes, uploaded_bytes: _, is_own_status: _, loss: _ } =
            completion;
        let Call { message, class, is_planned: _, intended, sent, returned: _ } = call;
        let class = usize::from(class);
        // If the call was sent before the window, this time is longer than the difference of `done` and
        // `sent` below.
        let service = done.saturating_duration_since(sent);
        let since_start = |instant: Instant| instant.saturating_duration_since(self.start);
        let (intended, sent, done) = (intended.map(since_start), since_start(sent), since_start(done));
        let kind = outcome.kind();
        self.count_outcome(class, &outcome);
        self.recording.first_sent = self.recording.first_sent.min(sent);
        self.recording.last_done = self.recording.last_done.max(done);
        self.recording.ended_in_window += u64::from(done < self.window);
        match outcome {
            Outcome::Answered => {
                self.recording.replies.count(reply_bytes);
                let response = match (intended, &mut self.recording.response, &mut self.recording.lateness) {
                    (Some(intended), Some(response), Some(lateness)) => {
                        let time = done.saturating_sub(intended);
                        let late = sent.saturating_sub(intended);
                        response.record(time);
                        lateness.record(late);
                        self.interval.largest_lateness = self.interval.largest_lateness.max(late);
                        Some(time)
                    }
                    _ => None,
                };
                self.recording.service.record(service);
                self.interval.service.record(service);
                if let Some((of_interval, time)) = self.interval.response.as_mut().zip(response) {
                    of_interval.record(time);
                }
                if let Some(size) = self.recording.sizes.get_mut(class) {
                    size.service.record(service);
                    if let Some((of_size, time)) = size.response.as_mut().zip(response) {
                        of_size.record(time);
                    }
                }
                if done < self.window {
                    self.recording.in_window.count(self.request_bytes(message), reply_bytes);
                }
            }
            Outcome::WrongReply(difference) => {
                if self.recording.differences.len() < MOST_DIFFERENCES {
                    self.recording.differences.push(*difference);
                }
            }
            Outcome::Refused(refusal) => self.recording.refusal(*refusal).record(service),
            Outcome::Failed(failure) | Outcome::DeadlineExceeded(failure) | Outcome::Broken(failure) => {
                self.recording.count_failure(kind, *failure, 1);
            }
            Outcome::Shed | Outcome::Unfinished => {}
        }
    }

    /// Counts a planned call of this class that was never sent because too many were in flight.
    pub fn shed(&mut self, class: usize) {
        self.count_outcome(class, &Outcome::Shed);
    }

    /// Counts planned calls of this class that had not ended when the drain ended.
    pub fn unfinished(&mut self, class: usize, calls: u64) {
        for _ in 0..calls {
            self.count_outcome(class, &Outcome::Unfinished);
        }
    }

    /// Counts a call of the warm-up that ended in the window. It is not planned, but the server did answer
    /// it.
    pub fn carry_over(&mut self, completion: &Completion) {
        if completion.done.saturating_duration_since(self.start) < self.window {
            self.recording.ended_in_window += 1;
            if completion.outcome == Outcome::Answered {
                let request_bytes = self.request_bytes(completion.call.message);
                self.recording.carried_over.count(request_bytes, completion.reply_bytes);
            }
        }
    }

    /// Ends the window now, after an interruption.
    pub fn end_window(&mut self, at: Instant) {
        self.window = self.window.min(at.saturating_duration_since(self.start));
    }

    /// Number of the current interval, from 0.
    #[must_use]
    pub fn interval_index(&self) -> u64 {
        self.interval_index
    }

    /// Takes the last interval with its number, from 0, if `now` is after its end.
    ///
    /// `in_flight` is the current number of calls in flight.
    pub fn take_interval(&mut self, now: Instant, in_flight: u64) -> Option<(u64, Interval)> {
        let now = now.saturating_duration_since(self.start);
        if now < self.interval_end {
            return None;
        }
        let part = nanoseconds_of(self.part).max(1);
        let index = nanoseconds_of(now) / part;
        let ended = std::mem::replace(&mut self.interval_index, index);
        self.interval_end = Duration::from_nanos((index + 1).saturating_mul(part));
        self.interval.in_flight = in_flight;
        let next = Interval::new(self.interval.response.is_some());
        Some((ended, std::mem::replace(&mut self.interval, next)))
    }

    /// Returns everything that was counted, and the current interval with its number.
    #[must_use]
    pub fn into_recording(self) -> (Recording, (u64, Interval)) {
        (self.recording, (self.interval_index, self.interval))
    }

    /// Message bytes of a message's request.
    fn request_bytes(&self, message: usize) -> u64 {
        self.messages.get(message).map_or(0, Message::request_bytes)
    }

    fn count_outcome(&mut self, class: usize, outcome: &Outcome) {
        self.recording.calls.outcomes.count(outcome);
        self.interval.outcomes.count(outcome);
        if let Some(size) = self.recording.sizes.get_mut(class) {
            size.calls.outcomes.count(outcome);
        }
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
