//! Recognises size-limit refusals in the wording of any gRPC implementation.
//!
//! A status code alone does not identify a refusal: implementations share codes, and only the text contains
//! the sizes. The table below lists every known wording with the versions that use it. Texts are the weakest
//! evidence. An HTTP answer is recognised by its status before any text is parsed. The origin of the status,
//! and the message whose size it names, outweigh the wording.

use super::{
    code::Code,
    http_answer::refusal_of_http_413,
    message::{PREFIX_BYTES, Sizes},
    outcome::{Direction, Refusal, Side},
};

/// Origin of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The server sent the status.
    Wire,
    /// This client made the status.
    Local,
}

/// Direction of the refused message, according to the wording.
#[derive(Debug, Clone, Copy)]
enum Said {
    /// A received message. In the server's words this is the request; in the client's words, the reply.
    Received,
    /// A message about to be sent.
    Sent,
    /// Either direction. The size decides, if it equals that of the request or of the reply.
    Either,
}

/// A text with placeholders: `{bytes}` for the message's size, `{limit}` for the limit.
struct Wording {
    template: &'static str,
    said: Said,
}

const fn wording(said: Said, template: &'static str) -> Wording {
    Wording { template, said }
}

/// Known texts, after [`unwrapped`].
const WORDINGS: [Wording; 20] = [
    // tonic 0.12 and later
    wording(
        Said::Received,
        "Error, decoded message length too large: found {bytes} bytes, the limit is: {limit} bytes",
    ),
    wording(
        Said::Sent,
        "Error, encoded message length too large: found {bytes} bytes, the limit is: {limit} bytes",
    ),
    // tonic 0.9 to 0.11
    wording(
        Said::Either,
        "Error, message length too large: found {bytes} bytes, the limit is: {limit} bytes",
    ),
    // tonic 0.14.3 and later, compressed messages
    wording(
        Said::Received,
        "Error decompressing: size limit, of {limit} bytes, exceeded while decompressing message",
    ),
    // gRPC C-core; grpc-go 1.85 on its stream path
    wording(Said::Received, "Received message larger than max ({bytes} vs. {limit})"),
    wording(Said::Sent, "Sent message larger than max ({bytes} vs. {limit})"),
    wording(Said::Received, "Decompressed message larger than max"),
    // grpc-js; its sent size counts the prefix too
    wording(Said::Received, "Received message larger than max ({bytes} vs {limit})"),
    wording(Said::Received, "Received message that decompresses to a size larger than {limit}"),
    wording(Said::Sent, "Attempted to send message with a size larger than {limit}"),
    // grpc-go
    wording(Said::Received, "received message larger than max ({bytes} vs. {limit})"),
    wording(
        Said::Received,
        "received message larger than max length allowed on current machine ({bytes} vs. {limit})",
    ),
    wording(Said::Received, "received message after decompression larger than max {limit}"),
    wording(Said::Received, "message after decompression larger than max ({bytes} vs. {limit})"),
    wording(Said::Sent, "trying to send message larger than max ({bytes} vs. {limit})"),
    // grpc-java; its server has this text from 1.64 on, and resets the stream without a status before
    wording(Said::Received, "gRPC message exceeds maximum size {limit}: {bytes}"),
    wording(Said::Received, "Decompressed gRPC message exceeds maximum size {limit}"),
    wording(Said::Sent, "message too large {bytes} > {limit}"),
    // connect-go
    wording(Said::Received, "message size {bytes} is larger than configured max {limit}"),
    wording(Said::Sent, "message size {bytes} exceeds sendMaxBytes {limit}"),
];

/// grpc-dotnet's texts, which contain neither size nor limit.
const DOTNET: [Wording; 2] = [
    wording(Said::Received, "Received message exceeds the maximum configured message size."),
    wording(Said::Sent, "Sending message exceeds the maximum configured message size."),
];

/// HTTP's refusal of a request body (413) inside a gRPC status. A proxy makes such a status itself, or its
/// own client received it from a server behind the proxy. The code is gRPC's mapping of 413.
const IN_WORDS_OF_HTTP: [&str; 6] = [
    // Envoy; the names of 413 in RFC 2616, 7231 and 9110
    "Request Entity Too Large",
    "Payload Too Large",
    "Content Too Large",
    // tonic
    "grpc-status header missing, mapped from HTTP status code 413",
    // gRPC C-core
    "Received http2 header with status: 413",
    // grpc-js
    "Received HTTP status code 413",
];

