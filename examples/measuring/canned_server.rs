//! A server that answers every call with the same bytes, without reading the request. It is faster than any
//! server with work to do, so that the generator limits a run. For `scripts/check-figures`.
//!
//! `cargo run --release --example canned_server -- TEXT [ADDRESS]`: the reply is TEXT in upper case. Prints
//! its address on the first line.

#![allow(clippy::print_stdout, reason = "a program of its own")]

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use plimsoll::{
    client::lean::{
        frame::{HEAD_BYTES, Head, PREFACE, flag, kind, setting, write, write_number, write_settings},
        frame_reader::{FrameReader, Piece},
        header_block::Blocks,
    },
    rpc::format_data::Data,
};
use prost::Message;

/// Returns the frames of a reply on stream 0, and the start of each frame.
fn reply(text: &str) -> (Vec<u8>, Vec<usize>) {
    let message = Data { text: text.to_uppercase() }.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
    let headers = Blocks::of(&[(":status", "200"), ("content-type", "application/grpc")]).literal;
    let trailers = Blocks::of(&[("grpc-status", "0")]).literal;
    let mut bytes = Vec::new();
    write(&mut bytes, kind::HEADERS, flag::END_HEADERS, 0, &headers);
    write(&mut bytes, kind::DATA, 0, 0, &[&[0], length.as_slice(), &message].concat());
    write(&mut bytes, kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 0, &trailers);
    let mut frames = Vec::new();
    let mut at = 0;
    while let Some(head) = bytes.get(at..).and_then(|rest| rest.first_chunk::<HEAD_BYTES>()) {
        frames.push(at);
        at += HEAD_BYTES + Head::parse(*head).length as usize;
    }
    (bytes, frames)
}

fn converse(mut stream: TcpStream, text: &str) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.read_exact(&mut [0; PREFACE.len()])?;
    let (reply, frames) = reply(text);
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

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let text = arguments.next().unwrap_or_else(|| "abc".to_owned());
    let listener = TcpListener::bind(arguments.next().as_deref().unwrap_or("127.0.0.1:0"))?;
    println!("{}", listener.local_addr()?);
    for stream in listener.incoming().flatten() {
        let text = text.clone();
        // Ends with an error when the client has gone.
        thread::spawn(move || converse(stream, &text));
    }
    Ok(())
}
