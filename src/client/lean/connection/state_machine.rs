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

/// Largest frame payload that this client accepts, in bytes. With 4 MiB replies of the reference server, 64
/// KiB, 256 KiB and 1 MiB made no difference, and 16 KiB was a few per cent slower.
pub(super) const MAX_FRAME: u32 = 1 << 20;

/// State of one connection.
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
    /// Reason why no further stream may be opened here, if there is one.
    pub(super) closing: Option<Closing>,
    /// Time of the last bytes from the server.
    pub(super) last_received: Option<Instant>,
    pub(super) has_answered: bool,
    /// Streams that were not processed, by the server's GOAWAY or `REFUSED_STREAM`.
    pub(super) untaken: u64,
    /// Completed calls that were not taken yet.
    pub(super) completions: Vec<Completion>,
    /// Calls that the server has not processed and will not process on this connection.
    pub(super) returned: Vec<Call>,
}

impl Connection {
    /// Makes a new connection; its preface is the first output. `in_flight` is the number of calls that will
    /// be in flight at once.
    #[must_use]
    pub fn new(requests: Arc<Requests>, in_flight: u64) -> Self {
        Self::after(u64::MAX, requests, in_flight)
    }

    /// Makes the next connection to a server that processed at least `least_taken` streams on each earlier
    /// connection.
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

    /// Starts a call, now or when the server allows it. A call that the client refuses ends at once.
    pub fn start(&mut self, call: Call) {
        if let Some(refusal) = &self.requests.get(call.message).refusal {
            let outcome = Outcome::Refused(refusal.clone());
            let done = call.sent;
            self.completions.push(call.end(outcome, done));
        } else if self.can_open() && self.queue.lets_pass(&call, self.streams.opened()) {
            self.open(call);
        } else {
            self.queue.push(call);
        }
    }

    /// Fills `slices` with the next bytes to write. Returns the number of slices.
    pub fn slices<'a>(&'a mut self, slices: &mut [IoSlice<'a>; MOST_SLICES]) -> usize {
        self.uploads.slices(&mut self.streams, &self.requests, self.peer.max_frame, slices)
    }

    /// Removes written bytes from the front of the output that [`Connection::slices`] returned.
    pub fn written(&mut self, bytes: usize) {
        self.uploads.written(bytes);
    }

    /// Returns true if there are bytes to write.
    #[must_use]
    pub fn has_output(&self) -> bool {
        self.uploads.has_output()
    }

    /// Returns true if requests wait for room in the connection's window.
    #[must_use]
    pub fn is_out_of_window(&self) -> bool {
        self.uploads.is_out_of_window()
    }

