//! Requests encoded once, before the run: gRPC over HTTP/2 ("Requests"), RFC 9113 sections 6.1, 6.2.
//!
//! The header block is the same for all calls: a call copies its frames and writes its stream number into them.
//! A small message is copied behind them. A large message is written without a copy, in frames of the size that
//! the server accepts.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use super::{
    frame::{self, HEAD_BYTES, Head, SMALLEST_MAX_FRAME, flag, kind},
    header_block::Blocks,
};
use crate::{
    client::opening::user_agent,
    endpoint::Origin,
    load::{Options, Plan},
    rpc::{
        self, LARGEST_MESSAGE, Message, Method, PREFIX_BYTES, Refusal, metadata::Pair, own_refusal, prefix,
    },
    units::Limit,
};

/// Flag in the prefix of a compressed message.
pub(super) const COMPRESSED: u8 = 1;

/// Length of the head of a DATA frame and of gRPC's prefix, which stand before a small message.
const SMALL_HEAD_BYTES: usize = HEAD_BYTES + PREFIX_BYTES;

/// Requests, encoded for a connection.
#[derive(Debug)]
pub struct Requests {
    messages: Arc<[Message]>,
    blocks: Blocks,
    /// Frames of the header block of later calls.
    indexed: Template,
    /// Frames of the header block of later calls, if the server has disabled the table.
    literal: Template,
    /// Requests in the order of the messages.
    by_message: Vec<Request>,
    timeout: Option<Duration>,
    /// The client's own limit for replies, in message bytes.
    max_recv: u64,
    /// True if compressed replies are accepted.
    takes_compressed: bool,
}

/// A message, and the part of it that is sent.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) message: Message,
    pub(crate) extent: Extent,
}

/// Part of a message that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// The whole message.
    Whole,
    /// All but the last byte, until the connection is released.
    Held,
    /// Only gRPC's prefix, which claims a message of `length` bytes. The request then ends if `ends` is set;
    /// otherwise it stays open.
    Claim { length: u32, ends: bool },
}

/// One encoded request.
#[derive(Debug)]
pub(super) struct Request {
    /// Head of a DATA frame for the whole body, without a stream number; then gRPC's prefix.
    head: [u8; SMALL_HEAD_BYTES],
    /// True if the call may be one HEADERS frame and one DATA frame.
    is_small: bool,
    /// The compressed message, if it is compressed.
    packed: Option<Box<[u8]>>,
    /// Length of the body in bytes: prefix and message.
    pub(super) body_bytes: u64,
    /// Bytes of the body that are sent before the connection is released.
    pub(super) held_bytes: u64,
    /// The client's own refusal, if the message is over its send limit.
    pub(super) refusal: Option<Box<Refusal>>,
}

/// Frames of a header block that are complete except for their stream number.
#[derive(Debug, Default)]
struct Template {
    bytes: Vec<u8>,
    /// Offsets at which frames begin.
    frames: Vec<usize>,
}

/// Form of the header block of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The first call on a connection.
    Introduction,
    /// Every later call.
    Indexed,
    /// The first call after the server has disabled the table.
    TableOff,
    /// Every call after that.
    Literal,
}

impl Requests {
    /// Encodes the messages of a plan for a server of this origin; an authority alone is plaintext.
    #[must_use]
    pub fn new(plan: &Plan, origin: impl Into<Origin>) -> Self {
        Self::of(plan.method(), Arc::clone(plan.payload().messages()), &plan.options, origin)
    }

    /// Encodes messages to a method of a server of this origin.
    #[must_use]
    pub fn of(
        method: &Method,
        messages: Arc<[Message]>,
        options: &Options,
        origin: impl Into<Origin>,
    ) -> Self {
        let by_message = messages.iter().map(|message| Request::new(message, options)).collect();
        Self::laid_out(method, messages, by_message, options, &origin.into())
    }

    /// Encodes messages that may be sent in part.
    pub(crate) fn drafted(
        method: &Method,
        drafts: Vec<Draft>,
        options: &Options,
        origin: impl Into<Origin>,
    ) -> Self {
        let lay_out = |draft: &Draft| Request::new(&draft.message, options).cut_to(draft.extent);
        let by_message = drafts.iter().map(lay_out).collect();
        let messages = drafts.into_iter().map(|draft| draft.message).collect();
        Self::laid_out(method, messages, by_message, options, &origin.into())
    }

