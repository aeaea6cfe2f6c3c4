//! A socket and the connection over it.

use std::{
    io::{self, ErrorKind, IoSlice, Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::OwnedFd,
    time::Duration,
};

use rustix::net::{AddressFamily, SocketType};
use tokio::time::Instant;

use crate::{
    client::{
        lean::{
            connection::Connection,
            frame::ConnectionError,
            outbox::MOST_SLICES,
            poller::{Poller, Ready},
        },
        opening::CONNECT_TIMEOUT,
    },
    rpc::{Code, Failure},
};

/// Bytes that are read at once. With 4 MiB replies, 64 KiB cost a fifth less CPU time a call than 256 KiB and more
/// (2.8 and 3.5 ms), because they stay in the cache until they are compared; with small ones, 4 KiB to 256 KiB
/// made no difference.
const READ_BYTES: usize = 64 << 10;

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
pub(super) struct Socket {
    stream: TcpStream,
    pub(super) connection: Connection,
    pub(super) key: u64,
    /// Until when the server must have accepted the connection and sent its SETTINGS; `None` once it has.
    pub(super) ready_by: Option<Instant>,
    pub(super) is_connected: bool,
    /// Since when the socket takes no more, because the server does not read.
    full_since: Option<Instant>,
    /// Since when requests wait for room in the connection's window.
    out_of_window_since: Option<Instant>,
}

/// How long requests were kept waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stalls {
    /// Because the socket took no more: the server did not read.
    pub(crate) held_up: Duration,
    /// Because the connection's window was used up: the server read, and gave no room.
    pub(crate) out_of_window: Duration,
    /// Because there was no connection: the last one had ended, and the next one was not ready.
    pub(crate) unconnected: Duration,
    /// Because the last attempt to connect had failed, and the next one was not due.
    pub(crate) paused: Duration,
}

impl Io {
    pub(crate) fn new() -> Self {
        Self { poller: Poller::new(), buffer: vec![0; READ_BYTES] }
    }
}

pub(super) fn unavailable(message: impl Into<String>) -> Failure {
    Failure { code: Code::UNAVAILABLE, message: message.into() }
}

/// A socket on its way to the server.
pub(in crate::client::lean) fn connecting(address: SocketAddr) -> io::Result<TcpStream> {
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

impl Socket {
    /// A connection over this socket that has not begun, known to the poller under this key.
    pub(super) fn new(
        stream: TcpStream,
        connection: Connection,
        key: u64,
        now: Instant,
        io: &mut Io,
    ) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        io.poller.add(&stream, key, true)?;
        let ready_by = Some(now + CONNECT_TIMEOUT);
        Ok(Self {
            stream,
            connection,
            key,
            ready_by,
            is_connected: false,
            full_since: None,
            out_of_window_since: None,
        })
    }

    /// # Errors
    /// When the connection is lost.
    pub(super) fn take(&mut self, ready: Ready, io: &mut Io, stalls: &mut Stalls) -> Result<(), Failure> {
        if !self.is_connected {
            let state = rustix::net::sockopt::socket_error(&self.stream).and_then(|state| state);
            state.map_err(|error| unavailable(io::Error::from(error).to_string()))?;
            self.is_connected = ready.is_writable;
        }
        if ready.is_writable {
            self.has_room(stalls, io)?;
        }
        if !ready.is_readable {
            return Ok(());
        }
        self.read(io).map(|_| ())
    }

    /// Reads what has come, up to a bound. Whether there may be more.
    ///
    /// # Errors
    /// When the connection is lost.
    fn read(&mut self, io: &mut Io) -> Result<bool, Failure> {
        for _ in 0..MOST_AT_ONCE {
            match (&self.stream).read(&mut io.buffer) {
                Ok(0) => return Err(unavailable("the server closed the connection")),
                Ok(bytes) => {
                    let received = self.connection.receive(&io.buffer[..bytes], Instant::now());
                    received.map_err(|error| self.say_why(&error))?;
                    if self.ready_by.is_some() && self.connection.is_ready() {
                        self.ready_by = None;
                    }
                    if bytes < io.buffer.len() {
                        return Ok(false);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(unavailable(error.to_string())),
            }
        }
        Ok(true)
    }

    /// # Errors
    /// When the connection is lost.
    pub(super) fn write(&mut self, stalls: &mut Stalls, io: &mut Io) -> Result<(), Failure> {
        let result = self.write_what_goes(io);
        match (self.connection.is_out_of_window(), self.out_of_window_since) {
            (true, None) => self.out_of_window_since = Some(Instant::now()),
            (false, Some(since)) => {
                stalls.out_of_window += since.elapsed();
                self.out_of_window_since = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
        result
    }

    fn write_what_goes(&mut self, io: &mut Io) -> Result<(), Failure> {
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
            match (&self.stream).write_vectored(&slices[..count]) {
                Ok(bytes) => {
                    self.connection.written(bytes);
                    if bytes < whole {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    // A server that refuses and closes has often said why, and answered calls before;
                    // that can still be read, and ends with an error.
                    loop {
                        if !self.read(io)? {
                            return Err(unavailable(error.to_string()));
                        }
                    }
                }
            }
        }
        if self.connection.has_output() {
            self.full_since = Some(Instant::now());
            let changed = io.poller.change(self.key, true);
            changed.map_err(|error| unavailable(error.to_string()))?;
        }
        Ok(())
    }

    /// The socket takes bytes again, or for the first time.
    fn has_room(&mut self, stalls: &mut Stalls, io: &mut Io) -> Result<(), Failure> {
        if let Some(since) = self.full_since.take() {
            stalls.held_up += since.elapsed();
        }
        io.poller.change(self.key, false).map_err(|error| unavailable(error.to_string()))
    }

    /// `before`, and what goes on.
    pub(super) fn stalls(&self, before: Stalls, now: Instant) -> Stalls {
        let since = |instant: Option<Instant>| {
            instant.map_or(Duration::ZERO, |instant| now.saturating_duration_since(instant))
        };
        Stalls {
            held_up: before.held_up + since(self.full_since),
            out_of_window: before.out_of_window + since(self.out_of_window_since),
            unconnected: before.unconnected,
            paused: before.paused,
        }
    }

    pub(super) fn lose(&mut self, failure: &Failure, now: Instant, stalls: &mut Stalls, io: &mut Io) {
        io.poller.remove(self.key);
        *stalls = self.stalls(*stalls, now);
        (self.full_since, self.out_of_window_since) = (None, None);
        self.connection.lose(failure, now);
    }

    /// Tells the server what it did; it may be gone, or not listen.
    fn say_why(&self, error: &ConnectionError) -> Failure {
        let _ = (&self.stream).write(&Connection::goodbye_frame(error));
        unavailable(format!("the server broke the protocol: {error}"))
    }
}
