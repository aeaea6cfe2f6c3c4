//! Trailers that are malformed, or that say what no server should: `call` names what is wrong with them.

use plimsoll::client::lean::frame::{flag, kind};

use crate::{
    process::{output_of, text},
    protocol::{FEW, drive},
    raw_server::{BODY, block, frame, headers, reply, settings, start},
};

/// What `call` says of a response with these trailers behind the right reply.
fn said_of_trailers(client: &str, fields: &'static [(&'static str, &'static str)]) -> (Option<i32>, String) {
    let address = start(move |server| {
        server.send(&settings(&[]));
        if let Some(stream) = server.request() {
            let end = frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, &block(fields));
            server.send(&[headers(stream), frame(kind::DATA, 0, stream, BODY), end].concat());
        }
        while server.frame().is_some() {}
    });
    let output = output_of(&["call", "--client", client, &address.to_string(), "abc"]);
    (output.status.code(), text(&output.stderr))
}

#[test]
fn malformed_and_odd_trailers_are_named() {
    let both = ["lean", "stub"].as_slice();
    let lean = ["lean"].as_slice();
    for (clients, fields, words) in [
        (lean, [("x-note", "1")].as_slice(), "the server's trailers have no `grpc-status`"),
        (both, &[("grpc-status", "banana")], "`grpc-status: banana` is not a code from 0 to 16"),
        (both, &[("grpc-status", "17")], "`grpc-status: 17` is not a code"),
        (both, &[("grpc-status", "banana"), ("grpc-message", "50%25 off")], "from 0 to 16: 50% off"),
        (lean, &[("grpc-status", "0"), ("X-Upper", "1")], "uppercase"),
        (lean, &[("grpc-status", "0"), ("x", "a\r\nb")], "CR, LF or NUL"),
        (lean, &[("grpc-status", "0"), ("x", "a\0")], "CR, LF or NUL"),
        (lean, &[("grpc-status", "0"), ("connection", "close")], "about the connection"),
        // No dangling colon.
        (both, &[("grpc-status", "12")], "UNIMPLEMENTED (12)\n"),
    ] {
        for client in clients {
            let (status, said) = said_of_trailers(client, fields);
            assert_eq!(status, Some(2), "{client}: {fields:?}: {said}");
            assert!(said.contains(words), "{client}: {fields:?}: {said}");
        }
    }
    // Tonic's own words differ; what counts is that such a call is not answered.
    for fields in [&[("grpc-status", "0"), ("X-Upper", "1")], &[("grpc-status", "0"), ("x", "a\r\nb")]] {
        let (status, said) = said_of_trailers("stub", fields);
        assert_eq!(status, Some(2), "{fields:?}: {said}");
    }
}

#[test]
fn a_malformed_header_fails_its_call_and_no_other() {
    let summary = drive(
        |server| {
            server.send(&settings(&[]));
            while let Some(stream) = server.request() {
                let fields = [("grpc-status", "0"), ("X-Upper", "1")];
                let end = frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, &block(&fields));
                let odd = [headers(stream), frame(kind::DATA, 0, stream, BODY), end].concat();
                server.send(&if stream % 4 == 1 { odd } else { reply(stream) });
            }
        },
        &FEW,
    );
    assert_eq!((summary.calls.answered, summary.calls.failed), (10, 10), "{:?}", summary.statuses);
}
