//! A socket and the connection over it.

use std::{
    io::{self, IoSlice},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    client::lean::{
        connection::Connection,
        frame::ConnectionError,
        outbox::MOST_SLICES,
        poller::{Poller, Ready},
        transport::{Fault, Received, Transport, unavailable},
    },
    rpc::Failure,
};

/// Bytes per read. With 4 MiB replies, 64 KiB cost a fifth less CPU time per call than 256 KiB and more (2.8
/// and 3.5 ms), because the bytes stay in the cache until they are compared. With small replies, 4 KiB to 256
/// KiB made no difference.
const READ_BYTES: usize = 64 << 10;

/// Most reads, or writes, of one socket before the other sockets have their turn.
const MOST_AT_ONCE: usize = 8;

/// Resources that all links of a worker share.
#[derive(Debug)]
pub(crate) struct Io {
    pub(crate) poller: Poller,
    buffer: Vec<u8>,
}

/// A socket and the connection over it.
#[derive(Debug)]
pub(super) struct Socket {
    transport: Transport,
    pub(super) connection: Connection,
    pub(super) key: u64,
    /// Time by which the server must have accepted the connection and sent its SETTINGS; `None` afterwards.
    pub(super) ready_by: Option<Instant>,
    pub(super) is_connected: bool,
    /// Time since which the socket has accepted no bytes, because the server does not read.
    full_since: Option<Instant>,
    /// Time since which requests have waited for room in the connection's window.
    out_of_window_since: Option<Instant>,
}

/// Times for which requests were kept waiting, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stalls {
    /// The socket accepted no more bytes: the server did not read.
    pub(crate) held_up: Duration,
    /// The connection's window was used up: the server read, and gave no room.
    pub(crate) out_of_window: Duration,
    /// There was no connection: the last one had ended, and the next one was not ready.
    pub(crate) unconnected: Duration,
    /// The last attempt to connect had failed, and the next one was not due.
    pub(crate) paused: Duration,
}

impl Io {
    pub(crate) fn new() -> Self {
        Self { poller: Poller::new(), buffer: vec![0; READ_BYTES] }
    }
}

impl Socket {
    /// Makes a new connection over this socket and adds it to the poller under this key.
    pub(super) fn new(
        transport: Transport,
        connection: Connection,
        key: u64,
        ready_by: Instant,
        io: &mut Io,
    ) -> io::Result<Self> {
        io.poller.add(&transport, key, true)?;
        let ready_by = Some(ready_by);
        Ok(Self {
            transport,
            connection,
            key,
            ready_by,
            is_connected: false,
            full_since: None,
            out_of_window_since: None,
        })
    }

    /// Handles the readiness of the socket: completes the connection, then reads.
    ///
    /// # Errors
    /// Fails if the connection is lost.
    pub(super) fn take(&mut self, ready: Ready, io: &mut Io, stalls: &mut Stalls) -> Result<(), Failure> {
        if !self.is_connected {
            let state = rustix::net::sockopt::socket_error(self.transport.socket()).and_then(|state| state);
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

    /// Reads what has arrived, up to a bound. Returns true if there may be more.
    ///
    /// # Errors
    /// Fails if the connection is lost.
    fn read(&mut self, io: &mut Io) -> Result<bool, Failure> {
        for _ in 0..MOST_AT_ONCE {
            let Self { transport, connection, .. } = self;
            let received = transport.receive(&mut io.buffer, |bytes, now| connection.receive(bytes, now));
            let received = received.map_err(|fault| match fault {
                Fault::Lost(failure) => failure,
                Fault::Protocol(error) => self.say_why(&error),
            })?;
            if self.ready_by.is_some() && self.connection.is_ready() {
                self.ready_by = None;
            }
            if received == Received::All {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes as much as the socket accepts, up to a bound.
    ///
    /// # Errors
    /// Fails if the connection is lost.
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
        if !self.transport.is_open() {
            return self.flush(io);
        }
        for _ in 0..MOST_AT_ONCE {
            if !self.connection.has_output() {
                return self.flush(io);
            }
            let mut slices = [IoSlice::new(&[]); MOST_SLICES];
            let count = self.connection.slices(&mut slices);
            if slices[..count].iter().all(|slice| slice.is_empty()) {
                // Uploads wait for the window, while TLS may still hold bytes for the socket.
                return self.flush(io);
            }
            let sent = self.transport.send(&slices[..count]);
            let sent = self.or_last_words(sent, io)?;
            self.connection.written(sent.bytes);
            if sent.is_full {
                break;
            }
        }
        if self.connection.has_output() || self.transport.has_pending() { self.fill(io) } else { Ok(()) }
    }

    /// Returns the result of a write. If it failed, first reads: before it closes, a server that refuses has often
    /// sent its reason and earlier replies. Reading ends with an error.
    fn or_last_words<T>(&mut self, result: Result<T, Failure>, io: &mut Io) -> Result<T, Failure> {
        let failure = match result {
            Ok(result) => return Ok(result),
            Err(failure) => failure,
        };
        while self.read(io)? {}
        Err(failure)
    }

    /// Writes the bytes that TLS holds.
    fn flush(&mut self, io: &mut Io) -> Result<(), Failure> {
        let flushed = self.transport.flush();
        if self.or_last_words(flushed, io)? { self.fill(io) } else { Ok(()) }
    }

    /// Notes that the socket accepts no more bytes.
    fn fill(&mut self, io: &mut Io) -> Result<(), Failure> {
        self.full_since = Some(Instant::now());
        io.poller.change(self.key, true).map_err(|error| unavailable(error.to_string()))
    }

    /// Length of the TLS handshake, if there was one.
    pub(super) fn handshake(&self) -> Option<Duration> {
        self.transport.handshake()
    }

    /// Describes a connection that was not ready in time.
    pub(super) fn late(&self, timeout: Duration) -> String {
        self.transport.late(timeout)
    }

    /// Notes that the socket accepts bytes again, or for the first time.
    fn has_room(&mut self, stalls: &mut Stalls, io: &mut Io) -> Result<(), Failure> {
        if let Some(since) = self.full_since.take() {
            stalls.held_up += since.elapsed();
        }
        io.poller.change(self.key, false).map_err(|error| unavailable(error.to_string()))
    }

    /// Adds the waits that still continue to `before`.
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

    /// Sends the reason to the server, which may be gone or not read.
    fn say_why(&mut self, error: &ConnectionError) -> Failure {
        self.transport.say_goodbye(&Connection::goodbye_frame(error));
        unavailable(format!("the server broke the protocol: {error}"))
    }
}
