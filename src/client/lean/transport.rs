//! A socket and the bytes on it: TCP or Unix, in plaintext or in TLS.
//!
//! rustls encrypts at most 64 KiB ahead of the socket. Bytes that it has taken can not be withdrawn any more, so the
//! connection above counts them as written.

use std::{
    io::{self, BufRead, IoSlice, Write},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use rustix::{
    io::Errno,
    net::{SendAncillaryBuffer, SendFlags},
};
use rustls::ClientConnection;
use tokio::time::Instant;

use super::frame::ConnectionError;
use crate::{
    endpoint::{Located, Tls, tls::fault},
    rpc::{Code, Failure},
    units::exact_duration,
};

/// A non-blocking socket, with TLS if the target has it.
#[derive(Debug)]
pub struct Transport {
    socket: OwnedFd,
    tls: Option<Box<Session>>,
}

/// A session of TLS.
#[derive(Debug)]
struct Session {
    rustls: ClientConnection,
    tls: Arc<Tls>,
    /// Target as typed, for errors.
    target: String,
    /// Failure of the socket, which the next write returns.
    failed: Option<Failure>,
    /// Start of the handshake: the first attempt to write.
    since: Option<Instant>,
    /// Length of the handshake, once it has ended.
    handshake: Option<Duration>,
}

/// Result of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// There may be more bytes.
    More,
    /// All bytes that had arrived were read.
    All,
}

/// Result of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Number of bytes that were taken from the slices.
    pub bytes: usize,
    /// True if the socket accepts no more bytes now.
    pub is_full: bool,
}

/// Reason why a connection cannot be used any more.
#[derive(Debug)]
pub enum Fault {
    /// The connection is lost.
    Lost(Failure),
    /// The server broke the protocol of HTTP/2.
    Protocol(ConnectionError),
}

/// Makes the failure of a lost connection.
pub(crate) fn unavailable(message: impl Into<String>) -> Failure {
    Failure { code: Code::UNAVAILABLE, message: message.into() }
}

fn lost(message: impl Into<String>) -> Fault {
    Fault::Lost(unavailable(message))
}

impl Transport {
    /// Makes the transport over a non-blocking socket to this target.
    ///
    /// # Errors
    /// rustls has no random bytes.
    pub fn new(socket: OwnedFd, target: &Located) -> io::Result<Self> {
        let tls = match &target.tls {
            None => None,
            Some(tls) => Some(Box::new(Session {
                rustls: tls.session().map_err(io::Error::other)?,
                tls: Arc::clone(tls),
                target: target.authority.clone(),
                failed: None,
                since: None,
                handshake: None,
            })),
        };
        Ok(Self { socket, tls })
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// Returns true if bytes of HTTP/2 can be sent: the TLS handshake is over, if there is one.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.tls.as_ref().is_none_or(|session| session.handshake.is_some())
    }

    /// Length of the TLS handshake; `None` in plaintext, and before its end.
    #[must_use]
    pub fn handshake(&self) -> Option<Duration> {
        self.tls.as_ref().and_then(|session| session.handshake)
    }

    /// Returns true if bytes of TLS wait for the socket.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        self.tls.as_ref().is_some_and(|session| session.rustls.wants_write())
    }

    /// Reads once, into `buffer`, and passes the bytes of HTTP/2 on to `take`, with the instant of the read.
    ///
    /// # Errors
    /// Fails if the connection is lost or has ended, or `take` fails.
    pub fn receive(
        &mut self,
        buffer: &mut [u8],
        mut take: impl FnMut(&[u8], Instant) -> Result<(), ConnectionError>,
    ) -> Result<Received, Fault> {
        let bytes = match rustix::io::read(&self.socket, &mut *buffer) {
            Ok(0) => return Err(self.ended()),
            Ok(bytes) => bytes,
            Err(Errno::WOULDBLOCK) => return Ok(Received::All),
            Err(Errno::INTR) => return Ok(Received::More),
            Err(error) => return Err(self.failed(&error.into())),
        };
        let now = Instant::now();
        match &mut self.tls {
            None => take(&buffer[..bytes], now).map_err(Fault::Protocol)?,
            Some(session) => {
                session.receive(&buffer[..bytes], now, |bytes| take(bytes, now), &self.socket)?;
            }
        }
        Ok(if bytes < buffer.len() { Received::All } else { Received::More })
    }

    /// Writes from these slices as much as the socket accepts, once.
    ///
    /// # Errors
    /// Fails if the connection is lost. Bytes that the server sent before can still be read.
    pub fn send(&mut self, slices: &[IoSlice<'_>]) -> Result<Sent, Failure> {
        if let Some(session) = &mut self.tls {
            if let Some(failure) = session.failed.take() {
                return Err(failure);
            }
            let bytes = session.rustls.writer().write_vectored(slices);
            let bytes = bytes.map_err(|error| session.failure(&error))?;
            // TLS has these bytes, and some may be with the server: they count as written even if the socket fails.
            let flushed = session.flush(&self.socket);
            let is_full = flushed.unwrap_or_else(|failure| {
                session.failed = Some(failure);
                false
            });
            return Ok(Sent { bytes, is_full });
        }
        match rustix::io::writev(&self.socket, slices) {
            Ok(bytes) => {
                let whole: usize = slices.iter().map(|slice| slice.len()).sum();
                Ok(Sent { bytes, is_full: bytes < whole })
            }
            Err(Errno::WOULDBLOCK) => Ok(Sent { bytes: 0, is_full: true }),
            Err(Errno::INTR) => Ok(Sent { bytes: 0, is_full: false }),
            Err(error) => Err(unavailable(io::Error::from(error).to_string())),
        }
    }

    /// Writes the bytes of TLS that wait for the socket. Returns true if the socket accepts no more now.
    ///
    /// # Errors
    /// Fails if the connection is lost.
    pub fn flush(&mut self) -> Result<bool, Failure> {
        let Some(session) = &mut self.tls else { return Ok(false) };
        match session.failed.take() {
            Some(failure) => Err(failure),
            None => session.flush(&self.socket),
        }
    }

    /// Describes a connection that was not ready within this time.
    #[must_use]
    pub fn late(&self, timeout: Duration) -> String {
        let missing =
            if self.is_open() { "sent no HTTP/2 SETTINGS frame" } else { "did not finish the TLS handshake" };
        format!("the server {missing} within {}", exact_duration(timeout))
    }

    /// Sends last bytes. The server may be gone or not read.
    pub fn say_goodbye(&mut self, bytes: &[u8]) {
        if self.is_open() {
            let _ = self.send(&[IoSlice::new(bytes)]);
        }
    }

    fn ended(&self) -> Fault {
        match &self.tls {
            Some(session) if session.handshake.is_none() => lost(fault::ended(&session.target, &session.tls)),
            _ => lost("the server closed the connection"),
        }
    }

    fn failed(&self, error: &io::Error) -> Fault {
        match &self.tls {
            Some(session) if session.handshake.is_none() => Fault::Lost(session.failure(error)),
            _ => lost(error.to_string()),
        }
    }
}

