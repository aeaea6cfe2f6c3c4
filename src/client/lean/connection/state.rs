//! The connection: a state machine that owns no socket and reads no clock.

use std::{collections::VecDeque, io::IoSlice, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    assembling::{Assembling, Known, MAX_HEADER_BLOCK},
    closing::{Closing, MOST_RETURNS},
    over::{Over, RawResponse},
    peer::{self, Peer},
};
use crate::{
    client::lean::{
        flow::{DEFAULT_WINDOW, LARGEST_WINDOW, ReceiveWindow, SendWindow},
        frame::{
            ConnectionError, ErrorCode, LARGEST_STREAM, PREFACE, kind, setting, write_go_away, write_number,
            write_settings,
        },
        frame_reader::{FrameReader, Piece},
        outbox::{MOST_SLICES, Outbox},
        request::{Form, PREFIX_BYTES, Requests},
        streams::{Call, Streams},
    },
    rpc::{Code, Failure, Outcome, deadline_exceeded},
};

/// The largest frame that this client takes. With 4 MiB replies of the reference server, 64 KiB, 256 KiB and
/// 1 MiB made no difference, and 16 KiB was a few per cent slower.
const MAX_FRAME: u32 = 1 << 20;

/// The connection's window is at least this large, so that small replies never wait for it.
const SMALLEST_CONNECTION_WINDOW: u64 = 16 << 20;

/// Answers to the server's questions that may be waiting because it does not read. Nobody who means
/// well comes near.
pub(super) const MOST_UNREAD_ANSWERS: u32 = 100_000;

