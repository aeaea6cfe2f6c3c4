//! Calls that wait for a stream, and how many streams the server will most likely take: RFC 9113, section 6.8,
//! and gRFC A6.

use std::collections::VecDeque;

use super::closing::MOST_RETURNS;
use crate::client::Call;

/// Calls that wait for a stream.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: VecDeque<Call>,
    /// Calls that were given back as often as they may be, and wait for a stream that the server will most
    /// likely take.
    last_chances: VecDeque<Call>,
    /// Calls that were opened on their last chance.
    last_chances_opened: u64,
    /// The fewest streams that the server took on earlier connections before it said GOAWAY.
    pub(super) least_taken: u64,
    /// Streams that the server ended.
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

    /// The next call that may have a stream, where `opened` have been opened so far.
    pub(super) fn pop(&mut self, opened: u64) -> Option<Call> {
        if self.has_last_chances() && self.will_be_taken(opened) {
            return self.last_chances.pop_front();
        }
        self.waiting.pop_front()
    }

    /// The call whose last chance was held for longest, whether or not its stream will be taken.
    pub(super) fn pop_held(&mut self) -> Option<Call> {
        self.last_chances.pop_front()
    }

    /// A call that has waited for too long.
    pub(super) fn pop_late(&mut self, is_late: impl Fn(&Call) -> bool) -> Option<Call> {
        [&mut self.last_chances, &mut self.waiting]
            .into_iter()
            .find(|queue| queue.front().is_some_and(&is_late))
            .and_then(VecDeque::pop_front)
    }

    /// Those at the front, which have waited longest.
    pub(super) fn oldest(&self) -> impl Iterator<Item = &Call> {
        self.waiting.front().into_iter().chain(self.last_chances.front())
    }

    /// All of them: none will have a stream here.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Call> {
        self.last_chances.drain(..).chain(self.waiting.drain(..))
    }

    /// Whether a call can have a stream before those that wait.
    pub(super) fn lets_pass(&self, call: &Call, opened: u64) -> bool {
        if is_last_chance(call) { self.will_be_taken(opened) } else { self.waiting.is_empty() }
    }

    /// A call has its stream now.
    pub(super) fn note_opened(&mut self, call: &Call) {
        self.last_chances_opened += u64::from(is_last_chance(call));
    }

    /// Whether a stream that is opened now will most likely be processed, by what the server did before.
    ///
    /// Servers that say GOAWAY after so many requests take about as many each time; streams beyond are sent in
    /// vain. A connection that has lived longer than the shortest earlier one gets more, as it answers.
    fn will_be_taken(&self, opened: u64) -> bool {
        opened < self.least_taken || (self.ended > self.least_taken && self.last_chances_opened < self.ended)
    }
}

fn is_last_chance(call: &Call) -> bool {
    call.returned >= MOST_RETURNS
}
