//! The sockets under tonic's channel: counts connections, and reads the server's reason for ending one.
//!
//! If a connection ends with GOAWAY, tonic's error for its calls is "the connection closed", or an error that
//! is "not a result of an error". Only the frames contain the server's reason.

use std::{
    io::{self, IoSlice},
    os::unix::net::UnixStream as StdUnixStream,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    time::{Instant, Sleep, sleep, sleep_until},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::either::Either;

use crate::{
    client::{
        account::ConnectionAccount,
        lean::frame::{self, ErrorCode, HEAD_BYTES, Head, go_away_message, kind},
    },
    endpoint::{Located, Tls, tls::fault},
    units::exact_duration,
};

/// Pause before the next attempt at a Unix socket whose queue is full.
const FULL_QUEUE: Duration = Duration::from_millis(1);

/// Socket of TCP, or a Unix socket.
type Raw = Either<TcpStream, UnixStream>;

/// Bytes of HTTP/2: on the socket itself, or in TLS.
type Stream = Either<Raw, Box<TlsStream<Raw>>>;

/// Most payload bytes of a GOAWAY frame that are kept.
const MOST_KEPT: usize = 1_024;

/// Account of one channel's connections. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sockets(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    account: ConnectionAccount,
    attempts: u32,
    /// Lengths of the TLS handshakes.
    handshakes: Vec<Duration>,
    /// GOAWAY of the connection that ended last, or is about to end.
    go_away: Option<String>,
}

impl Sockets {
    /// Connects, and watches the connection.
    ///
    /// # Errors
    /// Returns the socket's errors.
    pub(super) async fn connect(self, target: Arc<Located>) -> io::Result<Socket> {
        let since = Instant::now();
        let connected = self.open(&target).await;
        self.note(|known| {
            known.attempts += 1;
            known.account.unconnected += since.elapsed();
            match &connected {
                Ok(_) => known.account.connections.made += 1,
                Err(_) => known.account.connections.failed_attempts += 1,
            }
        });
        let ready_by = Some(Box::pin(sleep_until(since + target.connect_timeout)));
        let timeout = target.connect_timeout;
        Ok(Socket {
            stream: connected?,
            frames: Frames::default(),
            sockets: self,
            go_away: None,
            ready_by,
            timeout,
        })
    }

    /// Connects a socket, with TLS if the target has it.
    async fn open(&self, target: &Located) -> io::Result<Stream> {
        let raw = raw(target).await?;
        let Some(tls) = &target.tls else { return Ok(Either::Left(raw)) };
        let since = Instant::now();
        let stream = secured(raw, tls, &target.authority).await?;
        self.note(|known| known.handshakes.push(since.elapsed()));
        Ok(Either::Right(Box::new(stream)))
    }

    /// Lengths of the TLS handshakes so far.
    pub(crate) fn handshakes(&self) -> Vec<Duration> {
        self.note(|known| known.handshakes.clone())
    }

    /// Number of attempts to connect.
    pub(crate) fn attempts(&self) -> u32 {
        self.note(|known| known.attempts)
    }

    pub(super) fn account(&self) -> ConnectionAccount {
        self.note(|known| known.account)
    }

    /// The server's GOAWAY and its reason, from the last ended connection.
    pub(super) fn go_away(&self) -> Option<String> {
        self.note(|known| known.go_away.clone())
    }

