//! One connection's worth of load: the connection that stands, those that are being given up, and the
//! next one when a server is gone. Owns the sockets.

use std::{
    io::{self, ErrorKind, IoSlice, Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::OwnedFd,
    sync::Arc,
    time::Duration,
};

use rustix::net::{AddressFamily, SocketType};
use tokio::time::Instant;

use super::{
    connection::{Connection, MOST_SLICES, Over},
    frame::ConnectionError,
    poller::{Poller, Ready},
    request::Requests,
    streams::Call,
};
use crate::{
    client::{CONNECT_TIMEOUT, OpenError},
    outcome::{Code, Failure, Outcome},
    target::Located,
};

/// After a connection that brought nothing, the next one waits this long, and twice as long after each
/// further one. One that answered calls is made again at once.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Bytes that are read at once.
const READ_BYTES: usize = 256 << 10;
/// Reads, or writes, of one socket before the others have their turn.
const MOST_AT_ONCE: usize = 8;

/// What all links of a worker use.
#[derive(Debug)]
pub(crate) struct Io {
    pub(crate) poller: Poller,
    buffer: Vec<u8>,
}

/// A socket and the connection over it.
#[derive(Debug)]
struct Line {
    socket: TcpStream,
    connection: Connection,
    key: u64,
    /// Until when the server must have accepted the connection and sent its SETTINGS; `None` once it has.
    ready_by: Option<Instant>,
    is_connected: bool,
    /// Since when the socket takes no more, because the server does not read.
    full_since: Option<Instant>,
}

#[derive(Debug)]
enum Current {
    Line(Box<Line>),
    /// No connection: the next attempt, and why the last one failed.
    Down {
        until: Instant,
        failure: Failure,
    },
}

/// See above.
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
    /// How long sockets took no more, but for the time that goes on.
    held_up: Duration,
}

impl Io {
    /// # Errors
    /// When there is no file descriptor left.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { poller: Poller::new()?, buffer: vec![0; READ_BYTES] })
    }
}

/// The link that a key of the poller belongs to.
pub(crate) fn link_of(key: u64) -> usize {
    usize::try_from(key >> 32).unwrap_or(usize::MAX)
}