/// Ends TLS in order, as far as the socket accepts bytes.
impl Drop for Transport {
    fn drop(&mut self) {
        if let Some(session) = &mut self.tls {
            session.rustls.send_close_notify();
            let _ = session.flush(&self.socket);
        }
    }
}

impl AsFd for Transport {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Session {
    /// Decrypts bytes, and passes them on.
    fn receive(
        &mut self,
        mut bytes: &[u8],
        now: Instant,
        mut take: impl FnMut(&[u8]) -> Result<(), ConnectionError>,
        socket: &OwnedFd,
    ) -> Result<(), Fault> {
        let mut has_ended = false;
        while !bytes.is_empty() && !has_ended {
            // rustls takes about 4 KiB at a time, and holds no more than one record of plaintext.
            self.rustls.read_tls(&mut bytes).map_err(|error| Fault::Lost(self.failure(&error)))?;
            // Records before a bad one are good, and may hold the server's last words.
            let processed = self.rustls.process_new_packets();
            if processed.is_ok() {
                self.note_handshake(now)?;
            }
            loop {
                let mut reader = self.rustls.reader();
                match reader.fill_buf() {
                    Ok([]) => {
                        has_ended = true;
                        break;
                    }
                    Ok(plain) => {
                        let length = plain.len();
                        take(plain).map_err(Fault::Protocol)?;
                        reader.consume(length);
                    }
                    Err(_) => break,
                }
            }
            if let Err(error) = processed {
                // The server learns why, if it reads.
                let _ = self.flush(socket);
                return Err(lost(fault::words(&error, &self.target, &self.tls)));
            }
        }
        if self.rustls.wants_write() {
            self.flush(socket).map_err(Fault::Lost)?;
        }
        if has_ended { Err(lost("the server closed the connection")) } else { Ok(()) }
    }

    /// Notes the end of the handshake, and checks the protocol that the server selected.
    fn note_handshake(&mut self, now: Instant) -> Result<(), Fault> {
        if self.handshake.is_some() || self.rustls.is_handshaking() {
            return Ok(());
        }
        if self.rustls.alpn_protocol().is_none() && !self.tls.settings.allow_no_alpn {
            return Err(lost(fault::no_alpn(&self.target)));
        }
        self.handshake =
            Some(self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since)));
        Ok(())
    }

    fn flush(&mut self, socket: &OwnedFd) -> Result<bool, Failure> {
        self.since.get_or_insert_with(Instant::now);
        while self.rustls.wants_write() {
            match self.rustls.write_tls(&mut Encrypted(socket)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failure(&error)),
            }
        }
        Ok(false)
    }

    fn failure(&self, error: &io::Error) -> Failure {
        if self.handshake.is_some() && fault::is_end(error) {
            return unavailable(error.to_string());
        }
        unavailable(fault::io_words(error, &self.target, &self.tls))
    }
}

/// A socket to which rustls writes records. The end of TLS is written to sockets that the server may have closed, which
/// is no reason for SIGPIPE in a program that does not ignore it.
struct Encrypted<'a>(&'a OwnedFd);

#[cfg(target_os = "linux")]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
#[cfg(not(target_os = "linux"))]
const NO_SIGNAL: SendFlags = SendFlags::empty();

impl Write for Encrypted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(self.0, bytes, NO_SIGNAL)?)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(rustix::net::sendmsg(self.0, slices, &mut SendAncillaryBuffer::default(), NO_SIGNAL)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
