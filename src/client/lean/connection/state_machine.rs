//! The connection: a state machine that owns no socket and reads no clock.

use std::{io::IoSlice, sync::Arc, vec::Drain};

use tokio::time::Instant;

use super::{
    closing::{Closing, LONGEST_HOLD},
    headers::{Headers, MAX_HEADER_BLOCK},
    peer::Peer,
    queue::Queue,
    raw_response::RawResponse,
    replies::Replies,
    uploads::Uploads,
};
use crate::{
    client::{
        Call, Completion,
        lean::{
            frame::{
                ConnectionError, ErrorCode, LARGEST_STREAM, PREFACE, kind, setting, write_go_away,
                write_number, write_settings,
            },
            frame_reader::FrameReader,
            outbox::MOST_SLICES,
            request::Requests,
            streams::{Stream, Streams},
        },
    },
    rpc::{Code, Failure, Outcome, deadline_exceeded},
};

/// The largest frame that this client takes. With 4 MiB replies of the reference server, 64 KiB, 256 KiB and
/// 1 MiB made no difference, and 16 KiB was a few per cent slower.
pub(super) const MAX_FRAME: u32 = 1 << 20;

/// One connection.
#[derive(Debug)]
pub struct Connection {
    pub(super) requests: Arc<Requests>,
    pub(super) reader: FrameReader,
    pub(super) peer: Peer,
    pub(super) headers: Headers,
    pub(super) streams: Streams,
    pub(super) queue: Queue,
    pub(super) uploads: Uploads,
    pub(super) replies: Replies,
    /// Why no further stream may be opened here, if that is so.
    pub(super) closing: Option<Closing>,
    /// When the server last sent anything.
    pub(super) last_received: Option<Instant>,
    pub(super) has_answered: bool,
    /// Streams that GOAWAY or `REFUSED_STREAM` says were not processed.
    pub(super) untaken: u64,
    /// Calls that have ended and were not taken out yet.
    pub(super) completions: Vec<Completion>,
    /// Calls that the server has not processed and will not process here.
    pub(super) returned: Vec<Call>,
}

impl Connection {
    /// A connection that nothing has been sent on; its preface is to be written. `in_flight` is how
    /// many calls will be under way at once.
    #[must_use]
    pub fn new(requests: Arc<Requests>, in_flight: u64) -> Self {
        Self::after(u64::MAX, requests, in_flight)
    }

    /// The next connection to a server that took `least_taken` streams, or more, on each earlier one.
    pub(crate) fn after(least_taken: u64, requests: Arc<Requests>, in_flight: u64) -> Self {
        let (replies, room) = Replies::room_for(&requests, in_flight);
        let uploads = Uploads::behind(|out| {
            out.extend_from_slice(PREFACE);
            write_settings(
                out,
                &[
                    (setting::HEADER_TABLE_SIZE, 0),
                    (setting::ENABLE_PUSH, 0),
                    (setting::INITIAL_WINDOW_SIZE, replies.stream_window),
                    (setting::MAX_FRAME_SIZE, MAX_FRAME),
                    (setting::MAX_HEADER_LIST_SIZE, MAX_HEADER_BLOCK),
                ],
            );
            write_number(out, kind::WINDOW_UPDATE, 0, room);
        });
        Self {
            requests,
            reader: FrameReader::new(MAX_FRAME),
            peer: Peer::default(),
            headers: Headers::default(),
            streams: Streams::starting_at(1),
            queue: Queue::new(least_taken),
            uploads,
            replies,
            closing: None,
            last_received: None,
            has_answered: false,
            untaken: 0,
            completions: Vec::new(),
            returned: Vec::new(),
        }
    }

    /// Starts a call, now or as soon as the server lets it. It ends at once when the client refuses it.
    pub fn start(&mut self, call: Call) {
        if let Some(refusal) = &self.requests.get(call.message).refusal {
            let outcome = Outcome::Refused(Box::new(refusal.clone()));
            let done = call.sent;
            self.completions.push(call.end(outcome, done));
        } else if self.can_open() && self.queue.lets_pass(&call, self.streams.opened()) {
            self.open(call);
        } else {
            self.queue.push(call);
        }
    }

