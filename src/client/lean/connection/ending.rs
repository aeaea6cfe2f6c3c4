//! How a connection ends, and which of its calls are made again: RFC 9113, sections 6.8 and 8.7, and gRFC A6.

use tokio::time::Instant;

use super::{
    closing::{Closing, LONGEST_HOLD},
    over::Over,
    state::Connection,
};
use crate::{client::lean::streams::Call, rpc::Failure};

impl Connection {
    /// Why no further call may be started here: the server said so, or the numbers are used up.
    #[must_use]
    pub fn closing(&self) -> Option<&Failure> {
        self.closing.as_ref().map(|closing| &closing.failure)
    }

    /// Whether the connection ends in order: GOAWAY with `NO_ERROR`, or no stream number left.
    #[must_use]
    pub fn closes_gracefully(&self) -> bool {
        self.closing.as_ref().is_some_and(|closing| closing.is_graceful)
    }

    /// Calls that the server has not processed and will not process on this connection.
    pub fn take_returned(&mut self) -> Vec<Call> {
        std::mem::take(&mut self.returned)
    }

    /// The connection is lost: calls that were sent are broken, because the server may have processed them.
    /// Calls that never left the client are given back.
    pub fn lose(&mut self, failure: &Failure, now: Instant, over: &mut Vec<Over>) {
        let message = match &self.closing {
            Some(closing) => format!("{}; then: {}", closing.failure.message, failure.message),
            None => failure.message.clone(),
        };
        let failure = Failure { message, ..failure.clone() };
        let sent_bytes = self.outbox.written_frames();
        for (_, stream) in self.streams.split_above(0) {
            if stream.headers_at >= sent_bytes {
                self.returned.push(stream.call);
                continue;
            }
            let uploaded_bytes = stream.framed;
            over.push(Over { uploaded_bytes, ..Over::broken(stream.call, failure.clone(), now) });
        }
        self.closing = Some(Closing { failure, is_graceful: false });
        self.return_waiting();
    }

    /// Until when a call's last try is held although nothing is in flight: for as long as GOAWAY may be on its way
    /// behind the last answer.
    pub(in crate::client::lean) fn held_until(&self) -> Option<Instant> {
        let is_held = self.streams.len() == 0 && !self.last_chances.is_empty() && self.can_open();
        self.last_received.filter(|_| is_held).map(|last| last + LONGEST_HOLD)
    }

    /// Whether a stream that is opened now will most likely be processed, by what the server did before.
    ///
    /// Servers that say GOAWAY after so many requests take about as many each time; streams beyond are sent in
    /// vain. A connection that has lived longer than the shortest earlier one gets more, as it answers.
    pub(super) fn will_be_taken(&self) -> bool {
        self.opened() < self.least_taken
            || (self.ended > self.least_taken && self.last_chances_opened < self.ended)
    }

    /// Streams that were opened so far.
    fn opened(&self) -> u64 {
        u64::from(self.next_stream / 2)
    }

    /// Streams that the server has taken, and will answer: those up to the last one that its GOAWAY names.
    pub(in crate::client::lean) fn taken(&self) -> u64 {
        self.opened() - self.untaken
    }
}
