//! One connection's worth of load: the connection that stands, those that are being given up, and the
//! next one when a server is gone. Owns the sockets.

mod line;

use std::{
    io,
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    connection::{Connection, Over},
    poller::Ready,
    request::Requests,
    streams::Call,
};
use crate::{
    client::{CONNECT_TIMEOUT, OpenError},
    outcome::Failure,
    target::Located,
};
use line::{Line, connecting, unavailable};

pub(crate) use line::{Io, Stalls};

/// After a connection that brought nothing, the next one waits this long, and twice as long after each
/// further one. One that answered calls is made again at once.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a call that starts now has before it.
#[derive(Debug)]
enum Current {
    Line(Box<Line>),
    /// An attempt has failed: calls that it carried, and those that start before the next turn, are broken
    /// with this.
    Refused {
        at: Instant,
        failure: Failure,
        calls: Vec<Call>,
    },
    /// No connection: the next attempt, and why the last one failed.
    Down {
        until: Instant,
        failure: Failure,
    },
}

/// A place for a connection, whichever stands there at the time.
#[derive(Debug)]
pub(crate) struct Link {
    requests: Arc<Requests>,
    address: SocketAddr,
    /// Calls that it will have in flight at once, by plan.
    in_flight: u64,
    index: u32,
    /// Of the next line.
    serial: u32,
    current: Current,
    /// Lines on which no further call may start.
    closing: Vec<Line>,
    pause: Duration,
    /// But for the times that go on.
    stalls: Stalls,
    lost_connections: u64,
}

/// The link that a key of the poller belongs to.
pub(crate) fn link_of(key: u64) -> usize {
    usize::try_from(key >> 32).unwrap_or(usize::MAX)
}

impl Link {
    /// Connects.
    ///
    /// # Errors
    /// When the server does not accept the connection within 3 s.
    pub(crate) fn open(
        target: &Located,
        requests: Arc<Requests>,
        index: usize,
        in_flight: u64,
        io: &mut Io,
    ) -> Result<Self, OpenError> {
        let failed = |error: io::Error| OpenError::of(target, error);
        let socket = TcpStream::connect_timeout(&target.address, CONNECT_TIMEOUT).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        let now = Instant::now();
        let mut own = Self {
            requests,
            address: target.address,
            in_flight,
            index: u32::try_from(index).unwrap_or(u32::MAX),
            serial: 0,
            current: Current::Down { until: now, failure: unavailable("not connected") },
            closing: Vec::new(),
            pause: FIRST_PAUSE,
            stalls: Stalls::default(),
            lost_connections: 0,
        };
        let mut line = own.line(socket, now, io).map_err(failed)?;
        line.is_connected = true;
        own.current = Current::Line(Box::new(line));
        Ok(own)
    }

    /// Whether a call can be started: no attempt to connect has just failed.
    pub(crate) fn is_up(&self) -> bool {
        !matches!(self.current, Current::Down { .. })
    }

    /// Whether nothing is awaited before the first call: the server's SETTINGS have come, or there is no
    /// connection.
    pub(crate) fn is_settled(&self) -> bool {
        match &self.current {
            Current::Line(line) => line.connection.is_ready(),
            Current::Refused { .. } => false,
            Current::Down { .. } => true,
        }
    }

    /// Starts a call. While there is no connection it is broken at once; while one is being made it waits.
    pub(crate) fn start(&mut self, call: Call, over: &mut Vec<Over>) {
        match &mut self.current {
            Current::Line(line) => line.connection.start(call, over),
            Current::Refused { calls, .. } => calls.push(call),
            Current::Down { failure, .. } => {
                // One that was given back has been under way for a while.
                let done = if call.returned > 0 { Instant::now() } else { call.sent };
                over.push(Over::broken(call, failure.clone(), done));
            }
        }
    }

    /// Reads what has come for one of its sockets.
    pub(crate) fn take(&mut self, ready: Ready, io: &mut Io, over: &mut Vec<Over>) {
        match &mut self.current {
            Current::Line(line) if line.key == ready.key => {
                let result = line.take(ready, io, &mut self.stalls, over);
                self.settle(result, io, over);
            }
            _ => {
                if let Some(place) = self.closing.iter().position(|line| line.key == ready.key) {
                    let result = self.closing[place].take(ready, io, &mut self.stalls, over);
                    self.settle_closing(place, &result, io, over);
                }
            }
        }
    }

    /// Writes what its sockets take.
    pub(crate) fn write(&mut self, io: &mut Io, over: &mut Vec<Over>) {
        if let Current::Line(line) = &mut self.current {
            let result = line.write(&mut self.stalls, io, over);
            self.settle(result, io, over);
        }
        for place in (0..self.closing.len()).rev() {
            let result = self.closing[place].write(&mut self.stalls, io, over);
            self.settle_closing(place, &result, io, over);
        }
    }