    fn laid_out(
        method: &Method,
        messages: Arc<[Message]>,
        by_message: Vec<Request>,
        options: &Options,
        origin: &Origin,
    ) -> Self {
        let blocks = blocks(method, options, origin);
        let max_recv = match options.max_recv_message_size {
            Limit::Bytes(bytes) => bytes,
            Limit::Unlimited => LARGEST_MESSAGE,
        };
        Self {
            messages,
            indexed: Template::new(&blocks.indexed),
            literal: Template::new(&blocks.literal),
            blocks,
            by_message,
            timeout: options.timeout,
            max_recv,
            takes_compressed: options.compression.is_some(),
        }
    }

    /// Deadline of each call.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The client's own limit for replies, in message bytes.
    pub(super) fn max_recv(&self) -> u64 {
        self.max_recv
    }

    /// Returns true if compressed replies are accepted.
    pub(super) fn takes_compressed(&self) -> bool {
        self.takes_compressed
    }

    /// Message bytes of the largest reply; `None` if the size of a reply is not known before its call.
    #[must_use]
    pub fn largest_reply(&self) -> Option<u64> {
        self.messages.iter().map(Message::reply_bytes).try_fold(0, |largest, size| Some(largest.max(size?)))
    }

    pub(super) fn get(&self, message: usize) -> &Request {
        &self.by_message[message]
    }

    pub(super) fn message(&self, message: usize) -> &Message {
        &self.messages[message]
    }

    /// Part of a request's body, in up to two slices.
    pub(super) fn body(&self, message: usize, from: u64, to: u64) -> [&[u8]; 2] {
        let request = &self.by_message[message];
        let prefix = &request.head[HEAD_BYTES..];
        let contents = request.packed.as_deref().unwrap_or(&self.messages[message].request);
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let (from, to) = (place(from), place(to));
        let in_contents = from.max(PREFIX_BYTES) - PREFIX_BYTES..to.max(PREFIX_BYTES) - PREFIX_BYTES;
        [&prefix[from.min(PREFIX_BYTES)..to.min(PREFIX_BYTES)], &contents[in_contents]]
    }

    /// Appends all frames of a small call. Returns false if the message is not small.
    pub(super) fn write_small(&self, out: &mut Vec<u8>, message: usize, form: Form, stream: u32) -> bool {
        let request = &self.by_message[message];
        if !request.is_small {
            return false;
        }
        match form {
            Form::Indexed => self.indexed.write(out, stream),
            Form::Literal => self.literal.write(out, stream),
            Form::Introduction | Form::TableOff => self.write_headers(out, form, stream),
        }
        let mut head = request.head;
        head[HEAD_BYTES - 4..HEAD_BYTES].copy_from_slice(&stream.to_be_bytes());
        out.extend_from_slice(&head);
        out.extend_from_slice(request.packed.as_deref().unwrap_or(&self.messages[message].request));
        true
    }

    /// Appends the frames of the header block.
    pub(super) fn write_headers(&self, out: &mut Vec<u8>, form: Form, stream: u32) {
        let Blocks { introduction, indexed, literal, table_off } = &self.blocks;
        match form {
            Form::Introduction => write_block(out, introduction, stream),
            Form::Indexed => write_block(out, indexed, stream),
            Form::Literal => write_block(out, literal, stream),
            Form::TableOff => write_block(out, &[table_off, literal.as_slice()].concat(), stream),
        }
    }
}

/// Encodes the header blocks of all calls to a method of a server of this origin.
fn blocks(method: &Method, options: &Options, origin: &Origin) -> Blocks {
    let timeout = options.timeout.map(grpc_timeout);
    let agent = user_agent();
    let mut fields = vec![
        (":method", "POST"),
        (":scheme", origin.scheme),
        (":path", method.path()),
        (":authority", origin.authority.as_str()),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("user-agent", &agent),
    ];
    if let Some(compression) = options.compression {
        fields.push(("grpc-encoding", compression.name()));
        fields.push(("grpc-accept-encoding", rpc::ACCEPTED));
    }
    fields.extend(timeout.as_deref().map(|timeout| ("grpc-timeout", timeout)));
    let metadata =
        options.metadata.iter().map(|Pair { name, value, .. }| (name.to_ascii_lowercase(), value.as_str()));
    let metadata: Vec<_> = metadata.collect();
    fields.extend(metadata.iter().map(|(name, value)| (name.as_str(), *value)));
    Blocks::of(&fields)
}

