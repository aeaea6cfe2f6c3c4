//! Requests encoded once, before the run: gRPC over HTTP/2 ("Requests"), RFC 9113 sections 6.1, 6.2.
//!
//! A small message is kept as the bytes of its frames; a call copies them and writes its stream number into
//! them. A large message is kept once and written without a copy, in frames of the size that the server
//! accepts.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use super::{
    frame::{self, HEAD_BYTES, Head, SMALLEST_MAX_FRAME, flag, kind},
    header_block::Blocks,
};
pub use crate::rpc::format_data::PREFIX_BYTES;
use crate::{
    client::opening::user_agent,
    load::{Options, Plan},
    rpc::{
        self, Compression, Refusal,
        format_data::{LARGEST_MESSAGE, Message, PATH},
        metadata::Pair,
        own_refusal,
    },
    units::Limit,
};

/// Flag in the prefix of a compressed message.
pub(super) const COMPRESSED: u8 = 1;

/// Protobuf's tag before the text: field 1, length-delimited.
pub(super) const TEXT_FIELD: u8 = 0x0a;

/// Requests, encoded for a connection.
#[derive(Debug)]
pub struct Requests {
    messages: Arc<[Message]>,
    blocks: Blocks,
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
    /// Bytes before the text: gRPC's prefix, protobuf's tag and length. The whole body if it is compressed.
    head: Vec<u8>,
    /// True if the uncompressed text follows the head.
    has_text: bool,
    /// Bytes before the text of the expected reply.
    reply_head: Vec<u8>,
    /// Length of the body in bytes: prefix and message.
    pub(super) body_bytes: u64,
    /// Bytes of the body that are sent before the connection is released.
    pub(super) held_bytes: u64,
    /// Frames of the whole call, if the message is small.
    small: Option<Small>,
    /// The client's own refusal, if the message is over its send limit.
    pub(super) refusal: Option<Refusal>,
}

#[derive(Debug)]
struct Small {
    indexed: Template,
    literal: Template,
}

