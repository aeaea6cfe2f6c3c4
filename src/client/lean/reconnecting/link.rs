//! A sequence of connections, and the calls that move between them.

use std::{io, os::fd::OwnedFd, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    current::{Backoff, Current},
    socket::{Io, Socket, Stalls},
    waits::Waits,
};
use crate::{
    client::{
        account::Connections,
        call::{Call, Completion},
        lean::{
            connection::Connection,
            poller::Ready,
            request::Requests,
            transport::{Transport, unavailable},
        },
        opening::{INTERRUPT_TICK, OpenError},
    },
    endpoint::Located,
    rpc::{Failure, deadline_exceeded},
};

/// One connection slot: the connection on which new calls start, and earlier connections that finish their
/// calls.
///
/// Backoff follows gRPC's "connection-backoff": it applies to *attempts* that fail. A connection that the
/// server ended is replaced at once. If a server ends each connection before it takes a call, the next
/// attempt waits, counted from the start of the last attempt.
#[derive(Debug)]
pub(crate) struct Reconnecting {
    requests: Arc<Requests>,
    target: Located,
    /// Planned number of calls in flight at once.
    in_flight: u64,
    index: u32,
    /// Serial number of the next socket.
    serial: u32,
    current: Current,
    /// Start of the last attempt to connect.
    attempted: Instant,
    /// Sockets on which no further call may start.
    closing: Vec<Socket>,
    /// Smallest number of calls that the server took on a connection before its GOAWAY.
    least_taken: u64,
    /// Backoff after failed attempts to connect.
    attempts: Backoff,
    /// Backoff after connections on which the server took no call.
    fruitless: Backoff,
    waits: Waits,
    connections: Connections,
    /// Lengths of the TLS handshakes of all connections that were made.
    handshakes: Vec<Duration>,
    /// Calls that ended without a connection, or with one that is gone.
    completions: Vec<Completion>,
}

/// Pause before the next attempt at a Unix socket whose queue is full.
const FULL_QUEUE: Duration = Duration::from_millis(1);

/// Index of the link that a key of the poller belongs to.
pub(crate) fn link_of(key: u64) -> usize {
    usize::try_from(key >> 32).unwrap_or(usize::MAX)
}

impl Reconnecting {
    /// Opens the first connection.
    ///
    /// # Errors
    /// Fails if the server does not accept the connection in time.
    pub(crate) fn open(
        target: &Located,
        requests: Arc<Requests>,
        index: usize,
        in_flight: u64,
        io: &mut Io,
    ) -> Result<Self, OpenError> {
        let failed = |error: io::Error| OpenError::of(target, error);
        let began = Instant::now();
        let socket =
            target.place.connect(target.connect_timeout, INTERRUPT_TICK, || Ok(())).map_err(failed)?;
        let now = Instant::now();
        let mut place = Self {
            requests,
            target: target.clone(),
            in_flight,
            index: u32::try_from(index).unwrap_or(u32::MAX),
            serial: 0,
            current: Current::Down { until: now, failure: unavailable("not connected") },
            attempted: now,
            closing: Vec::new(),
            least_taken: u64::MAX,
            attempts: Backoff::new(),
            fruitless: Backoff::new(),
            waits: Waits::default(),
            connections: Connections::default(),
            handshakes: Vec::new(),
            completions: Vec::new(),
        };
        let mut line = place.line(socket, began, io).map_err(failed)?;
        line.is_connected = true;
        place.current = Current::Socket(Box::new(line));
        Ok(place)
    }

    /// Returns true if a call can be started: the last attempt to connect has not failed.
    pub(crate) fn is_up(&self) -> bool {
        !matches!(self.current, Current::Down { .. })
    }

    /// Returns true if the first call need not wait: the server's SETTINGS have arrived, or there is no
    /// connection.
    pub(crate) fn is_settled(&self) -> bool {
        match &self.current {
            Current::Socket(line) => line.connection.is_ready(),
            Current::Failed { .. } => false,
            Current::Held { .. } | Current::Down { .. } => true,
        }
    }

    /// Returns true if calls that start now go to the server, so that only their deadlines are due.
    pub(crate) fn is_well(&self) -> bool {
        let Current::Socket(line) = &self.current else { return false };
        line.connection.is_ready() && line.connection.held_until().is_none()
    }

    /// Starts a call. After a failed attempt to connect, the call is broken at once; during an attempt, the
    /// call waits.
    pub(crate) fn start(&mut self, call: Call) {
        let mut since = call.sent;
        match &mut self.current {
            Current::Socket(line) => {
                let is_ready = line.connection.is_ready();
                line.connection.start(call);
                if is_ready {
                    return;
                }
                // A call from another connection may have started before the attempt did.
                since = since.max(self.attempted);
            }
            Current::Failed { calls, .. } | Current::Held { calls, .. } => calls.push(call),
            Current::Down { failure, .. } => {
                self.completions.push(call.broken(failure.clone(), Instant::now()));
                return;
            }
        }
        self.waits.for_connection(since);
    }

