//! One handshake before any call: a server that cannot be used is found within a round trip or two.

use std::{
    io::{self, Read, Write},
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::event::PollFlags;
use rustls::ClientConnection;

use super::{
    client::{H2, Tls},
    fault,
    settings::TlsSettings,
};
use crate::{
    endpoint::place::{Place, is_ready},
    units::exact_duration,
};

/// Preface of HTTP/2 with an empty SETTINGS frame. The first bytes of a server's answer show that it accepts the
/// client's certificate, which TLS 1.3 leaves open at the end of the handshake.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Types of TLS records: an alert, and a message of the handshake.
const RECORDS: [u8; 2] = [0x15, 0x16];

/// Results of a handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Negotiated {
    /// Version: `1.2` or `1.3`.
    pub(crate) version: String,
    /// Name of the cipher suite.
    pub(crate) cipher: String,
    /// Protocol that the server selected; `None` if it selected none.
    pub(crate) alpn: Option<String>,
}

/// Makes a handshake with the server on a connection of its own.
///
/// # Errors
/// Returns the sentence for the user.
pub(crate) fn check(
    socket: &OwnedFd,
    target: &str,
    tls: &Tls,
    timeout: Duration,
) -> Result<Negotiated, String> {
    let until = Instant::now() + timeout;
    let in_words = |error: io::Error| fault::io_words(&error, target, tls);
    let mut session = tls.session().map_err(|error| fault::words(&error, target, tls))?;
    let mut is_sent = false;
    loop {
        if !session.is_handshaking() && !is_sent {
            is_sent = true;
            if session.alpn_protocol() != Some(H2) && !tls.settings.allow_no_alpn {
                return Err(fault::no_alpn(target));
            }
            session.writer().write_all(PREFACE).map_err(in_words)?;
        }
        if let Err(error) = flush(&mut session, socket) {
            // The server's reason may have arrived before it closed.
            let _ = receive(&mut session, socket, target, tls)?;
            return Err(in_words(error));
        }
        if !is_ready(socket, PollFlags::IN, until.saturating_duration_since(Instant::now()))
            .map_err(in_words)?
            && Instant::now() >= until
        {
            if is_sent {
                // The client that needs the server's SETTINGS reports that they did not come.
                break;
            }
            return Err(format!(
                "{target} did not finish the TLS handshake within {}; is it a server with TLS?",
                exact_duration(timeout)
            ));
        }
        match receive(&mut session, socket, target, tls)? {
            // Both directions work.
            Received::Data => break,
            Received::End if is_sent => {
                return Err(fault::ended_after(target, tls));
            }
            Received::End => return Err(fault::ended(target, tls)),
            Received::Nothing => {}
        }
    }
    session.send_close_notify();
    let _ = flush(&mut session, socket);
    Ok(negotiated(&session))
}

/// Returns true if a server answers a TLS handshake with TLS. Waits for its answer for at most `timeout`.
pub(crate) fn speaks_tls(place: &Place, timeout: Duration) -> bool {
    let settings = TlsSettings { skip_verify: true, ..TlsSettings::default() };
    let Ok(tls) = Tls::new(settings, "localhost") else { return false };
    let (Ok(mut session), Ok(socket)) = (tls.session(), place.connect(timeout, timeout, || Ok(()))) else {
        return false;
    };
    if flush(&mut session, &socket).is_err() || !is_ready(&socket, PollFlags::IN, timeout).unwrap_or(false) {
        return false;
    }
    let mut first = [0; 2];
    let read = rustix::io::read(&socket, &mut first);
    read == Ok(2) && RECORDS.contains(&first[0]) && first[1] == 3
}

/// Describes a finished handshake.
pub(crate) fn negotiated(session: &ClientConnection) -> Negotiated {
    let version = match session.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "1.3".to_owned(),
        Some(rustls::ProtocolVersion::TLSv1_2) => "1.2".to_owned(),
        other => format!("{other:?}"),
    };
    let cipher = session
        .negotiated_cipher_suite()
        .map_or_else(String::new, |suite| suite.suite().as_str().unwrap_or_default().to_owned());
    let alpn = session.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
    Negotiated { version, cipher, alpn }
}

enum Received {
    Data,
    Nothing,
    End,
}

fn receive(
    session: &mut ClientConnection,
    socket: &OwnedFd,
    target: &str,
    tls: &Tls,
) -> Result<Received, String> {
    let ended = match session.read_tls(&mut Bytes(socket)) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Received::Nothing),
        Err(error) if fault::is_end(&error) => true,
        Err(error) => return Err(error.to_string()),
    };
    let state = match session.process_new_packets() {
        Ok(state) => state,
        Err(error) => {
            // The server learns why, if it reads.
            let _ = flush(session, socket);
            return Err(fault::words(&error, target, tls));
        }
    };
    let has_data = state.plaintext_bytes_to_read() > 0;
    Ok(if has_data {
        Received::Data
    } else if ended {
        Received::End
    } else {
        Received::Nothing
    })
}

fn flush(session: &mut ClientConnection, socket: &OwnedFd) -> io::Result<()> {
    while session.wants_write() {
        match session.write_tls(&mut Bytes(socket)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                is_ready(socket, PollFlags::OUT, Duration::from_millis(50))?;
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A socket as rustls reads and writes it.
struct Bytes<'a>(&'a OwnedFd);

impl Read for Bytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(self.0, buffer)?)
    }
}

impl Write for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(self.0, bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
