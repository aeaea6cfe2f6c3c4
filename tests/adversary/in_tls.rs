//! A hostile server within TLS: its bytes of HTTP/2 in a session, new keys in between, and bytes that are no TLS.

use std::{
    io::{IoSlice, Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    sync::Arc,
};

use plimsoll::{
    client::lean::{
        connection::{Connection, MOST_SLICES},
        transport::{Fault, Received, Transport},
    },
    endpoint::{Located, MadeCertificates, Tls, TlsSettings, tls::certificates::identity},
};
use rustls::{ServerConfig, ServerConnection, crypto::ring};
use tokio::time::Instant;

use crate::drive::{Client, Way};

/// Both ends' settings, made once.
pub(crate) struct Ends {
    server: Arc<ServerConfig>,
    target: Located,
}

/// Behaviour of the server beside its bytes, from one byte of the input.
#[derive(Clone, Copy)]
struct Mode(u8);

impl Mode {
    /// The server changes its keys before each write.
    fn changes_keys(self) -> bool {
        self.0 & 1 != 0
    }

    /// Records have at most 64 bytes.
    fn has_small_records(self) -> bool {
        self.0 & 2 != 0
    }

    /// The server's bytes go to the socket outside of any record.
    fn leaves_tls(self) -> bool {
        self.0 & 0b1_1100 == 0b1_1100
    }

    /// The session ends in order after the first bytes.
    fn says_goodbye(self) -> bool {
        self.0 & 0b1110_0000 == 0b1110_0000
    }
}

impl Ends {
    pub(crate) fn new() -> Self {
        let made = MadeCertificates::new().expect("certificates");
        let own = identity(&made.certificate(), &made.key()).expect("files");
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
        let mut server = builder.with_single_cert(own.chain, own.key).expect("a pair");
        server.alpn_protocols = vec![b"h2".to_vec()];
        let mut settings = TlsSettings::default();
        settings.skip_verify = true;
        let mut target = Located::local(([127, 0, 0, 1], 1).into());
        target.tls = Some(Arc::new(Tls::new(settings, "localhost").expect("TLS")));
        Self { server: Arc::new(server), target }
    }

    /// Runs the steps after the first byte within a session, or outside of it, as the first byte says. Returns
    /// the number of calls that ended while the connection lived.
    pub(crate) fn conversation(&self, client: &Client, bytes: &[u8]) -> usize {
        let (mode, bytes) = bytes.split_first().unwrap_or((&0, &[]));
        client.conversation_over(&mut Secured::new(self, Mode(*mode)), bytes)
    }

    /// Brings these bytes to a client in place of a handshake.
    pub(crate) fn instead_of_a_handshake(&self, bytes: &[u8]) {
        let mut way = Secured::apart(self, Mode(0));
        way.transport.flush().expect("it is written");
        let _ = way.far.write(bytes);
        drop(std::mem::replace(&mut way.far, UnixStream::pair().expect("sockets").0));
        let mut buffer = [0; 4_096];
        // Bytes may be the beginning of a record; the end of the socket is then a fault.
        while way.transport.receive(&mut buffer, |_, _| Ok(())).is_ok() {
            assert!(!way.transport.is_open(), "no bytes make a session");
        }
    }
}

/// A session over a pair of sockets.
struct Secured {
    transport: Transport,
    server: ServerConnection,
    far: UnixStream,
    mode: Mode,
    buffer: Vec<u8>,
}

impl Secured {
    fn apart(ends: &Ends, mode: Mode) -> Self {
        let (near, far) = UnixStream::pair().expect("sockets");
        near.set_nonblocking(true).expect("a socket");
        far.set_nonblocking(true).expect("a socket");
        let transport = Transport::new(OwnedFd::from(near), &ends.target).expect("a session");
        let mut server = ServerConnection::new(Arc::clone(&ends.server)).expect("a session");
        server.set_buffer_limit(None);
        Self { transport, server, far, mode, buffer: vec![0; 64 << 10] }
    }

    /// Makes the handshake.
    fn new(ends: &Ends, mode: Mode) -> Self {
        let mut own = Self::apart(ends, mode);
        while !own.transport.is_open() || own.server.is_handshaking() {
            own.transport.flush().expect("it is written");
            own.take(&mut Vec::new());
            own.send();
            let mut bytes = 0;
            let received = own.transport.receive(&mut own.buffer, |plain, _| {
                bytes += plain.len();
                Ok(())
            });
            assert!(received.is_ok() && bytes == 0, "the handshake has no bytes of HTTP/2");
        }
        own
    }

    /// Reads what the client has sent.
    fn take(&mut self, plain: &mut Vec<u8>) {
        while matches!(self.server.read_tls(&mut self.far), Ok(1..)) {
            if self.server.process_new_packets().is_err() {
                break;
            }
            let _ = self.server.reader().read_to_end(plain);
        }
    }

    /// Sends the server's records, as far as the socket takes them.
    fn send(&mut self) {
        while self.server.wants_write() && self.server.write_tls(&mut self.far).is_ok() {}
    }
}

impl Way for Secured {
    fn arrive(&mut self, connection: &mut Connection, bytes: &[u8], now: Instant) -> bool {
        if self.mode.leaves_tls() {
            let _ = self.far.write(bytes);
        } else {
            if self.mode.changes_keys() {
                let _ = self.server.refresh_traffic_keys();
            }
            let most = if self.mode.has_small_records() { 64 } else { usize::MAX };
            for record in bytes.chunks(most.min(bytes.len()).max(1)) {
                self.server.writer().write_all(record).expect("there is no limit");
                self.send();
            }
            if self.mode.says_goodbye() && !bytes.is_empty() {
                self.server.send_close_notify();
            }
        }
        loop {
            self.send();
            let received =
                self.transport.receive(&mut self.buffer, |plain, _| connection.receive(plain, now));
            match received {
                Ok(Received::More) => {}
                Ok(Received::All) if self.server.wants_write() => {}
                Ok(Received::All) => return true,
                Err(Fault::Lost(_) | Fault::Protocol(_)) => return false,
            }
        }
    }

    fn write(&mut self, connection: &mut Connection, most: usize, written: &mut Vec<u8>) {
        let mut left = most;
        while left > 0 && connection.has_output() {
            let mut slices = [IoSlice::new(&[]); MOST_SLICES];
            let count = connection.slices(&mut slices);
            let Ok(sent) = self.transport.send(&slices[..count]) else { return };
            connection.written(sent.bytes);
            left = left.saturating_sub(sent.bytes.max(1));
            self.take(written);
            if sent.bytes == 0 && !sent.is_full {
                break;
            }
        }
        let _ = self.transport.flush();
        self.take(written);
    }
}

impl Ends {
    /// Number of bytes that the client's TLS holds back once its socket is full.
    pub(crate) fn held_back(&self) -> usize {
        let mut way = Secured::new(self, Mode(0));
        let (text, mut taken) = (vec![b'x'; 100_000], 0);
        loop {
            let sent = way.transport.send(&[IoSlice::new(&text)]).expect("the connection lives");
            taken += sent.bytes;
            // The socket is full, and so is the room of TLS in front of it.
            if sent.is_full && sent.bytes == 0 {
                break;
            }
        }
        let mut arrived = Vec::new();
        way.take(&mut arrived);
        taken - arrived.len()
    }
}

impl Ends {
    /// Bytes of HTTP/2 that the client takes from a good record with a bad one behind it, and true if it then fails.
    pub(crate) fn last_words(&self) -> (Vec<u8>, bool) {
        let mut way = Secured::new(self, Mode(0));
        let mut records = Vec::new();
        way.server.writer().write_all(b"last words").expect("there is no limit");
        while way.server.wants_write() {
            way.server.write_tls(&mut records).expect("memory takes any bytes");
        }
        records.extend_from_slice(&[0x17, 3, 3, 0, 20]);
        records.extend_from_slice(&[0; 20]);
        way.far.write_all(&records).expect("there is room");
        let mut plain = Vec::new();
        let received = way.transport.receive(&mut way.buffer, |bytes, _| {
            plain.extend_from_slice(bytes);
            Ok(())
        });
        (plain, received.is_err())
    }
}