    /// Reads what has arrived on one of the sockets.
    pub(crate) fn take(&mut self, ready: Ready, io: &mut Io) {
        match &mut self.current {
            Current::Socket(line) if line.key == ready.key => {
                let was_ready = line.connection.is_ready();
                let result = line.take(ready, io, &mut self.waits.ended);
                if !was_ready && line.connection.is_ready() {
                    self.connections.made += 1;
                    self.handshakes.extend(line.handshake());
                    self.attempts = Backoff::new();
                    self.waits.end(Instant::now());
                }
                self.settle(&result, io);
            }
            _ => {
                if let Some(place) = self.closing.iter().position(|line| line.key == ready.key) {
                    let result = self.closing[place].take(ready, io, &mut self.waits.ended);
                    self.settle_closing(place, &result, io);
                }
            }
        }
    }

    /// Writes as much as the sockets accept.
    pub(crate) fn write(&mut self, io: &mut Io) {
        if let Current::Socket(line) = &mut self.current {
            let result = line.write(&mut self.waits.ended, io);
            self.settle(&result, io);
        }
        for place in (0..self.closing.len()).rev() {
            let result = self.closing[place].write(&mut self.waits.ended, io);
            self.settle_closing(place, &result, io);
        }
    }

    /// Performs due actions: ends late calls, gives up on a silent server, connects again.
    pub(crate) fn turn(&mut self, now: Instant, io: &mut Io) {
        match &mut self.current {
            Current::Socket(line) => {
                line.connection.expire(now);
                let result = match line.ready_by {
                    Some(until) if now >= until => Err(unavailable(line.late(self.target.connect_timeout))),
                    _ => Ok(()),
                };
                self.settle(&result, io);
            }
            Current::Failed { failure, calls, .. } => {
                let (failure, calls) = (failure.clone(), std::mem::take(calls));
                self.completions.extend(calls.into_iter().map(|call| call.broken(failure.clone(), now)));
                self.waits.end(now);
                self.connections.failed_attempts += 1;
                self.waits.pause(now);
                self.current = Current::Down { until: now + self.attempts.take(), failure };
            }
            Current::Held { until, calls } if now >= *until => {
                let calls = std::mem::take(calls);
                self.connect(now, calls, io);
            }
            Current::Held { calls, .. } => {
                if let Some(timeout) = self.requests.timeout() {
                    let is_late = |call: &mut Call| now.saturating_duration_since(call.sent) >= timeout;
                    let late = calls.extract_if(.., is_late);
                    self.completions.extend(late.map(|call| call.end(deadline_exceeded(timeout), now)));
                }
            }
            Current::Down { until, .. } if now >= *until => self.connect(now, Vec::new(), io),
            Current::Down { .. } => {}
        }
        for line in &mut self.closing {
            line.connection.expire(now);
        }
    }

    /// Returns true if there are completed calls to take.
    pub(crate) fn has_completions(&self) -> bool {
        matches!(&self.current, Current::Socket(line) if line.connection.has_completions())
            || !self.completions.is_empty()
            || self.closing.iter().any(|line| line.connection.has_completions())
    }

    /// Takes the completed calls.
    pub(crate) fn drain(&mut self, mut take: impl FnMut(Completion)) {
        self.completions.drain(..).for_each(&mut take);
        if let Current::Socket(line) = &mut self.current {
            line.connection.completions().for_each(&mut take);
        }
        for line in &mut self.closing {
            line.connection.completions().for_each(&mut take);
        }
    }

    /// Time of the next due action.
    pub(crate) fn next_turn(&self) -> Option<Instant> {
        let closing = self.closing.iter().filter_map(|line| line.connection.next_deadline());
        closing.chain(self.current.next_turn(self.requests.timeout())).min()
    }

    /// Total times for which requests were kept waiting until now.
    pub(crate) fn stalls(&self, now: Instant) -> Stalls {
        let socket = match &self.current {
            Current::Socket(line) => Some(&**line),
            _ => None,
        };
        self.waits.total(socket, now)
    }

    /// Numbers of connections made and ended.
    pub(crate) fn connections(&self) -> Connections {
        self.connections
    }

    /// Lengths of the TLS handshakes so far.
    pub(crate) fn handshakes(&self) -> &[Duration] {
        &self.handshakes
    }

