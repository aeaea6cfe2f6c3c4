//! A server that answers every call with the same message, without reading the request.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use plimsoll::client::lean::{
    frame::{HEAD_BYTES, Head, PREFACE, flag, kind, setting, write, write_number, write_settings},
    frame_reader::{FrameReader, Piece},
    header_block::Blocks,
};

/// Returns the frames of a reply on stream 0, and the start of each frame.
fn reply(message: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    let headers = Blocks::of(&[(":status", "200"), ("content-type", "application/grpc")]).literal;
    let trailers = Blocks::of(&[("grpc-status", "0")]).literal;
    let mut bytes = Vec::new();
    write(&mut bytes, kind::HEADERS, flag::END_HEADERS, 0, &headers);
    write(&mut bytes, kind::DATA, 0, 0, &[&[0], length.as_slice(), message].concat());
    write(&mut bytes, kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 0, &trailers);
    let mut frames = Vec::new();
    let mut at = 0;
    while let Some(head) = bytes.get(at..).and_then(|rest| rest.first_chunk::<HEAD_BYTES>()) {
        frames.push(at);
        at += HEAD_BYTES + Head::parse(*head).length as usize;
    }
    (bytes, frames)
}

fn converse(mut stream: TcpStream, message: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.read_exact(&mut [0; PREFACE.len()])?;
    let (reply, frames) = reply(message);
    let mut out = Vec::new();
    write_settings(&mut out, &[(setting::MAX_CONCURRENT_STREAMS, 1 << 20)]);
    let mut reader = FrameReader::new(16_384);
    let mut buffer = vec![0; 256 << 10];
    let mut received = 0;
    loop {
        stream.write_all(&out)?;
        out.clear();
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        let mut bytes = &buffer[..count];
        while let Some(piece) = reader.next(&mut bytes).map_err(io::Error::other)? {
            match piece {
                Piece::Data { stream, counted, ends_stream, .. } => {
                    received += counted;
                    if ends_stream {
                        let start = out.len();
                        out.extend_from_slice(&reply);
                        for frame in &frames {
                            let at = start + frame + HEAD_BYTES - 4;
                            out[at..at + 4].copy_from_slice(&stream.to_be_bytes());
                        }
                    }
                }
                Piece::Frame(head, payload) => match head.kind {
                    kind::SETTINGS if !head.has(flag::ACK) => {
                        write(&mut out, kind::SETTINGS, flag::ACK, 0, &[]);
                    }
                    kind::PING if !head.has(flag::ACK) => write(&mut out, kind::PING, flag::ACK, 0, payload),
                    kind::GOAWAY => return Ok(()),
                    _ => {}
                },
            }
        }
        if received > 0 {
            write_number(&mut out, kind::WINDOW_UPDATE, 0, std::mem::take(&mut received));
        }
    }
}

/// Answers every call to this listener with this encoded message, until the process ends.
pub(crate) fn serve(listener: &TcpListener, message: &[u8]) {
    for stream in listener.incoming().flatten() {
        let message = message.to_vec();
        // Ends with an error when the client has gone.
        thread::spawn(move || converse(stream, &message));
    }
}
