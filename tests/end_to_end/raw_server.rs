//! A server on a bare socket: tests write frames byte by byte, right or wrong.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use plimsoll::client::lean::{
    frame::{HEAD_BYTES, Head, PREFACE, flag, kind, write, write_settings},
    header_block::Blocks,
};

/// One connection of a client, from the server's side.
pub(crate) struct Conversation {
    pub(crate) stream: TcpStream,
}

/// Returns a frame of the server as bytes.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes, kind, flags, stream, payload);
    bytes
}

pub(crate) fn settings(settings: &[(u16, u32)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_settings(&mut bytes, settings);
    bytes
}

pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    Blocks::of(fields).literal
}

pub(crate) fn headers(stream: u32) -> Vec<u8> {
    let block = block(&[(":status", "200"), ("content-type", "application/grpc")]);
    frame(kind::HEADERS, flag::END_HEADERS, stream, &block)
}

pub(crate) fn trailers(stream: u32, status: &str, message: &str) -> Vec<u8> {
    let block = block(&[("grpc-status", status), ("grpc-message", message)]);
    frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, &block)
}

/// Returns the frames of a status without a reply.
pub(crate) fn trailers_only(stream: u32, status: &str, message: &str) -> Vec<u8> {
    let fields = [
        (":status", "200"),
        ("content-type", "application/grpc"),
        ("grpc-status", status),
        ("grpc-message", message),
    ];
    frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, &block(&fields))
}

/// The message `ABC` after gRPC's prefix.
pub(crate) const BODY: &[u8] = b"\0\0\0\0\x05\x0a\x03ABC";

/// Returns the right reply to the text `abc`.
pub(crate) fn reply(stream: u32) -> Vec<u8> {
    [headers(stream), frame(kind::DATA, 0, stream, BODY), trailers(stream, "0", "")].concat()
}

impl Conversation {
    /// Writes bytes; returns false if the client has gone.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Returns the next frame; `None` if the client has gone.
    pub(crate) fn frame(&mut self) -> Option<(Head, Vec<u8>)> {
        let mut head = [0; HEAD_BYTES];
        self.stream.read_exact(&mut head).ok()?;
        let head = Head::parse(head);
        let mut payload = vec![0; head.length as usize];
        self.stream.read_exact(&mut payload).ok()?;
        Some((head, payload))
    }

    /// Returns the next frame of this kind, and skips others.
    pub(crate) fn frame_of(&mut self, kind: u8) -> Option<(Head, Vec<u8>)> {
        loop {
            let (head, payload) = self.frame()?;
            if head.kind == kind {
                return Some((head, payload));
            }
        }
    }

    /// Returns when the other side has read everything that was sent before.
    pub(crate) fn ping(&mut self) {
        assert!(self.send(&frame(kind::PING, 0, 0, &[7; 8])), "it reads");
        self.frame_of(kind::PING).expect("an answer");
    }

    /// The stream of the next request that has come to its end.
    pub(crate) fn request(&mut self) -> Option<u32> {
        loop {
            let (head, _) = self.frame_of(kind::DATA)?;
            if head.has(flag::END_STREAM) {
                return Some(head.stream);
            }
        }
    }

    /// Answers every request.
    pub(crate) fn answer_all(&mut self) {
        while let Some(stream) = self.request() {
            if !self.send(&reply(stream)) {
                break;
            }
        }
    }

    /// Reads until the client closes, or sends GOAWAY; returns the error code.
    pub(crate) fn farewell(&mut self) -> Option<u32> {
        let (_, payload) = self.frame_of(kind::GOAWAY)?;
        Some(u32::from_be_bytes(payload.get(4..8)?.try_into().ok()?))
    }
}

/// Starts a server with one thread per conversation, which starts after the preface. The server runs as long
/// as the test process.
pub(crate) fn start(converse: impl Fn(&mut Conversation) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("bound");
    let converse = Arc::new(converse);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let converse = Arc::clone(&converse);
            thread::spawn(move || {
                stream.set_nodelay(true).expect("a socket");
                let mut conversation = Conversation { stream };
                let mut preface = [0; PREFACE.len()];
                if conversation.stream.read_exact(&mut preface).is_ok() {
                    assert_eq!(preface, PREFACE);
                    converse(&mut conversation);
                }
            });
        }
    });
    address
}
