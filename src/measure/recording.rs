//! Counts and histograms of one worker, or of all workers.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{calls::Calls, histogram::Latency};
use crate::{
    load::Payload,
    rpc::{Code, Difference, Failure, Refusal, outcome::OutcomeKind},
};

/// Most distinct kinds of failures, and of refusals. The bound protects memory from a server that puts a
/// number into each message.
pub(super) const MOST_KINDS: usize = 64;

/// Message for failures of further kinds.
const OTHER_MESSAGES: &str = "(other messages)";

/// Message for refusals of further kinds.
const OTHER_REFUSALS: &str = "(other refusals)";

/// Most examples of wrong replies that are kept.
pub(super) const MOST_DIFFERENCES: usize = 4;

/// Counts of one worker, or of all workers.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Planned calls and their outcomes.
    pub calls: Calls,
    /// Service time of verified replies: from send to end.
    pub service: Latency,
    /// Response time of verified replies: from intended start to end; `None` in a closed loop.
    pub response: Option<Latency>,
    /// Lateness of verified replies: from intended start to send; `None` in a closed loop.
    pub lateness: Option<Latency>,
    /// Refusals by kind, with their service times.
    pub refusals: Vec<(Refusal, Latency)>,
    /// Failures by kind.
    pub failures: Vec<FailureCount>,
    /// The first wrong replies.
    pub differences: Vec<Difference>,
    /// Counts by class of message; empty if there is only one class.
    pub sizes: Vec<SizeRecording>,
    /// Sizes of verified replies to planned calls.
    pub replies: ReplySizes,
    /// Verified replies to planned calls that arrived within the window.
    pub in_window: Volume,
    /// Verified replies to warm-up calls that arrived within the window.
    pub carried_over: Volume,
    /// Calls with any outcome that ended within the window, including those of the warm-up. The CPU time of
    /// the window was spent on them.
    pub ended_in_window: u64,
    /// Send time of the first planned call; [`Duration::MAX`] if there is none.
    pub first_sent: Duration,
    /// End time of the last planned call.
    pub last_done: Duration,
}

/// Number of calls that failed in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureCount {
    /// The outcome: one that has a status.
    pub kind: OutcomeKind,
    /// The status.
    pub failure: Failure,
    /// Number of calls.
    pub count: u64,
}

/// Replies, and the bytes of both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Volume {
    /// Number of verified replies.
    pub replies: u64,
    /// Message bytes of the requests.
    pub request_bytes: u64,
    /// Message bytes of the replies.
    pub reply_bytes: u64,
}

/// Sizes of replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplySizes {
    /// Number of replies.
    pub count: u64,
    /// Message bytes of all replies.
    pub bytes: u64,
    /// Message bytes of the smallest reply; 0 without replies.
    pub smallest: u64,
    /// Message bytes of the largest reply.
    pub largest: u64,
    /// Number of empty replies.
    pub empty: u64,
}

/// Counts of the calls of one class of messages.
#[derive(Debug, Clone, PartialEq)]
pub struct SizeRecording {
    /// The calls, by outcome.
    pub calls: Calls,
    /// Service time of verified replies.
    pub service: Latency,
    /// Response time of verified replies; `None` in a closed loop.
    pub response: Option<Latency>,
}

impl SizeRecording {
    /// Makes empty counts for an open or a closed loop.
    pub(crate) fn new(is_open: bool) -> Self {
        Self { calls: Calls::default(), service: Latency::new(), response: is_open.then(Latency::new) }
    }

    /// Latency of calls: response time in an open loop, service time in a closed loop.
    #[must_use]
    pub fn latency(&self) -> &Latency {
        self.response.as_ref().unwrap_or(&self.service)
    }
}

impl Default for ReplySizes {
    fn default() -> Self {
        Self { count: 0, bytes: 0, smallest: u64::MAX, largest: 0, empty: 0 }
    }
}

impl ReplySizes {
    pub(super) fn count(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
        self.smallest = self.smallest.min(bytes);
        self.largest = self.largest.max(bytes);
        self.empty += u64::from(bytes == 0);
    }

    /// Adds other sizes.
    pub fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.smallest = self.smallest.min(other.smallest);
        self.largest = self.largest.max(other.largest);
        self.empty = self.empty.saturating_add(other.empty);
    }
}

impl Volume {
    pub(super) fn count(&mut self, request_bytes: u64, reply_bytes: u64) {
        self.replies += 1;
        self.request_bytes += request_bytes;
        self.reply_bytes += reply_bytes;
    }

    /// Adds another volume.
    pub fn add(&mut self, other: Self) {
        let Self { replies, request_bytes, reply_bytes } = other;
        self.replies = self.replies.saturating_add(replies);
        self.request_bytes = self.request_bytes.saturating_add(request_bytes);
        self.reply_bytes = self.reply_bytes.saturating_add(reply_bytes);
    }
}

impl Recording {
    /// Makes empty counts for calls of this payload.
    #[must_use]
    pub fn of(payload: &Payload, is_open: bool) -> Self {
        let classes = payload.classes();
        Self::new(if classes > 1 { classes } else { 0 }, is_open)
    }

    /// Makes empty counts.
    #[must_use]
    pub fn new(sizes: usize, is_open: bool) -> Self {
        let size = SizeRecording::new(is_open);
        Self {
            calls: Calls::default(),
            service: Latency::new(),
            response: is_open.then(Latency::new),
            lateness: is_open.then(Latency::new),
            refusals: Vec::new(),
            failures: Vec::new(),
            differences: Vec::new(),
            sizes: vec![size; sizes],
            replies: ReplySizes::default(),
            in_window: Volume::default(),
            carried_over: Volume::default(),
            ended_in_window: 0,
            first_sent: Duration::MAX,
            last_done: Duration::ZERO,
        }
    }

    /// Adds another worker's counts of the same run.
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
            replies,
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
        for (sum, SizeRecording { calls, service, response }) in self.sizes.iter_mut().zip(sizes) {
            sum.calls.add(&calls);
            sum.service.add(&service);
            if let Some((sum, response)) = sum.response.as_mut().zip(response) {
                sum.add(&response);
            }
        }
        self.replies.add(replies);
        self.in_window.add(in_window);
        self.carried_over.add(carried_over);
        self.ended_in_window = self.ended_in_window.saturating_add(ended_in_window);
        self.first_sent = self.first_sent.min(first_sent);
        self.last_done = self.last_done.max(last_done);
    }

    /// Service times of this kind of refusal. Beyond [`MOST_KINDS`], further kinds share one entry per side
    /// and direction.
    pub(super) fn refusal(&mut self, kind: Refusal) -> &mut Latency {
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

    pub(super) fn count_failure(&mut self, kind: OutcomeKind, failure: Failure, count: u64) {
        let is_full = self.failures.len() >= MOST_KINDS;
        let known = |one: &FailureCount| one.kind == kind && one.failure == failure;
        if let Some(found) = self.failures.iter().position(known) {
            self.failures[found].count = self.failures[found].count.saturating_add(count);
        } else if is_full && failure.message != OTHER_MESSAGES {
            let message = OTHER_MESSAGES.to_owned();
            self.count_failure(kind, Failure { message, ..failure }, count);
        } else {
            // At most one more entry per code and kind is added when full.
            self.failures.push(FailureCount { kind, failure, count });
        }
    }
}