    /// Takes the completed calls.
    pub fn completions(&mut self) -> Drain<'_, Completion> {
        self.completions.drain(..)
    }

    /// Returns true if there are completed calls to take.
    #[must_use]
    pub fn has_completions(&self) -> bool {
        !self.completions.is_empty()
    }

    /// Takes the calls that the server has not processed and will not process on this connection.
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
        // Waiting calls end first: a late call that got a stream would be opened only to be reset.
        while let Some(call) = self.queue.pop_late(is_late) {
            self.completions.push(call.end(deadline_exceeded(timeout), now));
        }
        while let Some((number, _)) = self.streams.oldest().filter(|(_, stream)| is_late(&stream.call)) {
            self.give_up(number, (ErrorCode::CANCEL, deadline_exceeded(timeout)), now);
        }
    }

    /// Time at which the next deadline passes, or a held call may be opened.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let oldest = self.streams.oldest().map(|(_, stream)| &stream.call);
        let timeout = self.requests.timeout();
        let deadline = |call: &Call| timeout.and_then(|timeout| call.sent.checked_add(timeout));
        let calls = oldest.into_iter().chain(self.queue.oldest());
        calls.filter_map(deadline).chain(self.held_until()).min()
    }

    /// Time until which a call's last try is held although nothing is in flight. During this time a GOAWAY
    /// may follow the last answer.
    pub(in crate::client::lean) fn held_until(&self) -> Option<Instant> {
        let is_held = self.streams.len() == 0 && self.queue.has_last_chances() && self.can_open();
        self.last_received.filter(|_| is_held).map(|last| last + LONGEST_HOLD)
    }

    /// Returns true if the server's first SETTINGS have arrived.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.peer.is_known
    }

    /// Returns true if no call is in flight or waiting.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.in_flight() == 0
    }

    /// Number of calls in flight or waiting.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.streams.len() + self.queue.len()
    }

    /// Returns true if the server has ever responded to a call on this connection: with a reply, a status of
    /// any kind, or a reset.
    #[must_use]
    pub fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Number of streams that the server has taken and will answer: those up to the last stream in its
    /// GOAWAY.
    pub(in crate::client::lean) fn taken(&self) -> u64 {
        self.streams.opened() - self.untaken
    }

    /// Releases requests that are held before their last byte.
    pub fn release(&mut self) {
        self.uploads.release(&mut self.streams);
    }

    /// Starts to record the bytes that arrive for all calls. Use it for a single call: memory grows with the
    /// response.
    pub fn watch(&mut self) {
        self.replies.seen = Some(Box::default());
    }

    /// Takes the response recorded since [`Connection::watch`].
    pub fn take_seen(&mut self) -> RawResponse {
        self.replies.seen.take().map(|seen| *seen).unwrap_or_default()
    }

    /// Reason why no further call may start here: the server's GOAWAY, or no stream number left.
    #[must_use]
    pub fn closing(&self) -> Option<&Failure> {
        self.closing.as_ref().map(|closing| &closing.failure)
    }

    /// Returns true if the connection closes gracefully: GOAWAY with `NO_ERROR`, or no stream number left.
    #[must_use]
    pub fn closes_gracefully(&self) -> bool {
        self.closing.as_ref().is_some_and(|closing| closing.is_graceful)
    }

    /// Ends the connection as lost. Sent calls are broken, because the server may have processed them; unsent
    /// calls are given back.
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

    /// Makes the GOAWAY frame to send before the connection is closed because of an error.
    #[must_use]
    pub fn goodbye_frame(error: &ConnectionError) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_go_away(&mut bytes, error);
        bytes
    }

    /// Stops opening streams. Waiting calls are given back, because they never left the client.
    pub(super) fn close(&mut self, closing: Closing) {
        self.closing = Some(closing);
        self.returned.extend(self.queue.drain());
    }

    /// Returns true if a stream may be opened now (5.1.2).
    fn can_open(&self) -> bool {
        self.peer.is_known && self.closing.is_none() && self.streams.len() < self.peer.max_streams
    }

    /// Opens streams for waiting calls.
    pub(super) fn open_waiting(&mut self) {
        while self.can_open()
            && let Some(call) = self.queue.pop(self.streams.opened())
        {
            self.open(call);
        }
    }

    /// Opens a stream for a call: frames its headers, and its body if it is small and the windows have room.
    /// After the last stream number, calls are given back (5.1.1).
    fn open(&mut self, call: Call) {
        let number = self.streams.next();
        if number > LARGEST_STREAM {
            self.returned.push(call);
            let message = "the connection has no stream numbers left".to_owned();
            let failure = Failure { code: Code::UNAVAILABLE, message };
            self.close(Closing { failure, is_graceful: true });
            return;
        }
        self.queue.note_opened(&call);
        let window = self.replies.stream_window;
        let stream = self.uploads.open(call, number, &self.requests, &mut self.peer, window);
        self.streams.push(stream);
    }

    /// Ends a call that the server has ended. The rest of its request is not sent.
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
            // Time may have passed the deadline since the last check.
            Some(timeout) if now.saturating_duration_since(stream.call.sent) > timeout => {
                deadline_exceeded(timeout)
            }
            _ => outcome,
        };
        let uploaded_bytes = stream.framed - withdrawn;
        self.completions.push(Completion {
            uploaded_bytes,
            reply_bytes: stream.reply.message_bytes(),
            ..stream.call.end(outcome, now)
        });
        self.open_waiting();
    }

    /// Ends a call from the client's side.
    pub(super) fn give_up(&mut self, number: u32, (error, outcome): (ErrorCode, Outcome), now: Instant) {
        let Some(stream) = self.streams.remove(number) else { return };
        let uploaded_bytes = stream.framed - self.uploads.withdraw(number);
        self.uploads.reset(number, error);
        self.completions.push(Completion {
            uploaded_bytes,
            reply_bytes: stream.reply.message_bytes(),
            ..stream.call.end(outcome, now)
        });
        self.open_waiting();
    }
}

#[cfg(test)]
#[path = "state_machine_tests.rs"]
mod tests;
