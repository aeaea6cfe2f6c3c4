//! What is counted while a run goes on.
//!
//! Each worker has a [`Recorder`] to itself: recording a call takes no lock, prints nothing and
//! computes no percentile. Memory is bounded, whatever the run's length: the kinds of failures and
//! refusals that are told apart have a number, and intervals leave the worker once a second.
//!
//! All times are since the start of the measured window.

mod calls;
mod timeline;

use std::time::Duration;

use crate::{
    latency::Latency,
    outcome::{Code, Difference, Failure, Outcome, Refusal},
    payload::Payload,
};

pub use calls::{Calls, NotConserved, Outcomes};
pub use timeline::{Interval, Timeline};

/// Length of an interval, as workers hand it over.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// Kinds of failures, and of refusals, that are told apart. A server that puts a number into each
/// message would otherwise fill the memory.
const MOST_KINDS: usize = 64;

/// The message under which failures of further kinds are counted.
const OTHER_MESSAGES: &str = "(other messages)";

/// The message under which refusals of further kinds are counted.
const OTHER_REFUSALS: &str = "(other refusals)";

/// Differences of wrong replies that are kept as examples.
const MOST_DIFFERENCES: usize = 4;

/// A call that is over, for the recorder.
#[derive(Debug)]
pub struct Finished {
    /// Which message it sent, as an index of the payload.
    pub message: usize,
    /// When it should have started; `None` in a closed loop.
    pub intended: Option<Duration>,
    /// When it was sent.
    pub sent: Duration,
    /// When it ended.
    pub done: Duration,
    /// From the send to the end: more than the difference where the call was sent before the window.
    pub service: Duration,
    /// What became of it.
    pub outcome: Outcome,
}

/// Everything that was counted, by one worker or by all.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Planned calls and what became of them.
    pub calls: Calls,
    /// From sent to done, of verified replies.
    pub service: Latency,
    /// From intended start to done, of verified replies; `None` in a closed loop.
    pub response: Option<Latency>,
    /// From intended start to sent, of verified replies; `None` in a closed loop.
    pub lateness: Option<Latency>,
    /// Refusals by kind, with their service times.
    pub refusals: Vec<(Refusal, Latency)>,
    /// Failures by kind.
    pub failures: Vec<FailureCount>,
    /// The first wrong replies.
    pub differences: Vec<Difference>,
    /// By message, in the order of the payload; empty where there is only one.
    pub sizes: Vec<SizeRecording>,
    /// Verified replies to planned calls that came within the window.
    pub in_window: Volume,
    /// Verified replies to warm-up calls that came within the window.
    pub carried_over: Volume,
    /// Calls of any outcome that ended within the window, those of the warm-up included: what the
    /// CPU time of the window was spent on.
    pub ended_in_window: u64,
    /// When the first planned call was sent; [`Duration::MAX`] when none was.
    pub first_sent: Duration,
    /// When the last planned call ended.
    pub last_done: Duration,
}

/// How often calls failed in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureCount {
    /// Failed, broken, or over its deadline.
    pub kind: FailureKind,
    /// The status.
    pub failure: Failure,
    /// How many calls.
    pub count: u64,
}

/// Which outcome a failure belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The call ended with a status.
    Failed,
    /// Its deadline passed.
    DeadlineExceeded,
    /// Its connection was lost.
    Broken,
}

/// Replies, and the bytes that went both ways for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Volume {
    /// Verified replies.
    pub replies: u64,
    /// Message bytes of their requests.
    pub request_bytes: u64,
    /// Message bytes of the replies.
    pub reply_bytes: u64,
}

/// What was counted for the calls of one message.
#[derive(Debug, Clone)]
pub struct SizeRecording {
    /// Its calls.
    pub calls: Calls,
    /// Response time in an open loop, service time in a closed one, of verified replies.
    pub latency: Latency,
}

/// One worker's recording, and the interval that is going on.
#[derive(Debug)]
pub struct Recorder {
    recording: Recording,
    /// End of the window, where it is known beforehand; [`Duration::MAX`] where calls are counted.
    window: Duration,
    sizes: Vec<(u64, u64)>,
    interval: Interval,
    interval_index: u64,
    /// Compared for each call, where a division would cost more than all the rest.
    interval_end: Duration,
}