/// grpc-go's text for HTTP status 413. The content type and the page follow.
const IN_GOS_WORDS_OF_HTTP: &str = "unexpected HTTP status code received from server: 413 (";

/// Returns the refusal that a status stands for, or `None` if the status has another cause.
pub(crate) fn recognise(code: Code, text: &str, sizes: Sizes, origin: Origin) -> Option<Refusal> {
    if code == Code::UNKNOWN && (IN_WORDS_OF_HTTP.contains(&text) || text.starts_with(IN_GOS_WORDS_OF_HTTP)) {
        return Some(Refusal { message: text.to_owned(), ..refusal_of_http_413(sizes) });
    }
    if !matches!(code, Code::RESOURCE_EXHAUSTED | Code::OUT_OF_RANGE) {
        return None;
    }
    let plain = unwrapped(text);
    let (said, numbers) = WORDINGS
        .iter()
        .chain(&DOTNET)
        .find_map(|wording| Some((wording.said, numbers(wording.template, plain)?)))?;
    let direction = direction(said, &numbers, text, sizes, origin);
    let known_bytes = match direction {
        Direction::Request => Some(sizes.request),
        Direction::Response => sizes.reply,
    };
    let message_bytes = match numbers.bytes {
        // The message is over the limit, so its size is at least the limit plus 1.
        None => known_bytes.unwrap_or(0).max(numbers.limit.map_or(0, |limit| limit.saturating_add(1))),
        // grpc-js counts the prefix when it refuses to send.
        Some(bytes) if known_bytes.is_some_and(|known| bytes == known + PREFIX_BYTES as u64) => {
            bytes - PREFIX_BYTES as u64
        }
        // grpc-js parses a proxy's text page as a message: the "size" is four letters of the page.
        Some(bytes) if known_bytes != Some(bytes) && is_text(bytes) => return None,
        Some(bytes) => bytes,
    };
    let side = match origin {
        Origin::Wire => Side::Server,
        Origin::Local => Side::Client,
    };
    Some(Refusal {
        side,
        direction,
        message_bytes,
        limit_bytes: numbers.limit,
        http_status: None,
        code,
        message: text.to_owned(),
    })
}

fn direction(said: Said, numbers: &Numbers, text: &str, sizes: Sizes, origin: Origin) -> Direction {
    let (received, sent) = match origin {
        // A proxy forwards the error of its own client, which called the server behind it.
        Origin::Wire if is_of_a_client(text) => (Direction::Response, Direction::Request),
        Origin::Wire => (Direction::Request, Direction::Response),
        Origin::Local => (Direction::Response, Direction::Request),
    };
    let is_replys =
        numbers.bytes.is_some() && numbers.bytes == sizes.reply && sizes.reply != Some(sizes.request);
    match said {
        // If the size is that of the reply, a client received the message, regardless of the wording.
        Said::Received if is_replys => Direction::Response,
        Said::Received => received,
        // A server reads the request first: a request over the limit gets no reply.
        Said::Either if numbers.bytes == Some(sizes.request) => received,
        Said::Sent | Said::Either => sent,
    }
}

/// Returns true if the text is from the client side of gRPC's C-core.
fn is_of_a_client(text: &str) -> bool {
    text.strip_prefix("Stream removed (").unwrap_or(text).starts_with("CLIENT: ")
}

/// Removes the parts that wrappers and sides add before and after the text.
fn unwrapped(text: &str) -> &str {
    let text =
        text.strip_prefix("Stream removed (").and_then(|inner| inner.strip_suffix(')')).unwrap_or(text);
    ["CLIENT: ", "SERVER: ", "grpc: "].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text)
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Numbers {
    bytes: Option<u64>,
    limit: Option<u64>,
}

