//! A server on bare sockets that upper-cases, and applies a rule to each request as it arrives.

use std::{collections::HashMap, net::SocketAddr};

use plimsoll::client::lean::frame::{flag, kind};

use crate::raw_server::{Conversation, frame, headers, settings, start, trailers, trailers_only};

/// A request, as far as it has arrived.
#[derive(Debug, Default, Clone)]
pub(crate) struct Request {
    pub(crate) stream: u32,
    /// Length that the prefix claims, once the prefix has arrived.
    pub(crate) claimed: Option<u64>,
    /// Bytes of the body, prefix included.
    pub(crate) received: u64,
    pub(crate) has_ended: bool,
    /// True for the first part of the request.
    pub(crate) is_first: bool,
    body: Vec<u8>,
}

impl Request {
    /// Returns true if the request ended before its claimed length.
    pub(crate) fn is_short(&self) -> bool {
        self.has_ended && self.claimed.is_none_or(|claimed| self.received < claimed + 5)
    }
}

/// Decision about a request.
#[derive(Debug, Clone)]
pub(crate) enum Ruling {
    /// The request is answered when it is complete.
    GoOn,
    /// Nothing is sent.
    Wait,
    /// These bytes are sent, and the request is forgotten.
    Send(Vec<u8>),
    /// The connection is closed.
    Close,
}

/// Returns the frames of a status without a reply.
pub(crate) fn refused(stream: u32, code: &str, message: &str) -> Vec<u8> {
    trailers_only(stream, code, message)
}

/// Starts such a server; it runs as long as the test process.
pub(crate) fn policed(rule: impl Fn(&Request) -> Ruling + Send + Sync + 'static) -> SocketAddr {
    start(move |conversation| {
        let window = (1_u32 << 31) - 1;
        let widened = frame(kind::WINDOW_UPDATE, 0, 0, &(window - 65_535).to_be_bytes());
        let mut requests: HashMap<u32, Request> = HashMap::new();
        let _ = conversation.send(&[settings(&[(4, window)]), widened].concat());
        while let Some((head, payload)) = conversation.frame() {
            match head.kind {
                kind::HEADERS => {
                    requests.insert(head.stream, Request { stream: head.stream, ..Request::default() });
                }
                kind::DATA => {
                    let Some(request) = requests.get_mut(&head.stream) else { continue };
                    request.body.extend(payload);
                    request.is_first = request.received == 0;
                    request.received = request.body.len() as u64;
                    request.has_ended = head.has(flag::END_STREAM);
                    request.claimed = request
                        .body
                        .get(1..5)
                        .and_then(|length| length.try_into().ok())
                        .map(|length| u64::from(u32::from_be_bytes(length)));
                    match rule(request) {
                        Ruling::GoOn if !request.has_ended => {}
                        Ruling::GoOn => {
                            answer(conversation, request);
                            requests.remove(&head.stream);
                        }
                        Ruling::Wait => {}
                        Ruling::Send(bytes) => {
                            let _ = conversation.send(&bytes);
                            requests.remove(&head.stream);
                        }
                        Ruling::Close => return,
                    }
                }
                kind::RST_STREAM => {
                    requests.remove(&head.stream);
                }
                _ => {}
            }
        }
    })
}

/// Answers with the text in upper case, whose encoding is as long as the request's.
fn answer(conversation: &mut Conversation, request: &Request) {
    if request.is_short() {
        let _ = conversation.send(&trailers_only(request.stream, "13", "the request ended too early"));
        return;
    }
    // Tag and length stand before the text.
    let text = 5 + request.body[5..]
        .iter()
        .position(|byte| *byte & 0x80 == 0 && *byte != 0x0a)
        .map_or(0, |at| at + 1);
    let mut reply = request.body.clone();
    if request.received > 5 {
        reply[text..].make_ascii_uppercase();
    }
    let mut bytes = headers(request.stream);
    for chunk in reply.chunks(1 << 20) {
        bytes.extend(frame(kind::DATA, 0, request.stream, chunk));
    }
    bytes.extend(trailers(request.stream, "0", ""));
    let _ = conversation.send(&bytes);
}