/// One connection.
#[derive(Debug)]
pub struct Connection {
    pub(super) requests: Arc<Requests>,
    pub(super) timeout: Option<Duration>,
    /// The client's own limit for replies, in message bytes.
    pub(super) max_recv: u64,
    reader: FrameReader,
    pub(super) assembling: Option<Assembling>,
    pub(super) known: Known,
    pub(super) peer: Peer,
    pub(super) streams: Streams,
    pub(super) next_stream: u32,
    /// Calls that wait for a free stream.
    pub(super) waiting: VecDeque<Call>,
    /// Calls that were given back as often as they may be, and wait for a stream that the server will most
    /// likely take.
    pub(super) last_chances: VecDeque<Call>,
    /// Calls that were opened on their last chance.
    pub(super) last_chances_opened: u64,
    /// The fewest streams that the server took on earlier connections before it said GOAWAY.
    pub(super) least_taken: u64,
    /// When the server last sent anything.
    pub(super) last_received: Option<Instant>,
    /// Streams that the server ended.
    pub(super) ended: u64,
    /// Streams that GOAWAY or `REFUSED_STREAM` says were not processed.
    pub(super) untaken: u64,
    /// Streams whose request is not framed to its end, in turn.
    pub(super) uploads: VecDeque<u32>,
    /// Streams that the server has ended before it had the whole request.
    pub(super) cut_short: Vec<u32>,
    pub(super) send_window: SendWindow,
    pub(super) receive_window: ReceiveWindow,
    /// With which each stream starts.
    pub(super) stream_window: u32,
    pub(super) form: Form,
    pub(super) outbox: Outbox,
    /// Whether requests are sent to their end that are held before it.
    pub(super) is_released: bool,
    pub(super) unread_answers: u32,
    /// Why no further stream may be opened here, if that is so.
    pub(super) closing: Option<Closing>,
    pub(super) returned: Vec<Call>,
    pub(super) has_answered: bool,
    /// Kept only where somebody wants to look at it.
    pub(super) seen: Option<Box<RawResponse>>,
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
        let reply = requests.largest_reply() + PREFIX_BYTES as u64;
        let largest = u64::from(LARGEST_WINDOW);
        let window = |bytes: u64| u32::try_from(bytes.min(largest)).unwrap_or(LARGEST_WINDOW);
        let stream_window = window(reply.saturating_mul(2).max(u64::from(DEFAULT_WINDOW)));
        let of_all = u64::from(stream_window).saturating_mul(in_flight.max(1));
        let connection_window = window(of_all.max(SMALLEST_CONNECTION_WINDOW));
        let mut outbox = Outbox::default();
        outbox.append(|out| {
            out.extend_from_slice(PREFACE);
            write_settings(
                out,
                &[
                    (setting::HEADER_TABLE_SIZE, 0),
                    (setting::ENABLE_PUSH, 0),
                    (setting::INITIAL_WINDOW_SIZE, stream_window),
                    (setting::MAX_FRAME_SIZE, MAX_FRAME),
                    (setting::MAX_HEADER_LIST_SIZE, MAX_HEADER_BLOCK),
                ],
            );
            write_number(out, kind::WINDOW_UPDATE, 0, connection_window - DEFAULT_WINDOW);
        });
        Self {
            timeout: requests.timeout(),
            max_recv: requests.max_recv(),
            reader: FrameReader::new(MAX_FRAME),
            assembling: None,
            known: Known::default(),
            peer: Peer::default(),
            streams: Streams::starting_at(1),
            next_stream: 1,
            waiting: VecDeque::new(),
            last_chances: VecDeque::new(),
            last_chances_opened: 0,
            last_received: None,
            least_taken,
            ended: 0,
            untaken: 0,
            uploads: VecDeque::new(),
            cut_short: Vec::new(),
            send_window: SendWindow::new(DEFAULT_WINDOW),
            receive_window: ReceiveWindow::new(connection_window),
            stream_window,
            form: Form::Introduction,
            outbox,
            is_released: false,
            unread_answers: 0,
            closing: None,
            returned: Vec::new(),
            has_answered: false,
            seen: None,
            requests,
        }
    }

    /// Takes bytes that the server sent; `now` is when they came. Calls that end are put into `over`.
    ///
    /// # Errors
    /// When the server broke the protocol. The connection cannot be used any more then, but for its
    /// last words: [`Connection::goodbye_frame`].
    pub fn receive(
        &mut self,
        bytes: &[u8],
        now: Instant,
        over: &mut Vec<Over>,
    ) -> Result<(), ConnectionError> {
        let mut bytes = bytes;
        self.last_received = Some(now);
        // Taken out, because a piece may lie in the reader while the rest of the connection changes.
        let mut reader = std::mem::replace(&mut self.reader, FrameReader::new(MAX_FRAME));
        let result = loop {
            let piece = match reader.next(&mut bytes) {
                Ok(Some(piece)) => piece,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            let taken = match piece {
                Piece::Data { stream, bytes, counted, ends_stream } => {
                    self.data(stream, bytes, counted, ends_stream, now, over)
                }
                Piece::Frame(head, payload) => self.frame(head, payload, now, over),
            };
            if let Err(error) = taken {
                break Err(error);
            }
        };
        self.reader = reader;
        // Before its first SETTINGS the server need not speak HTTP/2 at all.
        result.map_err(|error| if self.peer.speaks_http2 { error } else { peer::NO_HTTP2 })
    }

    /// Starts a call, now or as soon as the server lets it. It ends at once when the client refuses it.
    pub fn start(&mut self, call: Call, over: &mut Vec<Over>) {
        if let Some(refusal) = &self.requests.get(call.message).refusal {
            let outcome = Outcome::Refused(Box::new(refusal.clone()));
            let done = call.sent;
            over.push(Over::unsent(call, outcome, done));
        } else if call.returned >= MOST_RETURNS && !(self.can_open() && self.will_be_taken()) {
            self.last_chances.push_back(call);
        } else if self.can_open() && self.waiting.is_empty() {
            self.open(call);
        } else {
            self.waiting.push_back(call);
        }
    }

    /// The next bytes to be written: how many of the slices were filled.
    pub fn slices<'a>(&'a mut self, slices: &mut [IoSlice<'a>; MOST_SLICES]) -> usize {
        self.frame_uploads();
        self.outbox.fill(&self.requests, slices)
    }

    /// So many of the bytes that [`Connection::slices`] showed were written.
    pub fn written(&mut self, bytes: usize) {
        self.outbox.written(bytes);
        if self.outbox.pending() == 0 {
            self.unread_answers = 0;
        }
    }

    /// Whether there is anything to be written.
    #[must_use]
    pub fn has_output(&self) -> bool {
        self.outbox.pending() > 0
            || !self.cut_short.is_empty()
            || (!self.uploads.is_empty() && self.send_window.room() > 0)
    }

    /// Whether requests wait for room in the connection's window.
    #[must_use]
    pub fn is_out_of_window(&self) -> bool {
        !self.uploads.is_empty() && self.send_window.room() == 0
    }

    /// Ends calls whose deadline has passed, and opens a call that was held for long enough.
    pub fn expire(&mut self, now: Instant, over: &mut Vec<Over>) {
        if self.held_until().is_some_and(|until| now >= until)
            && let Some(call) = self.last_chances.pop_front()
        {
            self.open(call);
        }
        let Some(timeout) = self.timeout else { return };
        let is_late = |call: &Call| now.saturating_duration_since(call.sent) >= timeout;
        // These first: a late call that got the stream of another would be opened only to be reset.
        for queue in [&mut self.last_chances, &mut self.waiting] {
            while queue.front().is_some_and(is_late)
                && let Some(call) = queue.pop_front()
            {
                over.push(Over::unsent(call, deadline_exceeded(timeout), now));
            }
        }
        while let Some((number, _)) = self.streams.oldest().filter(|(_, stream)| is_late(&stream.call)) {
            self.give_up(number, ErrorCode::CANCEL, deadline_exceeded(timeout), now, over);
        }
    }

    /// When the next deadline passes, or a call was held for long enough.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let oldest = self.streams.oldest().map(|(_, stream)| &stream.call);
        let calls = [oldest, self.waiting.front(), self.last_chances.front()].into_iter().flatten();
        let deadline = |call: &Call| self.timeout.and_then(|timeout| call.sent.checked_add(timeout));
        calls.filter_map(deadline).chain(self.held_until()).min()
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
        self.streams.len() + self.waiting.len() + self.last_chances.len()
    }

    /// Whether the server ever responded to a call here, with a reply, a status of any kind, or a reset.
    #[must_use]
    pub fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Lets requests go on that are held before their end.
    pub fn release(&mut self) {
        self.is_released = true;
        for (number, stream) in self.streams.iter_mut() {
            if std::mem::take(&mut stream.is_parked) {
                self.uploads.push_back(number);
            }
        }
    }

    /// Keeps what comes back from now on, of all calls alike. For a single call: memory grows with it.
    pub fn watch(&mut self) {
        self.seen = Some(Box::default());
    }

    /// What came back since [`Connection::watch`].
    pub fn take_seen(&mut self) -> RawResponse {
        self.seen.take().map(|seen| *seen).unwrap_or_default()
    }

    /// What the server is told before the connection is closed over an error.
    #[must_use]
    pub fn goodbye_frame(error: &ConnectionError) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_go_away(&mut bytes, error);
        bytes
    }

    /// Whether a stream may be opened now (5.1.2).
    pub(super) fn can_open(&self) -> bool {
        self.peer.is_known && self.closing.is_none() && self.streams.len() < self.peer.max_streams
    }

    /// Opens streams for calls that have waited.
    pub(super) fn open_waiting(&mut self) {
        while self.can_open()
            && self.will_be_taken()
            && let Some(call) = self.last_chances.pop_front()
        {
            self.open(call);
        }
        while self.can_open() {
            let Some(call) = self.waiting.pop_front() else { break };
            self.open(call);
        }
    }

    /// The number of the next stream. After the last one, calls are given back (5.1.1).
    pub(super) fn take_number(&mut self) -> Option<u32> {
        if self.next_stream > LARGEST_STREAM {
            let message = "the numbers of the connection's streams are used up".to_owned();
            let failure = Failure { code: Code::UNAVAILABLE, message };
            self.closing = Some(Closing { failure, is_graceful: true });
            return None;
        }
        self.next_stream += 2;
        Some(self.next_stream - 2)
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
