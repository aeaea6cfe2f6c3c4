//! Single calls over a blocking connection of their own. The caller can observe each step; it costs more CPU time
//! per call than a run does.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice},
    sync::Arc,
    time::Duration,
};

use rustix::event::PollFlags;
use tokio::time::Instant;

use super::{
    connection::{Connection, MOST_RETURNS, RawResponse},
    outbox::MOST_SLICES,
    request::Requests,
    transport::{Fault, Received, Transport, unavailable},
};
use crate::{
    client::{
        call::{Call, Completion},
        opening::INTERRUPT_TICK,
    },
    endpoint::{Located, place::is_ready},
    rpc::Failure,
    stop::Stop,
};

/// Longest wait of a read without any other bound.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// A connection and its socket.
#[derive(Debug)]
pub(crate) struct BlockingConnection {
    transport: Transport,
    connection: Connection,
    opened: Instant,
    /// Longest wait for the server's SETTINGS, from the start.
    connect_timeout: Duration,
    buffer: Vec<u8>,
    /// Completed calls that were not taken yet.
    ended: VecDeque<Completion>,
    /// Cause of the connection's loss, if it was lost.
    lost: Option<Failure>,
}

impl BlockingConnection {
    /// Connects. A stop request cancels the attempt.
    ///
    /// # Errors
    /// Fails if the server does not accept the connection in time, or the stop is requested.
    pub(crate) fn open(target: &Located, requests: Arc<Requests>, stop: &Stop) -> io::Result<Self> {
        let opened = Instant::now();
        let wanted = || if stop.is_wanted() { Err(ErrorKind::Interrupted.into()) } else { Ok(()) };
        let socket = target.place.connect(target.connect_timeout, INTERRUPT_TICK, wanted)?;
        Ok(Self {
            transport: Transport::new(socket, target)?,
            connection: Connection::new(requests, 1),
            opened,
            connect_timeout: target.connect_timeout,
            buffer: vec![0; 64 << 10],
            ended: VecDeque::new(),
            lost: None,
        })
    }

    /// Starts to record the bytes that arrive.
    pub(crate) fn watch(&mut self) {
        self.connection.watch();
    }

    /// Takes the bytes that arrived since [`BlockingConnection::watch`].
    pub(crate) fn take_seen(&mut self) -> RawResponse {
        self.connection.take_seen()
    }

    /// Starts a call of the request with this index. The call is never retried: its first end counts.
    pub(crate) fn start(&mut self, message: usize) {
        let call = Call { returned: MOST_RETURNS, ..Call::now(message) };
        match &self.lost {
            None => self.connection.start(call),
            Some(failure) => self.ended.push_back(call.broken(failure.clone(), Instant::now())),
        }
    }

    /// Releases requests that are held before their last byte.
    pub(crate) fn release(&mut self) {
        self.connection.release();
    }

    /// Waits for the next completed call. Returns `None` at `until`, or if no call is in flight.
    pub(crate) fn next(&mut self, until: Option<Instant>) -> Option<Completion> {
        loop {
            self.ended.extend(self.connection.completions());
            if !self.ended.is_empty() || self.connection.is_idle() {
                return self.ended.pop_front();
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return None;
            }
            if let Err(failure) = self.step(until) {
                self.lose(failure);
            }
        }
    }

    /// Cause of the connection's loss, or the reason why no further call may start on it.
    pub(crate) fn lost(&self) -> Option<&Failure> {
        self.lost.as_ref().or(self.connection.closing())
    }

    /// Waits for the next completed call in short steps. Returns `None` after a stop request too.
    pub(crate) fn next_unless(&mut self, until: Instant, stop: &Stop) -> Option<Completion> {
        while !stop.is_wanted() {
            let now = Instant::now();
            let completion = self.next(Some(until.min(now + INTERRUPT_TICK)));
            if completion.is_some() || now >= until || self.connection.is_idle() {
                return completion;
            }
        }
        None
    }

    /// Writes pending bytes, then waits for bytes from the server until `until` at most.
    fn step(&mut self, until: Option<Instant>) -> Result<(), Failure> {
        self.exchange(until)?;
        let is_late = !self.connection.is_ready() && self.opened.elapsed() >= self.connect_timeout;
        let is_open = self.transport.is_open();
        if is_late && !(is_open && self.connection.has_output()) {
            return Err(unavailable(self.transport.late(self.connect_timeout)));
        }
        Ok(())
    }

    fn lose(&mut self, failure: Failure) {
        let now = Instant::now();
        self.connection.lose(&failure, now);
        self.ended.extend(self.connection.completions());
        let returned = self.connection.take_returned().into_iter();
        self.ended.extend(returned.map(|call| call.broken(failure.clone(), now)));
        self.lost = Some(failure);
    }

    /// Writes once, waits for the server until `until` at most, and reads once.
    fn exchange(&mut self, until: Option<Instant>) -> Result<(), Failure> {
        let Self { transport, connection, .. } = self;
        if transport.is_open() && connection.has_output() {
            let mut slices = [IoSlice::new(&[]); MOST_SLICES];
            let count = connection.slices(&mut slices);
            let sent = transport.send(&slices[..count]);
            let bytes = self.or_last_words(sent)?.bytes;
            self.connection.written(bytes);
        } else {
            let flushed = transport.flush();
            self.or_last_words(flushed)?;
        }
        let Self { transport, connection, .. } = self;
        let now = Instant::now();
        let left = |instant: Instant| instant.saturating_duration_since(now).max(Duration::from_micros(1));
        let writes = transport.has_pending() || (transport.is_open() && connection.has_output());
        let longest = if connection.is_ready() { LONGEST_WAIT } else { self.connect_timeout };
        let patience = connection.next_deadline().map_or(longest, |deadline| left(deadline).min(longest));
        let bounded = until.map_or(patience, |until| patience.min(left(until)));
        let flags = if writes { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        is_ready(transport.socket(), flags, bounded).map_err(|error| unavailable(error.to_string()))?;
        // A refusal may arrive while a message is half written.
        self.receive()?;
        self.connection.expire(Instant::now());
        match self.connection.closing().filter(|_| self.connection.is_idle()) {
            Some(reason) => Err(reason.clone()),
            None => Ok(()),
        }
    }

    /// Reads what has arrived.
    fn receive(&mut self) -> Result<Received, Failure> {
        let Self { transport, connection, buffer, .. } = self;
        let received = transport.receive(buffer, |bytes, now| connection.receive(bytes, now));
        received.map_err(|fault| match fault {
            Fault::Lost(failure) => failure,
            Fault::Protocol(error) => unavailable(format!("the server broke the protocol: {error}")),
        })
    }

    /// Returns the result of a write. If it failed, first reads the data that the server sent before it closed.
    fn or_last_words<T>(&mut self, result: Result<T, Failure>) -> Result<T, Failure> {
        if result.is_err() {
            while self.receive().is_ok_and(|received| received == Received::More) {}
        }
        result
    }
}
