//! Single calls over a blocking connection of their own. The caller can observe each step; it costs more CPU time
//! per call than a run does.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use rustix::event::{PollFd, PollFlags};
use tokio::time::Instant;

use super::{
    connection::{Connection, MOST_RETURNS, RawResponse},
    outbox::MOST_SLICES,
    reconnecting::connecting,
    request::Requests,
};
use crate::{
    client::{
        call::{Call, Completion},
        opening::{CONNECT_TIMEOUT, INTERRUPT_TICK},
    },
    endpoint::Located,
    rpc::{Code, Failure},
    stop::Stop,
};

/// Longest wait of a read without any other bound.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// A connection and its socket.
#[derive(Debug)]
pub(crate) struct BlockingConnection {
    socket: TcpStream,
    connection: Connection,
    opened: Instant,
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
    /// Fails if the server does not accept the connection within 3 s, or the stop is requested.
    pub(crate) fn open(target: &Located, requests: Arc<Requests>, stop: &Stop) -> io::Result<Self> {
        let socket = connect(target.address, stop)?;
        socket.set_nodelay(true)?;
        // If the server does not read, the client must still be able to read.
        socket.set_write_timeout(Some(Duration::from_millis(10)))?;
        let connection = Connection::new(requests, 1);
        let (opened, buffer) = (Instant::now(), vec![0; 64 << 10]);
        Ok(Self { socket, connection, opened, buffer, ended: VecDeque::new(), lost: None })
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
        step(&mut self.socket, &mut self.connection, &mut self.buffer, until)?;
        let is_late = !self.connection.is_ready() && self.opened.elapsed() >= CONNECT_TIMEOUT;
        if is_late && !self.connection.has_output() {
            let message = "the server sent no HTTP/2 SETTINGS frame within 3 s".to_owned();
            return Err(Failure { code: Code::UNAVAILABLE, message });
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
}

/// Connects a blocking socket.
fn connect(address: SocketAddr, stop: &Stop) -> io::Result<TcpStream> {
    let socket = connecting(address)?;
    let until = Instant::now() + CONNECT_TIMEOUT;
    let tick = rustix::event::Timespec::try_from(INTERRUPT_TICK).map_err(io::Error::other)?;
    loop {
        let mut ready = [PollFd::new(&socket, PollFlags::OUT)];
        match rustix::event::poll(&mut ready, Some(&tick)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => break,
            Err(error) => return Err(error.into()),
        }
        if stop.is_wanted() {
            return Err(ErrorKind::Interrupted.into());
        }
        if Instant::now() >= until {
            return Err(io::Error::new(ErrorKind::TimedOut, "connection timed out"));
        }
    }
    rustix::net::sockopt::socket_error(&socket).and_then(|state| state)?;
    socket.set_nonblocking(false)?;
    Ok(socket)
}

fn step(
    socket: &mut TcpStream,
    connection: &mut Connection,
    buffer: &mut [u8],
    until: Option<Instant>,
) -> Result<(), Failure> {
    let failure = |message: String| Failure { code: Code::UNAVAILABLE, message };
    let failed = |error: io::Error| failure(error.to_string());
    let now = Instant::now();
    let left = |instant: Instant| instant.saturating_duration_since(now).max(Duration::from_micros(1));
    // A refusal may arrive while a message is half written, so reading has priority.
    let patience = match connection.next_deadline() {
        _ if connection.has_output() => Duration::from_micros(1),
        Some(deadline) => left(deadline),
        None if connection.is_ready() => LONGEST_WAIT,
        None => CONNECT_TIMEOUT,
    };
    let bounded = until.map_or(patience, |until| patience.min(left(until)));
    if connection.has_output() {
        let mut slices = [IoSlice::new(&[]); MOST_SLICES];
        let count = connection.slices(&mut slices);
        match socket.write_vectored(&slices[..count]) {
            Ok(bytes) => connection.written(bytes),
            Err(error) if is_timeout(&error) => {}
            // Data that the server sent before it closed can still be read.
            Err(error) => {
                read_rest(socket, connection, buffer);
                return Err(failed(error));
            }
        }
    }
    socket.set_read_timeout(Some(bounded)).map_err(failed)?;
    match socket.read(buffer) {
        Ok(0) => return Err(failure("the server closed the connection".to_owned())),
        Ok(bytes) => {
            let received = connection.receive(&buffer[..bytes], Instant::now());
            received.map_err(|error| failure(format!("the server broke the protocol: {error}")))?;
        }
        Err(error) if is_timeout(&error) || error.kind() == ErrorKind::Interrupted => {}
        Err(error) => return Err(failed(error)),
    }
    connection.expire(Instant::now());
    match connection.closing().filter(|_| connection.is_idle()) {
        Some(reason) => Err(reason.clone()),
        None => Ok(()),
    }
}

/// Reads until no more data is available.
fn read_rest(socket: &mut TcpStream, connection: &mut Connection, buffer: &mut [u8]) {
    let _ = socket.set_read_timeout(Some(Duration::from_micros(1)));
    while let Ok(bytes) = socket.read(buffer) {
        if bytes == 0 || connection.receive(&buffer[..bytes], Instant::now()).is_err() {
            break;
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
