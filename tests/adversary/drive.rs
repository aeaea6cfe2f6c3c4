//! A server driven by a string of bytes, and the invariants that must hold for any bytes.
//!
//! The fuzz targets call these functions with bytes from libFuzzer, and a property test with bytes from
//! proptest. The bytes are read as a list of steps (see [`Step`]), so that a few of them go deep into a
//! conversation.

use std::{io::IoSlice, sync::Arc, time::Duration};

use plimsoll::{
    client::{
        Call,
        lean::{
            connection::{Connection, MOST_SLICES},
            frame::{HEAD_BYTES, Head, PREFACE, flag, kind, write, write_number, write_settings},
            frame_reader::{FrameReader, Piece},
            header_block::{Blocks, decode},
            request::Requests,
        },
    },
    load::{Plan, Settings, Texts},
    rpc::{Code, Failure},
};
use tokio::time::Instant;

/// Largest frame that these readers accept.
const MAX_FRAME: u32 = 1 << 20;

/// Reads bytes as frames, whole and in pieces, and their payloads as header blocks.
pub(crate) fn frames_and_headers(bytes: &[u8]) {
    let (piece, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let whole = read(bytes, bytes.len().max(1));
    let pieces = read(bytes, usize::from(*piece).max(1));
    assert_eq!(whole, pieces, "frames depend on how they are cut");
    let mut fields = 0;
    if decode(bytes, |name, value| fields += name.len() + value.len()).is_ok() {
        // The shortest Huffman code has five bits, and the longest static entry 50 bytes.
        assert!(fields <= 64 * bytes.len(), "{fields} bytes out of {}", bytes.len());
    }
}

/// Frames, the DATA of all streams, and true if the reader ended with an error.
type Frames = (Vec<(Head, Vec<u8>)>, Vec<(u32, Vec<u8>, bool)>, bool);

fn read(bytes: &[u8], piece: usize) -> Frames {
    let mut reader = FrameReader::new(MAX_FRAME);
    let (mut frames, mut data) = (Vec::new(), Vec::<(u32, Vec<u8>, bool)>::new());
    for mut piece in bytes.chunks(piece) {
        loop {
            match reader.next(&mut piece) {
                Ok(None) => break,
                Err(_) => return (frames, data, true),
                Ok(Some(Piece::Frame(head, payload))) => frames.push((head, payload.to_vec())),
                Ok(Some(Piece::Data { stream, bytes, ends_stream, .. })) => match data.last_mut() {
                    Some(last) if last.0 == stream && !last.2 => {
                        last.1.extend_from_slice(bytes);
                        last.2 = ends_stream;
                    }
                    _ => data.push((stream, bytes.to_vec(), ends_stream)),
                },
            }
        }
    }
    (frames, data, false)
}

/// Meaning of one byte, and of some bytes after it, for [`conversation`].
enum Step {
    /// Start of a call with the only message.
    Start,
    /// This number of bytes arrives unchanged.
    Bytes(usize),
    /// A frame with this head arrives, with this number of bytes as its payload.
    Frame(u8, u8, u32, usize),
    /// The right reply arrives on this stream.
    Reply(u32),
    /// This setting arrives.
    Setting(u16, u32),
    /// Time passes.
    Wait(u64),
    /// The socket accepts this number of bytes.
    Write(usize),
    /// A window becomes wider.
    Widen(u32, u32),
}

impl Step {
    fn next(bytes: &mut &[u8]) -> Option<Self> {
        let mut byte = || {
            let (first, rest) = bytes.split_first()?;
            *bytes = rest;
            Some(*first)
        };
        let kind = byte()?;
        let mut number = || Some(u32::from_be_bytes([byte()?, byte()?, byte()?, byte()?]));
        Some(match kind % 8 {
            0 => Self::Start,
            1 => Self::Bytes(usize::from(byte()?)),
            2 => Self::Frame(byte()?, byte()?, stream(byte()?), usize::from(byte()?)),
            3 => Self::Reply(stream(byte()?)),
            4 => {
                let value = number()?;
                Self::Setting(u16::from(byte()? % 8), value)
            }
            5 => Self::Wait(u64::from(byte()?)),
            6 => Self::Write(usize::from(byte()?) * 64),
            _ => {
                let increment = number()?;
                Self::Widen(stream(byte()?), increment)
            }
        })
    }
}

/// Returns a stream number: mostly of a client's stream; some are 0, the server's, or very large.
fn stream(byte: u8) -> u32 {
    match byte {
        0..=15 => 0,
        16..=31 => u32::from(byte) * 2,
        32..=47 => (u32::from(byte) * 0x0100_0001) | 1,
        _ => u32::from(byte - 48) % 16 * 2 + 1,
    }
}

/// A client whose message does not fit into the first windows.
pub(crate) struct Client {
    requests: Arc<Requests>,
    reply: Vec<u8>,
}

impl Client {
    /// Creates a client with texts of this many letters.
    pub(crate) fn new(letters: usize) -> Self {
        let text = "a".repeat(letters);
        let mut body = vec![0x0a];
        let mut length = text.len();
        while length >= 0x80 {
            body.push(length.to_le_bytes()[0] | 0x80);
            length >>= 7;
        }
        body.push(length.to_le_bytes()[0]);
        body.extend(text.to_uppercase().bytes());
        let prefix = u32::try_from(body.len()).expect("short").to_be_bytes();
        let reply = [&[0], prefix.as_slice(), &body].concat();
        let mut settings = Settings::default();
        settings.texts = Texts::Given { text, path: "text".into() };
        settings.options.timeout = Some(Duration::from_millis(300));
        let requests = Arc::new(Requests::new(&Plan::new(settings).expect("valid"), "localhost:1"));
        Self { requests, reply }
    }

    /// Runs the steps. For any steps: nothing panics, no call is lost or ends twice, and no more is sent than
    /// the server's windows allow.
    pub(crate) fn conversation(&self, bytes: &[u8]) {
        self.conversation_over(&mut Plain, bytes);
    }

    /// Runs the steps over this way for bytes. Returns the number of calls that ended while the connection lived.
    pub(crate) fn conversation_over(&self, way: &mut impl Way, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        let mut connection = Connection::new(Arc::clone(&self.requests), 16);
        let mut now = Instant::now();
        let (mut written, mut all) = (Vec::<u8>::new(), Vec::new());
        let (mut started, mut ended, mut returned) = (0, 0, 0);
        while let Some(step) = Step::next(&mut rest) {
            let mut server = Vec::new();
            match step {
                Step::Start => {
                    let call = Call {
                        message: 0,
                        class: 0,
                        is_planned: true,
                        intended: None,
                        sent: now,
                        returned: 0,
                    };
                    connection.start(call);
                    started += 1;
                }
                Step::Bytes(length) => server.extend_from_slice(take(&mut rest, length)),
                Step::Frame(kind, flags, stream, length) => {
                    write(&mut server, kind % 12, flags, stream, take(&mut rest, length));
                }
                Step::Reply(stream) => self.write_reply(&mut server, stream),
                Step::Setting(identifier, value) => write_settings(&mut server, &[(identifier, value)]),
                Step::Wait(milliseconds) => {
                    now += Duration::from_millis(milliseconds);
                    connection.expire(now);
                    assert!(connection.next_deadline().is_none_or(|deadline| deadline > now));
                }
                Step::Write(bytes) => way.write(&mut connection, bytes, &mut written),
                Step::Widen(stream, increment) => {
                    write_number(&mut server, kind::WINDOW_UPDATE, stream, increment);
                }
            }
            all.extend_from_slice(&server);
            let is_well = way.arrive(&mut connection, &server, now);
            ended += connection.completions().count();
            returned += connection.take_returned().len();
            assert_eq!(started, ended + returned + connection.in_flight(), "a call was lost or ended twice");
            if !is_well {
                break;
            }
        }
        way.write(&mut connection, usize::MAX, &mut written);
        assert!(data_in(&written) <= 65_535 + widened(&all), "more was sent than there was room for");
        let ended_alive = ended;
        let failure = Failure { code: Code::UNAVAILABLE, message: String::new() };
        connection.lose(&failure, now);
        ended += connection.completions().count();
        returned += connection.take_returned().len();
        assert_eq!(started, ended + returned, "a call was lost with its connection");
        assert!(connection.is_idle());
        ended_alive
    }

    fn write_reply(&self, out: &mut Vec<u8>, stream: u32) {
        let headers = Blocks::of(&[(":status", "200"), ("content-type", "application/grpc")]).literal;
        write(out, kind::HEADERS, flag::END_HEADERS, stream, &headers);
        for part in self.reply.chunks(16_384) {
            write(out, kind::DATA, 0, stream, part);
        }
        let trailers = Blocks::of(&[("grpc-status", "0")]).literal;
        write(out, kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, &trailers);
    }
}

/// Way of bytes between the connection and the server.
pub(crate) trait Way {
    /// Brings the server's bytes to the connection. Returns false if the connection cannot go on.
    fn arrive(&mut self, connection: &mut Connection, bytes: &[u8], now: Instant) -> bool;

    /// Takes at most about this many bytes of the connection's output.
    fn write(&mut self, connection: &mut Connection, most: usize, written: &mut Vec<u8>);
}

/// Bytes as they are.
struct Plain;

impl Way for Plain {
    fn arrive(&mut self, connection: &mut Connection, bytes: &[u8], now: Instant) -> bool {
        connection.receive(bytes, now).is_ok()
    }

    fn write(&mut self, connection: &mut Connection, most: usize, written: &mut Vec<u8>) {
        write_out(connection, most, written);
    }
}

fn take<'a>(bytes: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (front, rest) = bytes.split_at(most.min(bytes.len()));
    *bytes = rest;
    front
}

