//! Single calls over a connection of their own that blocks: what happens on it can be watched step by
//! step, and costs more than in a run.

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

/// How long a read waits at most where nothing else bounds it.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// A connection and its socket.
#[derive(Debug)]
pub(crate) struct BlockingConnection {
    socket: TcpStream,
    connection: Connection,
    opened: Instant,
    buffer: Vec<u8>,
    /// Calls that have ended and were not asked for yet.
    ended: VecDeque<Completion>,
    /// How the connection was lost, if it was.
    lost: Option<Failure>,
}

impl BlockingConnection {
    /// Connects, unless an end is wanted before the server accepts.
    ///
    /// # Errors
    /// When the server does not accept the connection within 3 s, or an end is wanted.
    pub(crate) fn open(target: &Located, requests: Arc<Requests>, stop: &Stop) -> io::Result<Self> {
        let socket = connect(target.address, stop)?;
        socket.set_nodelay(true)?;
        // A server that does not read must not keep the client from reading.
        socket.set_write_timeout(Some(Duration::from_millis(10)))?;
        let connection = Connection::new(requests, 1);
        let (opened, buffer) = (Instant::now(), vec![0; 64 << 10]);
        Ok(Self { socket, connection, opened, buffer, ended: VecDeque::new(), lost: None })
    }

    /// Keeps what comes back from now on.
    pub(crate) fn watch(&mut self) {
        self.connection.watch();
    }

    /// What came back since [`BlockingConnection::watch`].
    pub(crate) fn take_seen(&mut self) -> RawResponse {
        self.connection.take_seen()
    }

    /// Starts a call of the request with this index. The call is not made again: its first end is wanted.
    pub(crate) fn start(&mut self, message: usize) {
        let call = Call { returned: MOST_RETURNS, ..Call::now(message) };
        match &self.lost {
            None => self.connection.start(call),
            Some(failure) => self.ended.push_back(call.broken(failure.clone(), Instant::now())),
        }
    }

    /// Lets requests go on that are held.
    pub(crate) fn release(&mut self) {
        self.connection.release();
    }

    /// The next call that ends; `None` when none has by then, or none is under way.
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

    /// How the connection was lost, or why no further call may start on it.
    pub(crate) fn lost(&self) -> Option<&Failure> {
        self.lost.as_ref().or(self.connection.closing())
    }

    /// The same, in short steps, for as long as no end is wanted.
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

    /// Writes what there is to be written, and waits for what comes, until that time at most.
    fn step(&mut self, until: Option<Instant>) -> Result<(), Failure> {
        step(&mut self.socket, &mut self.connection, &mut self.buffer, until)?;
        let is_late = !self.connection.is_ready() && self.opened.elapsed() >= CONNECT_TIMEOUT;
        if is_late && !self.connection.has_output() {
            let message = "the server did not answer as an HTTP/2 server within 3 s".to_owned();
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

/// A connected socket that blocks.
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
    // Half a message may be written while a refusal has come: what can be read goes first.
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
            // What the server said before it closed can still be read.
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

/// Reads what has come, until there is nothing more.
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