impl Volume {
    fn count(&mut self, request_bytes: u64, reply_bytes: u64) {
        self.replies += 1;
        self.request_bytes += request_bytes;
        self.reply_bytes += reply_bytes;
    }

    /// Adds what another volume counted.
    pub fn add(&mut self, other: Self) {
        let Self { replies, request_bytes, reply_bytes } = other;
        self.replies += replies;
        self.request_bytes += request_bytes;
        self.reply_bytes += reply_bytes;
    }
}

impl Recorder {
    /// A recorder for calls of this payload. `window` is the length of the measured window, where
    /// it is known beforehand.
    #[must_use]
    pub fn new(payload: &Payload, is_open: bool, window: Option<Duration>) -> Self {
        let messages = payload.messages();
        Self {
            recording: Recording::new(if messages.len() > 1 { messages.len() } else { 0 }, is_open),
            window: window.unwrap_or(Duration::MAX),
            sizes: messages.iter().map(|message| (message.request_bytes, message.reply_bytes)).collect(),
            interval: Interval::default(),
            interval_index: 0,
            interval_end: INTERVAL,
        }
    }

    /// Counts a call as planned. Its outcome is to follow.
    pub fn plan(&mut self, message: usize) {
        self.recording.calls.planned += 1;
        if let Some(size) = self.recording.sizes.get_mut(message) {
            size.calls.planned += 1;
        }
    }

    /// Counts the outcome of a planned call that was sent.
    pub fn finish(&mut self, call: Finished) {
        let Finished { message, intended, sent, done, service, outcome } = call;
        self.count_outcome(message, &outcome);
        self.recording.first_sent = self.recording.first_sent.min(sent);
        self.recording.last_done = self.recording.last_done.max(done);
        self.recording.ended_in_window += u64::from(done < self.window);
        match outcome {
            Outcome::Answered => {
                let main = match (intended, &mut self.recording.response, &mut self.recording.lateness) {
                    (Some(intended), Some(response), Some(lateness)) => {
                        let time = done.saturating_sub(intended);
                        response.record(time);
                        lateness.record(sent.saturating_sub(intended));
                        time
                    }
                    _ => service,
                };
                self.recording.service.record(service);
                self.interval.latency.record(main);
                if let Some(size) = self.recording.sizes.get_mut(message) {
                    size.latency.record(main);
                }
                if done < self.window
                    && let Some((request_bytes, reply_bytes)) = self.sizes.get(message)
                {
                    self.recording.in_window.count(*request_bytes, *reply_bytes);
                }
            }
            Outcome::WrongReply(difference) => {
                if self.recording.differences.len() < MOST_DIFFERENCES {
                    self.recording.differences.push(*difference);
                }
            }
            Outcome::Refused(refusal) => self.recording.refusal(*refusal).record(service),
            Outcome::Failed(failure) => self.recording.count_failure(FailureKind::Failed, *failure, 1),
            Outcome::DeadlineExceeded(failure) => {
                self.recording.count_failure(FailureKind::DeadlineExceeded, *failure, 1);
            }
            Outcome::Broken(failure) => self.recording.count_failure(FailureKind::Broken, *failure, 1),
            Outcome::Shed | Outcome::Unfinished => {}
        }
    }

    /// Counts a planned call that was never sent, because too many were in flight.
    pub fn shed(&mut self, message: usize) {
        self.count_outcome(message, &Outcome::Shed);
    }

    /// Counts planned calls that had not ended when the drain did.
    pub fn unfinished(&mut self, message: usize, calls: u64) {
        for _ in 0..calls {
            self.count_outcome(message, &Outcome::Unfinished);
        }
    }

    /// Counts a call of the warm-up that ended after it: no planned call, but the server did answer.
    pub fn carry_over(&mut self, message: usize, done: Duration, outcome: &Outcome) {
        if done < self.window
            && let Some((request_bytes, reply_bytes)) = self.sizes.get(message)
        {
            self.recording.ended_in_window += 1;
            if *outcome == Outcome::Answered {
                self.recording.carried_over.count(*request_bytes, *reply_bytes);
            }
        }
    }

    /// Ends the window now: the run was interrupted.
    pub fn end_window(&mut self, at: Duration) {
        self.window = self.window.min(at);
    }