    /// Makes a socket with a new connection.
    fn line(&mut self, socket: OwnedFd, now: Instant, io: &mut Io) -> io::Result<Socket> {
        let key = (u64::from(self.index) << 32) | u64::from(self.serial);
        self.serial = self.serial.wrapping_add(1);
        let requests = Arc::clone(&self.requests);
        let connection = Connection::after(self.least_taken, requests, self.in_flight);
        let transport = Transport::new(socket, &self.target)?;
        Socket::new(transport, connection, key, now + self.target.connect_timeout, io)
    }

    /// Connects, and starts these calls first.
    fn connect(&mut self, now: Instant, calls: Vec<Call>, io: &mut Io) {
        self.attempted = now;
        self.waits.resume(now);
        let line = match self.target.place.connecting() {
            // The queue of a Unix socket is full. A queue of TCP would keep the attempt.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if self.waits.for_queue(now) < self.target.connect_timeout {
                    self.current = Current::Held { until: now + FULL_QUEUE, calls: Vec::new() };
                    for call in calls {
                        self.start(call);
                    }
                    return;
                }
                Err(io::Error::new(
                    error.kind(),
                    "the queue of the listener is full; the server accepts no connection",
                ))
            }
            socket => socket.and_then(|socket| self.line(socket, now, io)),
        };
        self.waits.end_of_queue();
        self.current = match line {
            Ok(line) => Current::Socket(Box::new(line)),
            Err(error) => {
                Current::Failed { at: now, failure: unavailable(error.to_string()), calls: Vec::new() }
            }
        };
        for call in calls {
            self.start(call);
        }
    }

    /// Continues after an event on the current socket: with the same socket, or with a new one.
    fn settle(&mut self, result: &Result<(), Failure>, io: &mut Io) {
        let Current::Socket(line) = &mut self.current else { return };
        if result.is_ok() && line.connection.closing().is_none() {
            // These are calls that the server refused: RST_STREAM with REFUSED_STREAM.
            for call in line.connection.take_returned() {
                line.connection.start(call);
            }
            return;
        }
        let now = Instant::now();
        let last = Current::Down { until: now, failure: unavailable("not connected") };
        let Current::Socket(mut line) = std::mem::replace(&mut self.current, last) else { return };
        let was_ready = line.connection.is_ready();
        let failure = result.as_ref().err().or(line.connection.closing()).cloned();
        let failure = failure.unwrap_or_else(|| unavailable("not connected"));
        let ends = self.end(&mut line, result.as_ref(), now, io);
        let calls = returned_by(&mut line.connection);
        if line.connection.closes_gracefully() && line.connection.taken() > 0 {
            self.least_taken = self.least_taken.min(line.connection.taken());
        }
        // After GOAWAY, a server may still answer the calls that it took.
        let took_calls = line.connection.has_answered() || !line.connection.is_idle();
        if ends {
            self.completions.extend(line.connection.completions());
        } else {
            self.closing.push(*line);
        }
        if !was_ready {
            // This also applies if it failed before the first call: a call must start in order to be broken.
            self.current = Current::Failed { at: now, failure, calls };
        } else if took_calls {
            self.fruitless = Backoff::new();
            self.connect(now, calls, io);
        } else {
            let until = self.attempted + self.fruitless.take();
            if until <= now {
                self.connect(now, calls, io);
            } else {
                self.current = Current::Held { until, calls: Vec::new() };
                for call in calls {
                    self.start(call);
                }
            }
        }
    }

    fn settle_closing(&mut self, place: usize, result: &Result<(), Failure>, io: &mut Io) {
        let mut line = self.closing.swap_remove(place);
        let ends = self.end(&mut line, result.as_ref(), Instant::now(), io);
        let returned = returned_by(&mut line.connection);
        if ends {
            self.completions.extend(line.connection.completions());
        } else {
            self.closing.push(line);
        }
        for call in returned {
            self.start(call);
        }
    }

    /// Ends a socket that is lost, or has no call left to answer. Returns true if it has ended.
    fn end(&mut self, line: &mut Socket, result: Result<&(), &Failure>, now: Instant, io: &mut Io) -> bool {
        let is_finished = line.connection.is_idle() && line.connection.closing().is_some();
        if result.is_ok() && !is_finished {
            return false;
        }
        let is_graceful = is_finished && line.connection.closes_gracefully();
        match result {
            Err(failure) => line.lose(failure, now, &mut self.waits.ended, io),
            Ok(()) => io.poller.remove(line.key),
        }
        if is_graceful {
            self.connections.closed += 1;
        } else if line.is_connected {
            self.connections.lost += 1;
        }
        true
    }
}

/// Calls that a connection gave back, the oldest first: they have waited longest, and may have been given
/// back before.
fn returned_by(connection: &mut Connection) -> Vec<Call> {
    let mut calls = connection.take_returned();
    calls.sort_by_key(|call| call.sent);
    calls
}