    /// Does what is due: ends late calls, gives up a server that is silent, connects again.
    pub(crate) fn turn(&mut self, now: Instant, io: &mut Io, over: &mut Vec<Over>) {
        match &mut self.current {
            Current::Line(line) => {
                line.connection.expire(now, over);
                let result = match line.ready_by {
                    Some(until) if now >= until => {
                        Err(unavailable("the server did not answer as an HTTP/2 server within 3 s"))
                    }
                    _ => Ok(()),
                };
                self.settle(result, io, over);
            }
            Current::Refused { failure, calls, .. } => {
                let (failure, calls) = (failure.clone(), std::mem::take(calls));
                over.extend(calls.into_iter().map(|call| Over::broken(call, failure.clone(), now)));
                self.pause(failure, now);
            }
            Current::Down { until, .. } if now >= *until => self.connect(now, io),
            Current::Down { .. } => {}
        }
        for line in &mut self.closing {
            line.connection.expire(now, over);
        }
    }

    /// When something will be due, if nothing happens before.
    pub(crate) fn next_turn(&self) -> Option<Instant> {
        let current = match &self.current {
            Current::Line(line) => {
                [line.ready_by, line.connection.next_deadline()].into_iter().flatten().min()
            }
            Current::Refused { at, .. } => Some(*at),
            Current::Down { until, .. } => Some(*until),
        };
        let closing = self.closing.iter().filter_map(|line| line.connection.next_deadline());
        closing.chain(current).min()
    }

    /// How long requests were kept waiting until now.
    pub(crate) fn stalls(&self, now: Instant) -> Stalls {
        match &self.current {
            Current::Line(line) => line.stalls(self.stalls, now),
            Current::Refused { .. } | Current::Down { .. } => self.stalls,
        }
    }

    /// Connections that stood and ended.
    pub(crate) fn lost_connections(&self) -> u64 {
        self.lost_connections
    }

    /// A socket with a connection that has not begun.
    fn line(&mut self, socket: TcpStream, now: Instant, io: &mut Io) -> io::Result<Line> {
        let key = (u64::from(self.index) << 32) | u64::from(self.serial);
        self.serial = self.serial.wrapping_add(1);
        Line::new(socket, Connection::new(Arc::clone(&self.requests), self.in_flight), key, now, io)
    }

    fn connect(&mut self, now: Instant, io: &mut Io) {
        let line = connecting(self.address).and_then(|socket| self.line(socket, now, io));
        match line {
            Ok(line) => self.current = Current::Line(Box::new(line)),
            Err(error) => {
                let failure = unavailable(error.to_string());
                self.current = Current::Refused { at: now, failure, calls: Vec::new() };
            }
        }
    }

    fn pause(&mut self, failure: Failure, now: Instant) {
        self.current = Current::Down { until: now + self.pause, failure };
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Goes on after something happened to the current line: with it, or with the next one.
    fn settle(&mut self, result: Result<(), Failure>, io: &mut Io, over: &mut Vec<Over>) {
        let Current::Line(line) = &mut self.current else { return };
        if result.is_ok() && line.connection.closing().is_none() {
            return;
        }
        let now = Instant::now();
        let failure = result.err();
        let reason = failure.as_ref().or(line.connection.closing()).cloned();
        let last =
            Current::Down { until: now, failure: reason.unwrap_or_else(|| unavailable("not connected")) };
        let Current::Line(mut line) = std::mem::replace(&mut self.current, last) else { return };
        let has_answered = line.connection.has_answered();
        self.lost_connections += u64::from(line.is_connected);
        if let Some(failure) = &failure {
            line.lose(failure, now, &mut self.stalls, io, over);
        }
        let returned = line.connection.take_returned();
        if failure.is_none() && !line.connection.is_idle() {
            self.closing.push(*line);
        } else {
            io.poller.remove(line.key);
        }
        if has_answered {
            self.pause = FIRST_PAUSE;
            self.connect(now, io);
        } else if let Current::Down { failure, .. } = &self.current {
            // Also where it failed before a call could be started: there must be one to be broken.
            self.current = Current::Refused { at: now, failure: failure.clone(), calls: Vec::new() };
        }
        for call in returned {
            self.start(call, over);
        }
    }

    fn settle_closing(
        &mut self,
        place: usize,
        result: &Result<(), Failure>,
        io: &mut Io,
        over: &mut Vec<Over>,
    ) {
        let line = &mut self.closing[place];
        if let Err(failure) = result {
            line.lose(failure, Instant::now(), &mut self.stalls, io, over);
        }
        let returned = line.connection.take_returned();
        if result.is_err() || line.connection.is_idle() {
            io.poller.remove(line.key);
            self.closing.swap_remove(place);
        }
        for call in returned {
            self.start(call, over);
        }
    }
}