/// Frames that are complete except for their stream number.
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
    /// Encodes the messages of a plan for a server with this `authority`.
    #[must_use]
    pub fn new(plan: &Plan, authority: &str) -> Self {
        Self::of(Arc::clone(plan.payload().messages()), &plan.options, authority)
    }

    /// Encodes messages for a server with this `authority`.
    #[must_use]
    pub fn of(messages: Arc<[Message]>, options: &Options, authority: &str) -> Self {
        let blocks = blocks(options, authority);
        let lay_out = |message| Request::new(message, options, &blocks);
        let by_message = messages.iter().map(lay_out).collect();
        Self::laid_out(messages, blocks, by_message, options)
    }

    /// Encodes messages that may be sent in part.
    pub(crate) fn drafted(drafts: Vec<Draft>, options: &Options, authority: &str) -> Self {
        let blocks = blocks(options, authority);
        let lay_out = |draft: &Draft| {
            let request = Request::new(&draft.message, options, &blocks);
            request.cut_to(draft.extent)
        };
        let by_message = drafts.iter().map(lay_out).collect();
        let messages = drafts.into_iter().map(|draft| draft.message).collect();
        Self::laid_out(messages, blocks, by_message, options)
    }

    fn laid_out(
        messages: Arc<[Message]>,
        blocks: Blocks,
        by_message: Vec<Request>,
        options: &Options,
    ) -> Self {
        let max_recv = match options.max_recv_message_size {
            Limit::Bytes(bytes) => bytes,
            Limit::Unlimited => LARGEST_MESSAGE,
        };
        let takes_compressed = options.compression.is_some();
        Self { messages, blocks, by_message, timeout: options.timeout, max_recv, takes_compressed }
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

    /// Message bytes of the largest expected reply.
    #[must_use]
    pub fn largest_reply(&self) -> u64 {
        self.messages.iter().map(|message| message.reply_bytes).max().unwrap_or_default()
    }

    pub(super) fn get(&self, message: usize) -> &Request {
        &self.by_message[message]
    }

    pub(super) fn message(&self, message: usize) -> &Message {
        &self.messages[message]
    }

    /// Expected reply: the bytes before its text, and the text.
    pub(super) fn reply(&self, message: usize) -> (&[u8], &[u8]) {
        (&self.by_message[message].reply_head, self.message(message).expected.as_bytes())
    }

    /// Part of a request's body, in up to two slices.
    pub(super) fn body(&self, message: usize, from: u64, to: u64) -> [&[u8]; 2] {
        let Request { head, has_text, .. } = &self.by_message[message];
        let text = if *has_text { self.message(message).text.as_bytes() } else { &[] };
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let (from, to) = (place(from), place(to));
        let edge = head.len();
        [&head[from.min(edge)..to.min(edge)], &text[from.max(edge) - edge..to.max(edge) - edge]]
    }

    /// Appends all frames of a small call. Returns false if the message is not small.
    pub(super) fn write_small(&self, out: &mut Vec<u8>, message: usize, form: Form, stream: u32) -> bool {
        let Some(small) = &self.by_message[message].small else { return false };
        match form {
            Form::Indexed => small.indexed.write(out, 0, stream),
            Form::Literal => small.literal.write(out, 0, stream),
            Form::Introduction | Form::TableOff => {
                self.write_headers(out, form, stream);
                // The last frame of a call is its DATA frame.
                small.literal.write(out, small.literal.frames.len() - 1, stream);
            }
        }
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

/// Encodes the header blocks of all calls to a server with this `authority`.
fn blocks(options: &Options, authority: &str) -> Blocks {
    let timeout = options.timeout.map(grpc_timeout);
    let agent = user_agent();
    let mut fields = vec![
        (":method", "POST"),
        (":scheme", "http"),
        (":path", PATH),
        (":authority", authority),
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
    fn new(message: &Message, options: &Options, blocks: &Blocks) -> Self {
        let refusal = own_refusal(message, options.max_send_message_size);
        let mut head = head_of(message.request_bytes, message.text.len());
        // A refused message is never sent, so it need not be compressed.
        let compression = options.compression.filter(|_| refusal.is_none());
        if let Some(compression) = compression {
            let plain = [&head[PREFIX_BYTES..], message.text.as_bytes()].concat();
            head = compressed(compression, &plain);
        }
        let text = if compression.is_none() { message.text.as_bytes() } else { &[] };
        let body_bytes = (head.len() + text.len()) as u64;
        let small = (body_bytes <= u64::from(SMALLEST_MAX_FRAME)).then(|| {
            let body = [head.as_slice(), text].concat();
            Small {
                indexed: Template::new(&blocks.indexed, &body),
                literal: Template::new(&blocks.literal, &body),
            }
        });
        let reply_head = head_of(message.reply_bytes, message.expected.len());
        let has_text = compression.is_none();
        Self { head, has_text, reply_head, body_bytes, held_bytes: body_bytes, small, refusal }
    }

    /// Shortens the request to this part of the message.
    fn cut_to(mut self, extent: Extent) -> Self {
        match extent {
            Extent::Whole => return self,
            Extent::Held => self.held_bytes = self.body_bytes - 1,
            Extent::Claim { length, ends } => {
                self.head[0] &= COMPRESSED;
                self.head.truncate(1);
                self.head.extend_from_slice(&length.to_be_bytes());
                self.held_bytes = PREFIX_BYTES as u64;
                // A request that never ends has one more byte, which is never sent.
                self.body_bytes = self.held_bytes + u64::from(!ends);
            }
        }
        self.small = None;
        self
    }
}

impl Template {
    fn new(block: &[u8], body: &[u8]) -> Self {
        let mut bytes = Vec::new();
        write_block(&mut bytes, block, 0);
        frame::write(&mut bytes, kind::DATA, flag::END_STREAM, 0, body);
        let mut frames = Vec::new();
        let mut at = 0;
        while let Some(head) = bytes.get(at..).and_then(|rest| rest.first_chunk::<HEAD_BYTES>()) {
            frames.push(at);
            at += HEAD_BYTES + Head::parse(*head).length as usize;
        }
        Self { bytes, frames }
    }
}

impl Template {
    /// Appends the frames from number `first` on, with their stream number.
    fn write(&self, out: &mut Vec<u8>, first: usize, stream: u32) {
        let skipped = self.frames[first];
        let start = out.len();
        out.extend_from_slice(&self.bytes[skipped..]);
        for frame in &self.frames[first..] {
            let at = start + frame - skipped + HEAD_BYTES - 4;
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

/// Bytes before a text on the wire. An empty text has no tag.
fn head_of(message_bytes: u64, text_bytes: usize) -> Vec<u8> {
    // Messages are at most 2 GiB.
    let length = u32::try_from(message_bytes).unwrap_or(u32::MAX);
    let mut head = vec![0];
    head.extend_from_slice(&length.to_be_bytes());
    if text_bytes > 0 {
        head.push(TEXT_FIELD);
        prost::encoding::encode_varint(text_bytes as u64, &mut head);
    }
    head
}

/// Compresses a message and adds its prefix.
fn compressed(compression: Compression, message: &[u8]) -> Vec<u8> {
    let packed = rpc::packed(compression, message);
    // A message is at most 2 GiB, and compression lengthens it by a fraction of a per cent at most.
    let length = u32::try_from(packed.len()).unwrap_or(u32::MAX);
    [&[COMPRESSED], length.to_be_bytes().as_slice(), &packed].concat()
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