fn unavailable(message: impl Into<String>) -> Failure {
    Failure { code: Code::UNAVAILABLE, message: message.into() }
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
        let failed = |error: io::Error| OpenError::Connect {
            authority: target.authority.clone(),
            cause: error.to_string(),
        };
        let socket = TcpStream::connect_timeout(&target.address, CONNECT_TIMEOUT).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        let now = Instant::now();
        let mut link = Self {
            requests,
            address: target.address,
            in_flight,
            index: u32::try_from(index).unwrap_or(u32::MAX),
            serial: 0,
            current: Current::Down { until: now, failure: unavailable("not connected") },
            closing: Vec::new(),
            pause: FIRST_PAUSE,
            held_up: Duration::ZERO,
        };
        let mut line = link.line(socket, now, io).map_err(failed)?;
        line.is_connected = true;
        link.current = Current::Line(Box::new(line));
        Ok(link)
    }

    /// Whether a call can be started: no attempt to connect has just failed.
    pub(crate) fn is_up(&self) -> bool {
        matches!(self.current, Current::Line(_))
    }

    /// Whether nothing is awaited before the first call: the server's SETTINGS have come, or there is no
    /// connection.
    pub(crate) fn is_settled(&self) -> bool {
        match &self.current {
            Current::Line(line) => line.connection.is_ready(),
            Current::Down { .. } => true,
        }
    }

    /// Starts a call. While there is no connection it is broken at once; while one is being made it waits.
    pub(crate) fn start(&mut self, call: Call, over: &mut Vec<Over>) {
        match &mut self.current {
            Current::Line(line) => line.connection.start(call, over),
            Current::Down { failure, .. } => {
                let outcome = Outcome::Broken(Box::new(failure.clone()));
                over.push(Over { done: call.sent, call, outcome });
            }
        }
    }

    /// Reads what has come for one of its sockets.
    pub(crate) fn take(&mut self, ready: Ready, io: &mut Io, over: &mut Vec<Over>) {
        match &mut self.current {
            Current::Line(line) if line.key == ready.key => {
                let result = line.take(ready, io, &mut self.held_up, over);
                self.settle(result, io, over);
            }
            _ => {
                if let Some(place) = self.closing.iter().position(|line| line.key == ready.key) {
                    let result = self.closing[place].take(ready, io, &mut self.held_up, over);
                    self.settle_closing(place, result, io, over);
                }
            }
        }
    }

    /// Writes what its sockets take.
    pub(crate) fn write(&mut self, io: &mut Io, over: &mut Vec<Over>) {
        if let Current::Line(line) = &mut self.current {
            let result = line.write(io, over);
            self.settle(result, io, over);
        }
        for place in (0..self.closing.len()).rev() {
            let result = self.closing[place].write(io, over);
            self.settle_closing(place, result, io, over);
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
            Current::Down { until, .. } => Some(*until),
        };
        let closing = self.closing.iter().filter_map(|line| line.connection.next_deadline());
        closing.chain(current).min()
    }

    /// How long its sockets took no more until now, because the server did not read.
    pub(crate) fn held_up(&self, now: Instant) -> Duration {
        let since = match &self.current {
            Current::Line(line) => line.full_since,
            Current::Down { .. } => None,
        };
        self.held_up + since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// A socket with a connection that has not begun.
    fn line(&mut self, socket: TcpStream, now: Instant, io: &mut Io) -> io::Result<Line> {
        socket.set_nodelay(true)?;
        let key = u64::from(self.index) << 32 | u64::from(self.serial);
        self.serial = self.serial.wrapping_add(1);
        io.poller.add(&socket, key, true)?;
        Ok(Line {
            socket,
            connection: Connection::new(Arc::clone(&self.requests), self.in_flight),
            key,
            ready_by: Some(now + CONNECT_TIMEOUT),
            is_connected: false,
            full_since: None,
        })
    }

    fn connect(&mut self, now: Instant, io: &mut Io) {
        let line = connecting(self.address).and_then(|socket| self.line(socket, now, io));
        match line {
            Ok(line) => self.current = Current::Line(Box::new(line)),
            Err(error) => self.pause(unavailable(error.to_string()), now),
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
        if let Some(failure) = &failure {
            line.lose(failure, now, &mut self.held_up, io, over);
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
            self.pause(failure.clone(), now);
        }
        for call in returned {
            self.start(call, over);
        }
    }

    fn settle_closing(
        &mut self,
        place: usize,
        result: Result<(), Failure>,
        io: &mut Io,
        over: &mut Vec<Over>,
    ) {
        let line = &mut self.closing[place];
        if let Err(failure) = &result {
            line.lose(failure, Instant::now(), &mut self.held_up, io, over);
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

/// A socket on its way to the server.
fn connecting(address: SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket: OwnedFd = rustix::net::socket(family, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    let socket = TcpStream::from(socket);
    socket.set_nonblocking(true)?;
    match rustix::net::connect(&socket, &address) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}

impl Line {
    /// # Errors
    /// When the connection is lost.
    fn take(
        &mut self,
        ready: Ready,
        io: &mut Io,
        held_up: &mut Duration,
        over: &mut Vec<Over>,
    ) -> Result<(), Failure> {
        if !self.is_connected {
            let state = rustix::net::sockopt::socket_error(&self.socket).and_then(|state| state);
            state.map_err(|error| unavailable(io::Error::from(error).to_string()))?;
            self.is_connected = ready.is_writable;
        }
        if ready.is_writable {
            self.has_room(held_up, io)?;
        }
        if !ready.is_readable {
            return Ok(());
        }
        self.read(io, over)
    }

    /// # Errors
    /// When the connection is lost.
    fn read(&mut self, io: &mut Io, over: &mut Vec<Over>) -> Result<(), Failure> {
        for _ in 0..MOST_AT_ONCE {
            match (&self.socket).read(&mut io.buffer) {
                Ok(0) => return Err(unavailable("the server closed the connection")),
                Ok(bytes) => {
                    let received = self.connection.receive(&io.buffer[..bytes], Instant::now(), over);
                    received.map_err(|error| self.say_why(&error))?;
                    if self.ready_by.is_some() && self.connection.is_ready() {
                        self.ready_by = None;
                    }
                    if bytes < io.buffer.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(unavailable(error.to_string())),
            }
        }
        Ok(())
    }

    /// # Errors
    /// When the connection is lost.
    fn write(&mut self, io: &mut Io, over: &mut Vec<Over>) -> Result<(), Failure> {
        if !self.is_connected || self.full_since.is_some() {
            return Ok(());
        }
        for _ in 0..MOST_AT_ONCE {
            if !self.connection.has_output() {
                return Ok(());
            }
            let mut slices = [IoSlice::new(&[]); MOST_SLICES];
            let count = self.connection.slices(&mut slices);
            let whole: usize = slices[..count].iter().map(|slice| slice.len()).sum();
            if whole == 0 {
                return Ok(());
            }
            match (&self.socket).write_vectored(&slices[..count]) {
                Ok(bytes) => {
                    self.connection.written(bytes);
                    if bytes < whole {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    // A server that refuses and closes has often said why; that can still be read.
                    self.read(io, over)?;
                    return Err(unavailable(error.to_string()));
                }
            }
        }
        if self.connection.has_output() {
            self.full_since = Some(Instant::now());
            let changed = io.poller.change(&self.socket, self.key, true);
            changed.map_err(|error| unavailable(error.to_string()))?;
        }
        Ok(())
    }

    /// The socket takes bytes again, or for the first time.
    fn has_room(&mut self, held_up: &mut Duration, io: &mut Io) -> Result<(), Failure> {
        if let Some(since) = self.full_since.take() {
            *held_up += since.elapsed();
        }
        io.poller.change(&self.socket, self.key, false).map_err(|error| unavailable(error.to_string()))
    }

    fn lose(
        &mut self,
        failure: &Failure,
        now: Instant,
        held_up: &mut Duration,
        io: &mut Io,
        over: &mut Vec<Over>,
    ) {
        io.poller.remove(self.key);
        if let Some(since) = self.full_since.take() {
            *held_up += now.saturating_duration_since(since);
        }
        self.connection.lose(failure, now, over);
    }

    /// Tells the server what it did; it may be gone, or not listen.
    fn say_why(&self, error: &ConnectionError) -> Failure {
        let _ = (&self.socket).write(&Connection::farewell(error));
        unavailable(format!("the server broke the protocol: {error}"))
    }
}
