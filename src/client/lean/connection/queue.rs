//! Calls that wait for a stream, and an estimate of how many streams the server will process: RFC 9113,
//! section 6.8, and gRFC A6.

use std::collections::VecDeque;

use super::closing::MOST_RETURNS;
use crate::client::Call;

/// Calls that wait for a stream.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: VecDeque<Call>,
    /// Calls at their last try. They wait for a stream that the server will most likely process.
    last_chances: VecDeque<Call>,
    /// Calls at their last try that got a stream.
    last_chances_opened: u64,
    /// Smallest number of streams that the server processed on an earlier connection before its GOAWAY.
    pub(super) least_taken: u64,
    /// Number of streams that the server ended.
    pub(super) ended: u64,
}

impl Queue {
    pub(super) fn new(least_taken: u64) -> Self {
        Self {
            waiting: VecDeque::new(),
            last_chances: VecDeque::new(),
            last_chances_opened: 0,
            least_taken,
            ended: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.last_chances.len()
    }

    pub(super) fn has_last_chances(&self) -> bool {
        !self.last_chances.is_empty()
    }

    pub(super) fn push(&mut self, call: Call) {
        let queue = if is_last_chance(&call) { &mut self.last_chances } else { &mut self.waiting };
        queue.push_back(call);
    }

    /// Returns the next call that may have a stream, given the number of streams opened so far.
    pub(super) fn pop(&mut self, opened: u64) -> Option<Call> {
        if self.has_last_chances() && self.will_be_taken(opened) {
            return self.last_chances.pop_front();
        }
        self.waiting.pop_front()
    }

    /// Returns the call at its last try that was held for longest, regardless of the estimate.
    pub(super) fn pop_held(&mut self) -> Option<Call> {
        self.last_chances.pop_front()
    }

    /// Returns a call that has waited for too long.
    pub(super) fn pop_late(&mut self, is_late: impl Fn(&Call) -> bool) -> Option<Call> {
        [&mut self.last_chances, &mut self.waiting]
            .into_iter()
            .find(|queue| queue.front().is_some_and(&is_late))
            .and_then(VecDeque::pop_front)
    }

    /// Calls at the front of both queues, which have waited longest.
    pub(super) fn oldest(&self) -> impl Iterator<Item = &Call> {
        self.waiting.front().into_iter().chain(self.last_chances.front())
    }

    /// Removes all calls: none will get a stream on this connection.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Call> {
        self.last_chances.drain(..).chain(self.waiting.drain(..))
    }

    /// Returns true if a call may get a stream before the waiting calls.
    pub(super) fn lets_pass(&self, call: &Call, opened: u64) -> bool {
        if is_last_chance(call) { self.will_be_taken(opened) } else { self.waiting.is_empty() }
    }

    /// Counts a call that got its stream.
    pub(super) fn note_opened(&mut self, call: &Call) {
        self.last_chances_opened += u64::from(is_last_chance(call));
    }

    /// Returns true if the server will most likely process a stream that is opened now.
    ///
    /// A server that sends GOAWAY after a number of requests processes a similar number on each connection;
    /// further streams are not processed. A connection that has lived longer than the shortest earlier one
    /// gets more streams, at the rate of its answers.
    fn will_be_taken(&self, opened: u64) -> bool {
        opened < self.least_taken || (self.ended > self.least_taken && self.last_chances_opened < self.ended)
    }
}

fn is_last_chance(call: &Call) -> bool {
    call.returned >= MOST_RETURNS
}