    /// The interval that `now` has left behind, if it has, with its number from 0.
    pub fn take_interval(&mut self, now: Duration) -> Option<(u64, Interval)> {
        if now < self.interval_end {
            return None;
        }
        let index = now.as_secs() / INTERVAL.as_secs();
        let ended = std::mem::replace(&mut self.interval_index, index);
        self.interval_end = INTERVAL * u32::try_from(index + 1).unwrap_or(u32::MAX);
        Some((ended, std::mem::take(&mut self.interval)))
    }

    /// Everything that was counted, and the interval that was going on, with its number.
    #[must_use]
    pub fn into_recording(self) -> (Recording, (u64, Interval)) {
        (self.recording, (self.interval_index, self.interval))
    }

    fn count_outcome(&mut self, message: usize, outcome: &Outcome) {
        self.recording.calls.outcomes.count(outcome);
        self.interval.outcomes.count(outcome);
        if let Some(size) = self.recording.sizes.get_mut(message) {
            size.calls.outcomes.count(outcome);
        }
    }
}

impl Recording {
    /// Nothing, yet.
    #[must_use]
    pub fn new(sizes: usize, is_open: bool) -> Self {
        let size = SizeRecording { calls: Calls::default(), latency: Latency::new() };
        Self {
            calls: Calls::default(),
            service: Latency::new(),
            response: is_open.then(Latency::new),
            lateness: is_open.then(Latency::new),
            refusals: Vec::new(),
            failures: Vec::new(),
            differences: Vec::new(),
            sizes: vec![size; sizes],
            in_window: Volume::default(),
            carried_over: Volume::default(),
            ended_in_window: 0,
            first_sent: Duration::MAX,
            last_done: Duration::ZERO,
        }
    }

    /// Adds what another worker recorded in the same run.
    pub fn add(&mut self, other: Self) {
        let Self {
            calls,
            service,
            response,
            lateness,
            refusals,
            failures,
            differences,
            sizes,
            in_window,
            carried_over,
            ended_in_window,
            first_sent,
            last_done,
        } = other;
        self.calls.add(&calls);
        self.service.add(&service);
        for (own, others) in [(&mut self.response, response), (&mut self.lateness, lateness)] {
            if let (Some(own), Some(others)) = (own, others) {
                own.add(&others);
            }
        }
        for (kind, latency) in refusals {
            self.refusal(kind).add(&latency);
        }
        for FailureCount { kind, failure, count } in failures {
            self.count_failure(kind, failure, count);
        }
        let room = MOST_DIFFERENCES.saturating_sub(self.differences.len());
        self.differences.extend(differences.into_iter().take(room));
        for (own, SizeRecording { calls, latency }) in self.sizes.iter_mut().zip(sizes) {
            own.calls.add(&calls);
            own.latency.add(&latency);
        }
        self.in_window.add(in_window);
        self.carried_over.add(carried_over);
        self.ended_in_window += ended_in_window;
        self.first_sent = self.first_sent.min(first_sent);
        self.last_done = self.last_done.max(last_done);
    }

    /// The service times of this kind of refusal. Once there are [`MOST_KINDS`], further kinds share
    /// one for each side and direction.
    fn refusal(&mut self, kind: Refusal) -> &mut Latency {
        let mut kind = kind;
        let mut index = self.refusals.iter().position(|(known, _)| *known == kind);
        if index.is_none() && self.refusals.len() >= MOST_KINDS {
            let message = OTHER_REFUSALS.to_owned();
            kind = Refusal {
                message_bytes: 0,
                limit_bytes: None,
                http_status: None,
                code: Code::UNKNOWN,
                message,
                ..kind
            };
            index = self.refusals.iter().position(|(known, _)| *known == kind);
        }
        let index = index.unwrap_or_else(|| {
            self.refusals.push((kind, Latency::new()));
            self.refusals.len() - 1
        });
        &mut self.refusals[index].1
    }

    fn count_failure(&mut self, kind: FailureKind, failure: Failure, count: u64) {
        let is_full = self.failures.len() >= MOST_KINDS;
        let known = |one: &FailureCount| one.kind == kind && one.failure == failure;
        if let Some(found) = self.failures.iter().position(known) {
            self.failures[found].count += count;
        } else if is_full && failure.message != OTHER_MESSAGES {
            let message = OTHER_MESSAGES.to_owned();
            self.count_failure(kind, Failure { message, ..failure }, count);
        } else {
            // At most one more for each code and kind when full.
            self.failures.push(FailureCount { kind, failure, count });
        }
    }
}

#[cfg(test)]
mod tests;