    fn note<T>(&self, note: impl FnOnce(&mut Known) -> T) -> T {
        // The data are counters, which stay valid after a panic.
        note(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn raw(target: &Located) -> io::Result<Raw> {
    let socket = loop {
        match target.place.connecting() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(FULL_QUEUE).await,
            socket => break socket?,
        }
    };
    if target.place.tcp().is_none() {
        return Ok(Either::Right(UnixStream::from_std(StdUnixStream::from(socket))?));
    }
    let stream = TcpStream::from_std(socket.into())?;
    stream.writable().await?;
    match stream.take_error()? {
        Some(error) => Err(error),
        None => Ok(Either::Left(stream)),
    }
}

async fn secured(raw: Raw, tls: &Tls, target: &str) -> io::Result<TlsStream<Raw>> {
    let connecting = TlsConnector::from(Arc::clone(&tls.config)).connect(tls.name.clone(), raw);
    let in_words = |error: io::Error| io::Error::new(error.kind(), fault::io_words(&error, target, tls));
    let stream = connecting.await.map_err(in_words)?;
    if stream.get_ref().1.alpn_protocol().is_none() && !tls.settings.allow_no_alpn {
        return Err(io::Error::new(io::ErrorKind::InvalidData, fault::no_alpn(target)));
    }
    Ok(stream)
}

/// A socket whose incoming frames are watched.
#[derive(Debug)]
pub(super) struct Socket {
    stream: Stream,
    frames: Frames,
    sockets: Sockets,
    /// Error code of the connection's GOAWAY, once it has arrived.
    go_away: Option<ErrorCode>,
    /// Time by which the server must have sent its first bytes; `None` afterwards.
    ready_by: Option<Pin<Box<Sleep>>>,
    /// Longest wait for the first bytes, from the start of the attempt.
    timeout: Duration,
}

impl Drop for Socket {
    fn drop(&mut self) {
        let is_graceful = self.go_away == Some(ErrorCode::NO_ERROR);
        let is_explained = self.go_away.is_some();
        self.sockets.note(|known| {
            let connections = &mut known.account.connections;
            *(if is_graceful { &mut connections.closed } else { &mut connections.lost }) += 1;
            if !is_explained {
                known.go_away = None;
            }
        });
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(read) => read?,
            Poll::Pending => {
                let Some(ready_by) = &mut self.ready_by else { return Poll::Pending };
                ready!(ready_by.as_mut().poll(context));
                self.ready_by = None;
                let missing = format!(
                    "the server sent no HTTP/2 SETTINGS frame within {}",
                    exact_duration(self.timeout)
                );
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, missing)));
            }
        }
        self.ready_by = None;
        let go_away = self.frames.take(&buffer.filled()[before..]);
        if let Some((code, message)) = go_away {
            self.go_away = Some(code);
            self.sockets.note(|known| known.go_away = Some(message));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Finds frame boundaries in bytes that come in pieces. Keeps the payload of GOAWAY frames.
#[derive(Debug, Default)]
struct Frames {
    head: [u8; HEAD_BYTES],
    /// Bytes of the next head that have arrived.
    head_bytes: usize,
    /// Bytes of the payload still to come.
    left: usize,
    /// Payload of a GOAWAY frame.
    payload: Option<Vec<u8>>,
}

impl Frames {
    /// Returns the last GOAWAY that ends within these bytes: its code, and its description in words.
    fn take(&mut self, bytes: &[u8]) -> Option<(ErrorCode, String)> {
        let (mut bytes, mut found) = (bytes, None);
        while !bytes.is_empty() {
            if self.left == 0 {
                let wanted = (HEAD_BYTES - self.head_bytes).min(bytes.len());
                self.head[self.head_bytes..self.head_bytes + wanted].copy_from_slice(&bytes[..wanted]);
                self.head_bytes += wanted;
                bytes = &bytes[wanted..];
                if self.head_bytes < HEAD_BYTES {
                    break;
                }
                self.head_bytes = 0;
                let head = Head::parse(self.head);
                self.left = head.length as usize;
                self.payload = (head.kind == kind::GOAWAY).then(Vec::new);
            } else {
                let (payload, rest) = bytes.split_at(self.left.min(bytes.len()));
                self.left -= payload.len();
                bytes = rest;
                if let Some(kept) = &mut self.payload {
                    let room = MOST_KEPT - kept.len();
                    kept.extend_from_slice(&payload[..payload.len().min(room)]);
                }
            }
            if self.left == 0
                && let Some(Ok((_, code, text))) = self.payload.take().as_deref().map(frame::go_away)
            {
                found = Some((code, go_away_message(code, text)));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::client::lean::frame::{flag, write};

    proptest! {
        /// For any division of the bytes into pieces, GOAWAY is found after other frames.
        #[test]
        fn a_go_away_is_found_in_pieces(lengths in prop::collection::vec(0_usize..300, 0..8), piece in 1_usize..64) {
            let mut bytes = Vec::new();
            for length in lengths {
                write(&mut bytes, kind::DATA, flag::END_STREAM, 1, &vec![7; length]);
            }
            let mut payload = vec![0, 0, 0, 5, 0, 0, 0, 11];
            payload.extend_from_slice(b"max_age");
            write(&mut bytes, kind::GOAWAY, 0, 0, &payload);
            write(&mut bytes, kind::PING, 0, 0, &[0; 8]);
            let mut frames = Frames::default();
            let found: Vec<_> = bytes.chunks(piece).filter_map(|piece| frames.take(piece)).collect();
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(found[0].0, ErrorCode::ENHANCE_YOUR_CALM);
            prop_assert!(found[0].1.contains("GOAWAY with ENHANCE_YOUR_CALM (11), `max_age`"), "{}", found[0].1);
        }
    }
}