    /// The next bytes to be written: how many of the slices were filled.
    pub fn slices<'a>(&'a mut self, slices: &mut [IoSlice<'a>; MOST_SLICES]) -> usize {
        self.uploads.slices(&mut self.streams, &self.requests, self.peer.max_frame, slices)
    }

    /// So many of the bytes that [`Connection::slices`] showed were written.
    pub fn written(&mut self, bytes: usize) {
        self.uploads.written(bytes);
    }

    /// Whether there is anything to be written.
    #[must_use]
    pub fn has_output(&self) -> bool {
        self.uploads.has_output()
    }

    /// Whether requests wait for room in the connection's window.
    #[must_use]
    pub fn is_out_of_window(&self) -> bool {
        self.uploads.is_out_of_window()
    }

    /// Takes out the calls that have ended so far.
    pub fn completions(&mut self) -> Drain<'_, Completion> {
        self.completions.drain(..)
    }

    /// Whether calls have ended that were not taken out.
    #[must_use]
    pub fn has_completions(&self) -> bool {
        !self.completions.is_empty()
    }

    /// Takes out the calls that the server has not processed and will not process on this connection.
    pub fn take_returned(&mut self) -> Vec<Call> {
        std::mem::take(&mut self.returned)
    }

    /// Ends calls whose deadline has passed, and opens a call that was held for long enough.
    pub fn expire(&mut self, now: Instant) {
        if self.held_until().is_some_and(|until| now >= until)
            && let Some(call) = self.queue.pop_held()
        {
            self.open(call);
        }
        let Some(timeout) = self.requests.timeout() else { return };
        let is_late = |call: &Call| now.saturating_duration_since(call.sent) >= timeout;
        // These first: a late call that got the stream of another would be opened only to be reset.
        while let Some(call) = self.queue.pop_late(is_late) {
            self.completions.push(call.end(deadline_exceeded(timeout), now));
        }
        while let Some((number, _)) = self.streams.oldest().filter(|(_, stream)| is_late(&stream.call)) {
            self.give_up(number, (ErrorCode::CANCEL, deadline_exceeded(timeout)), now);
        }
    }

    /// When the next deadline passes, or a call was held for long enough.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let oldest = self.streams.oldest().map(|(_, stream)| &stream.call);
        let timeout = self.requests.timeout();
        let deadline = |call: &Call| timeout.and_then(|timeout| call.sent.checked_add(timeout));
        let calls = oldest.into_iter().chain(self.queue.oldest());
        calls.filter_map(deadline).chain(self.held_until()).min()
    }

    /// Until when a call's last try is held although nothing is in flight: for as long as GOAWAY may be on its way
    /// behind the last answer.
    pub(in crate::client::lean) fn held_until(&self) -> Option<Instant> {
        let is_held = self.streams.len() == 0 && self.queue.has_last_chances() && self.can_open();
        self.last_received.filter(|_| is_held).map(|last| last + LONGEST_HOLD)
    }

    /// Whether the server has said how it wants to be spoken to.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.peer.is_known
    }

    /// Whether no call is under way or waiting.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.in_flight() == 0
    }

    /// Calls that are under way or waiting.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.streams.len() + self.queue.len()
    }

    /// Whether the server ever responded to a call here, with a reply, a status of any kind, or a reset.
    #[must_use]
    pub fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Streams that the server has taken, and will answer: those up to the last one that its GOAWAY names.
    pub(in crate::client::lean) fn taken(&self) -> u64 {
        self.streams.opened() - self.untaken
    }

    /// Lets requests go on that are held before their end.
    pub fn release(&mut self) {
        self.uploads.release(&mut self.streams);
    }

    /// Keeps what comes back from now on, of all calls alike. For a single call: memory grows with it.
    pub fn watch(&mut self) {
        self.replies.seen = Some(Box::default());
    }

    /// The response since [`Connection::watch`].
    pub fn take_seen(&mut self) -> RawResponse {
        self.replies.seen.take().map(|seen| *seen).unwrap_or_default()
    }

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

    /// The connection is lost: calls that were sent are broken, because the server may have processed them.
    /// Calls that never left the client are given back.
    pub fn lose(&mut self, failure: &Failure, now: Instant) {
        let message = match &self.closing {
            Some(closing) => format!("{}; then: {}", closing.failure.message, failure.message),
            None => failure.message.clone(),
        };
        let failure = Failure { message, ..failure.clone() };
        for (_, stream) in self.streams.split_above(0) {
            let Stream { call, headers_at, framed: uploaded_bytes, .. } = stream;
            if self.uploads.has_written(headers_at) {
                let broken = call.broken(failure.clone(), now);
                self.completions.push(Completion { uploaded_bytes, ..broken });
            } else {
                self.returned.push(call);
            }
        }
        self.close(Closing { failure, is_graceful: false });
    }

    /// The frame that the server is sent before the connection is closed over an error.
    #[must_use]
    pub fn goodbye_frame(error: &ConnectionError) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_go_away(&mut bytes, error);
        bytes
    }

    /// Opens no further stream. Calls that waited for one are given back: these never left the client.
    pub(super) fn close(&mut self, closing: Closing) {
        self.closing = Some(closing);
        self.returned.extend(self.queue.drain());
    }

    /// Whether a stream may be opened now (5.1.2).
    fn can_open(&self) -> bool {
        self.peer.is_known && self.closing.is_none() && self.streams.len() < self.peer.max_streams
    }

    /// Opens streams for calls that have waited.
    pub(super) fn open_waiting(&mut self) {
        while self.can_open()
            && let Some(call) = self.queue.pop(self.streams.opened())
        {
            self.open(call);
        }
    }

    /// Opens a stream for a call: its headers, and as much of its body as is small and has room. After the last
    /// number calls are given back (5.1.1).
    fn open(&mut self, call: Call) {
        let number = self.streams.next();
        if number > LARGEST_STREAM {
            self.returned.push(call);
            let message = "the numbers of the connection's streams are used up".to_owned();
            let failure = Failure { code: Code::UNAVAILABLE, message };
            self.close(Closing { failure, is_graceful: true });
            return;
        }
        self.queue.note_opened(&call);
        let window = self.replies.stream_window;
        let stream = self.uploads.open(call, number, &self.requests, &mut self.peer, window);
        self.streams.push(stream);
    }

    /// The server has ended a call. What is left of its request is not sent any more.
    pub(super) fn end(&mut self, number: u32, outcome: Outcome, now: Instant) {
        let Some(stream) = self.streams.remove(number) else { return };
        self.has_answered = true;
        self.queue.ended += 1;
        let is_framed = stream.framed == self.requests.get(stream.call.message).body_bytes;
        let withdrawn = self.uploads.withdraw(number);
        if withdrawn > 0 || !is_framed {
            self.uploads.cut_short(number);
        }
        let outcome = match self.requests.timeout() {
            // The clock went on while the deadline was not looked at.
            Some(timeout) if now.saturating_duration_since(stream.call.sent) > timeout => {
                deadline_exceeded(timeout)
            }
            _ => outcome,
        };
        let uploaded_bytes = stream.framed - withdrawn;
        self.completions.push(Completion { uploaded_bytes, ..stream.call.end(outcome, now) });
        self.open_waiting();
    }

    /// This client ends a call.
    pub(super) fn give_up(&mut self, number: u32, (error, outcome): (ErrorCode, Outcome), now: Instant) {
        let Some(stream) = self.streams.remove(number) else { return };
        let uploaded_bytes = stream.framed - self.uploads.withdraw(number);
        self.uploads.reset(number, error);
        self.completions.push(Completion { uploaded_bytes, ..stream.call.end(outcome, now) });
        self.open_waiting();
    }
}

#[cfg(test)]
#[path = "state_machine_tests.rs"]
mod tests;