impl Request {
    fn new(message: &Message, options: &Options) -> Self {
        let refusal = own_refusal(message.request_bytes(), options.max_send_message_size).map(Box::new);
        // A refused message is never sent, so it need not be compressed.
        let compression = options.compression.filter(|_| refusal.is_none());
        let packed = compression.map(|compression| rpc::packed(compression, &message.request).into());
        let packed: Option<Box<[u8]>> = packed;
        let contents = packed.as_deref().map_or(message.request.len(), <[u8]>::len);
        let mut own = Self {
            head: [0; SMALL_HEAD_BYTES],
            is_small: false,
            packed,
            body_bytes: (PREFIX_BYTES + contents) as u64,
            held_bytes: (PREFIX_BYTES + contents) as u64,
            refusal,
        };
        let prefix = prefix(own.flag(), contents);
        own.head[HEAD_BYTES..].copy_from_slice(&prefix);
        if let Ok(length) = u32::try_from(own.body_bytes)
            && length <= SMALLEST_MAX_FRAME
        {
            own.is_small = true;
            let head = Head { length, kind: kind::DATA, flags: flag::END_STREAM, stream: 0 };
            own.head[..HEAD_BYTES].copy_from_slice(&head.bytes());
        }
        own
    }

    /// Flag in gRPC's prefix.
    fn flag(&self) -> u8 {
        if self.packed.is_some() { COMPRESSED } else { 0 }
    }

    /// Shortens the request to this part of the message.
    fn cut_to(mut self, extent: Extent) -> Self {
        match extent {
            Extent::Whole => return self,
            Extent::Held => self.held_bytes = self.body_bytes - 1,
            Extent::Claim { length, ends } => {
                let prefix = prefix(self.flag(), length as usize);
                self.head[HEAD_BYTES..].copy_from_slice(&prefix);
                self.held_bytes = PREFIX_BYTES as u64;
                // A request that never ends has one more byte, which is never sent.
                self.body_bytes = self.held_bytes + u64::from(!ends);
            }
        }
        self.is_small = false;
        self
    }
}

impl Template {
    fn new(block: &[u8]) -> Self {
        let mut bytes = Vec::new();
        write_block(&mut bytes, block, 0);
        let mut frames = Vec::new();
        let mut at = 0;
        while let Some(head) = bytes.get(at..).and_then(|rest| rest.first_chunk::<HEAD_BYTES>()) {
            frames.push(at);
            at += HEAD_BYTES + Head::parse(*head).length as usize;
        }
        Self { bytes, frames }
    }

    /// Appends the frames with their stream number.
    fn write(&self, out: &mut Vec<u8>, stream: u32) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        for frame in &self.frames {
            let at = start + frame + HEAD_BYTES - 4;
            out[at..at + 4].copy_from_slice(&stream.to_be_bytes());
        }
    }
}

/// Appends a header block in frames that every server accepts (6.2, 6.10).
fn write_block(out: &mut Vec<u8>, block: &[u8], stream: u32) {
    let mut chunks = block.chunks(SMALLEST_MAX_FRAME as usize).peekable();
    let mut kind = kind::HEADERS;
    while let Some(chunk) = chunks.next() {
        let flags = if chunks.peek().is_none() { flag::END_HEADERS } else { 0 };
        frame::write(out, kind, flags, stream, chunk);
        kind = kind::CONTINUATION;
    }
}

/// Formats a deadline in gRPC's form: up to eight digits and a unit, rounded up if the digits are too few.
fn grpc_timeout(timeout: Duration) -> String {
    const UNITS: [(char, u128); 6] = [
        ('n', 1),
        ('u', 1_000),
        ('m', 1_000_000),
        ('S', 1_000_000_000),
        ('M', 60_000_000_000),
        ('H', 3_600_000_000_000),
    ];
    let mut text = String::new();
    for (unit, nanoseconds) in UNITS {
        let number = timeout.as_nanos().div_ceil(nanoseconds);
        if number < 100_000_000 || unit == 'H' {
            // Writing to a string cannot fail.
            let _ = write!(text, "{}{unit}", number.min(99_999_999));
            break;
        }
    }
    text
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