fn write_out(connection: &mut Connection, most: usize, written: &mut Vec<u8>) {
    let mut left = most;
    while left > 0 {
        let mut slices = [IoSlice::new(&[]); MOST_SLICES];
        let count = connection.slices(&mut slices);
        let bytes: Vec<u8> =
            slices[..count].iter().flat_map(|slice| slice.iter().copied()).take(left).collect();
        if bytes.is_empty() {
            break;
        }
        left -= bytes.len();
        connection.written(bytes.len());
        written.extend(bytes);
    }
}

/// Returns an upper bound on the increments of the connection's window in these bytes, from frames or raw
/// bytes: each place where a WINDOW_UPDATE could stand counts.
fn widened(bytes: &[u8]) -> u64 {
    let updates = bytes.windows(HEAD_BYTES + 4).filter(|bytes| bytes[..4] == [0, 0, 4, kind::WINDOW_UPDATE]);
    updates
        .map(|bytes| u64::from(u32::from_be_bytes([bytes[9] & 0x7f, bytes[10], bytes[11], bytes[12]])))
        .sum()
}

/// Returns the bytes of DATA in a client's output, whose frames must all be complete except the last.
fn data_in(written: &[u8]) -> u64 {
    // Over TLS, nothing at all may have gone out.
    if written.is_empty() {
        return 0;
    }
    let mut rest = written.strip_prefix(PREFACE).expect("a client begins with the preface");
    let mut data = 0;
    while let Some((head, behind)) = rest.split_first_chunk::<HEAD_BYTES>() {
        let head = Head::parse(*head);
        assert!(head.kind <= kind::CONTINUATION, "{head:?} is no frame of this client");
        data += if head.kind == kind::DATA { u64::from(head.length) } else { 0 };
        rest = behind.get(head.length as usize..).unwrap_or_default();
    }
    data
}