/// Parses the numbers from a text that matches the template exactly.
fn numbers(template: &str, mut text: &str) -> Option<Numbers> {
    let mut numbers = Numbers::default();
    let mut parts = template.split('{');
    text = text.strip_prefix(parts.next()?)?;
    for part in parts {
        let (name, words) = part.split_once('}')?;
        let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
        let number = text[..digits].parse().ok()?;
        match name {
            "bytes" => numbers.bytes = Some(number),
            _ => numbers.limit = Some(number),
        }
        text = text[digits..].strip_prefix(words)?;
    }
    text.is_empty().then_some(numbers)
}

/// Returns true if the four bytes of a number are four letters of text.
fn is_text(number: u64) -> bool {
    u32::try_from(number)
        .is_ok_and(|number| number.to_be_bytes().iter().all(|byte| matches!(byte, b' '..=b'~')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REQUEST: u64 = 4_194_305;
    const REPLY: u64 = 12_582_915;

    fn sizes() -> Sizes {
        Sizes { request: REQUEST, reply: Some(REPLY) }
    }

    fn wire(code: i32, text: &str) -> Option<(Side, Direction, u64, Option<u64>)> {
        recognise(Code::from_number(code), text, sizes(), Origin::Wire)
            .map(|refusal| (refusal.side, refusal.direction, refusal.message_bytes, refusal.limit_bytes))
    }

    #[test]
    fn each_implementation_refuses_a_request_in_its_own_words() {
        for (code, text) in [
            (11, "Error, decoded message length too large: found 4194305 bytes, the limit is: 4194304 bytes"),
            (11, "Error, message length too large: found 4194305 bytes, the limit is: 4194304 bytes"),
            (8, "SERVER: Received message larger than max (4194305 vs. 4194304)"),
            (8, "Received message larger than max (4194305 vs. 4194304)"),
            (8, "Received message larger than max (4194305 vs 4194304)"),
            (8, "grpc: received message larger than max (4194305 vs. 4194304)"),
            (8, "gRPC message exceeds maximum size 4194304: 4194305"),
            (8, "message size 4194305 is larger than configured max 4194304"),
        ] {
            let expected = (Side::Server, Direction::Request, REQUEST, Some(4_194_304));
            assert_eq!(wire(code, text), Some(expected), "{text}");
        }
    }

    #[test]
    fn each_implementation_refuses_a_reply_in_its_own_words() {
        for (code, text) in [
            (
                11,
                "Error, encoded message length too large: found 12582915 bytes, the limit is: 4194304 bytes",
            ),
            (11, "Error, message length too large: found 12582915 bytes, the limit is: 4194304 bytes"),
            (8, "SERVER: Sent message larger than max (12582915 vs. 4194304)"),
            (8, "Sent message larger than max (12582920 vs. 4194304)"),
            (8, "grpc: trying to send message larger than max (12582915 vs. 4194304)"),
            (8, "trying to send message larger than max (12582915 vs. 4194304)"),
        ] {
            let expected = (Side::Server, Direction::Response, REPLY, Some(4_194_304));
            assert_eq!(wire(code, text), Some(expected), "{text}");
        }
    }

    /// Observed refusals with versions, written by `scripts/interop/matrix --fixture`.
    #[test]
    fn every_refusal_that_was_seen_is_recognised() {
        let seen = include_str!("../../tests/data/refusals.tsv");
        let mut rows = 0;
        for line in seen.lines().skip(1) {
            let cells: Vec<&str> = line.split('\t').collect();
            let [version, "server", direction, code, bytes, limit, text] = cells[..] else {
                panic!("seven cells, of a server: {line}")
            };
            let (bytes, limit): (u64, u64) = (bytes.parse().expect("bytes"), limit.parse().expect("a limit"));
            let (direction, sizes) = match direction {
                "request" => (Direction::Request, Sizes { request: bytes, reply: Some(1) }),
                _ => (Direction::Response, Sizes { request: 1, reply: Some(bytes) }),
            };
            let refusal = recognise(Code::RESOURCE_EXHAUSTED, text, sizes, Origin::Wire)
                .unwrap_or_else(|| panic!("{version}: {text}"));
            assert_eq!(code, "RESOURCE_EXHAUSTED");
            assert_eq!((refusal.side, refusal.direction), (Side::Server, direction), "{version}");
            assert_eq!((refusal.message_bytes, refusal.limit_bytes), (bytes, Some(limit)), "{version}");
            rows += 1;
        }
        assert!(rows >= 9, "{rows} rows");
    }

    #[test]
    fn texts_without_numbers_take_the_known_size() {
        let unknown = Some((Side::Server, Direction::Request, REQUEST, None));
        assert_eq!(wire(8, "Received message exceeds the maximum configured message size."), unknown);
        assert_eq!(wire(8, "Decompressed message larger than max"), unknown);
        let text = "Error decompressing: size limit, of 9000000 bytes, exceeded while decompressing message";
        let at_least = Some((Side::Server, Direction::Request, 9_000_001, Some(9_000_000)));
        assert_eq!(wire(8, text), at_least, "more than is known");
    }

    #[test]
    fn the_same_words_of_our_own_are_about_the_reply() {
        let text =
            "Error, decoded message length too large: found 12582915 bytes, the limit is: 4194304 bytes";
        let refusal = recognise(Code::OUT_OF_RANGE, text, sizes(), Origin::Local).expect("a refusal");
        assert_eq!((refusal.side, refusal.direction), (Side::Client, Direction::Response));
        let wrapped = "Stream removed (CLIENT: Received message larger than max (12582915 vs. 4194304))";
        assert!(recognise(Code::RESOURCE_EXHAUSTED, wrapped, sizes(), Origin::Local).is_some());
    }

    #[test]
    fn a_413_in_a_status_of_grpcs_is_a_refusal() {
        for text in IN_WORDS_OF_HTTP.into_iter().chain([
            "unexpected HTTP status code received from server: 413 (Request Entity Too Large); transport: received unexpected content-type \"text/html\"",
        ]) {
            assert_eq!(wire(2, text), Some((Side::Server, Direction::Request, REQUEST, None)), "{text}");
            let refusal = recognise(Code::UNKNOWN, text, sizes(), Origin::Wire).expect("a refusal");
            assert_eq!((refusal.http_status, refusal.message.as_str()), (Some(413), text));
        }
        assert_eq!(wire(2, "Received HTTP status code 4130"), None);
        assert_eq!(wire(14, "Payload Too Large"), None);
    }

    /// A proxy is a client of the server behind it, and forwards the error of that client.
    #[test]
    fn what_a_proxys_own_client_refused_is_told_by_the_size_and_the_side() {
        let reply = Some((Side::Server, Direction::Response, REPLY, Some(4_194_304)));
        for text in [
            "CLIENT: Received message larger than max (12582915 vs. 4194304)",
            "Stream removed (CLIENT: Received message larger than max (12582915 vs. 4194304))",
            "grpc: received message larger than max (12582915 vs. 4194304)",
            "Received message larger than max (12582915 vs 4194304)",
        ] {
            assert_eq!(wire(8, text), reply, "{text}");
        }
        let request = Some((Side::Server, Direction::Request, REQUEST, Some(4_194_304)));
        assert_eq!(wire(8, "CLIENT: Sent message larger than max (4194305 vs. 4194304)"), request);
        // If a server does not lengthen texts, the reply has the request's size.
        let sent = Some((Side::Server, Direction::Response, REQUEST, Some(4_194_304)));
        assert_eq!(wire(8, "SERVER: Sent message larger than max (4194305 vs. 4194304)"), sent);
    }

    #[test]
    fn other_statuses_are_no_refusals() {
        for (code, text) in [
            (8, "h2 protocol error: http2 error"),
            (8, "quota exceeded"),
            (8, "Received message larger than max (x vs. 4194304)"),
            (8, "Received message larger than max (4194305 vs. 4194304) and more"),
            (14, "SERVER: Received message larger than max (4194305 vs. 4194304)"),
            // The first letters of "404 page not found".
            (8, "Received message larger than max (808722544 vs 4194304)"),
            (1, "Timeout expired"),
        ] {
            assert_eq!(wire(code, text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}", code in 0..17) {
            let _ = wire(code, &text);
        }

        #[test]
        fn numbers_of_any_size_read_back(bytes: u64, limit: u64) {
            let text = format!("gRPC message exceeds maximum size {limit}: {bytes}");
            let read = numbers("gRPC message exceeds maximum size {limit}: {bytes}", &text);
            prop_assert_eq!(read, Some(Numbers { bytes: Some(bytes), limit: Some(limit) }));
        }
    }
}
