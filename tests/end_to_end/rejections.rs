//! The lean client against servers, or proxies, that reject a message while it is still being sent.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use plimsoll::client::lean::frame::{flag, kind, setting};

use crate::{
    process::run_with_status,
    raw_server::{Conversation, block, frame, headers, settings, start, trailers_only},
};

/// Behaviour of a server, or a proxy, after the first part of a large message.
type Rejects = fn(&mut Conversation, u32);

/// One row per rejection: its name, the server's behaviour, and the expected outcome and code.
const REJECTIONS: [(&str, Rejects, &str, &str); 18] = [
    (
        "HTTP 413",
        |server, stream| {
            server.send(&frame(
                kind::HEADERS,
                flag::END_HEADERS | flag::END_STREAM,
                stream,
                &block(&[(":status", "413")]),
            ));
        },
        "refused",
        "UNKNOWN",
    ),
    ("RST NO_ERROR", |server, stream| reset(server, stream, 0), "failed", "INTERNAL"),
    ("RST INTERNAL_ERROR", |server, stream| reset(server, stream, 2), "failed", "INTERNAL"),
    ("RST REFUSED_STREAM", |server, stream| reset(server, stream, 7), "failed", "UNAVAILABLE"),
    ("RST CANCEL", |server, stream| reset(server, stream, 8), "failed", "CANCELLED"),
    ("RST ENHANCE_YOUR_CALM", |server, stream| reset(server, stream, 11), "failed", "RESOURCE_EXHAUSTED"),
    ("status", refuse, "refused", "RESOURCE_EXHAUSTED"),
    (
        "status, RST NO_ERROR",
        |server, stream| {
            refuse(server, stream);
            reset(server, stream, 0);
        },
        "refused",
        "RESOURCE_EXHAUSTED",
    ),
    (
        "status, RST CANCEL",
        |server, stream| {
            refuse(server, stream);
            reset(server, stream, 8);
        },
        "refused",
        "RESOURCE_EXHAUSTED",
    ),
    (
        "status, RST INTERNAL_ERROR",
        |server, stream| {
            refuse(server, stream);
            reset(server, stream, 2);
        },
        "refused",
        "RESOURCE_EXHAUSTED",
    ),
    (
        "status, RST STREAM_CLOSED",
        |server, stream| {
            refuse(server, stream);
            reset(server, stream, 5);
        },
        "refused",
        "RESOURCE_EXHAUSTED",
    ),
    (
        "headers, RST NO_ERROR",
        |server, stream| {
            server.send(&headers(stream));
            reset(server, stream, 0);
        },
        "failed",
        "INTERNAL",
    ),
    ("GOAWAY(11), close", |server, stream| go_away(server, stream, 11), "broken", "UNAVAILABLE"),
    ("GOAWAY(2), close", |server, stream| go_away(server, stream, 2), "broken", "UNAVAILABLE"),
    (
        "close",
        |server, _| {
            let _ = server.stream.shutdown(std::net::Shutdown::Both);
        },
        "broken",
        "UNAVAILABLE",
    ),
    ("TCP RST", |_, _| {}, "broken", "UNAVAILABLE"),
    (
        "status, TCP close",
        |server, stream| {
            refuse(server, stream);
            let _ = server.stream.shutdown(std::net::Shutdown::Write);
        },
        "refused",
        "RESOURCE_EXHAUSTED",
    ),
    // The reset may overtake the status.
    ("status, TCP RST", refuse, "refused or broken", ""),
];

fn reset(server: &mut Conversation, stream: u32, code: u32) {
    server.send(&frame(kind::RST_STREAM, 0, stream, &code.to_be_bytes()));
}

fn refuse(server: &mut Conversation, stream: u32) {
    server.send(&trailers_only(stream, "8", "grpc: received message larger than max (1048576 vs. 4)"));
}

fn go_away(server: &mut Conversation, stream: u32, code: u32) {
    server.send(&frame(kind::GOAWAY, 0, 0, &[stream.to_be_bytes(), code.to_be_bytes()].concat()));
    let _ = server.stream.shutdown(std::net::Shutdown::Both);
}

#[test]
fn a_server_that_rejects_in_mid_upload_is_understood() {
    for (name, rejects, outcome, code) in REJECTIONS {
        let uploaded = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&uploaded);
        let address = start(move |server| {
            // Room for the whole message: nothing but the client itself keeps it from being sent.
            server.send(&settings(&[(setting::INITIAL_WINDOW_SIZE, 1 << 24)]));
            server.send(&frame(kind::WINDOW_UPDATE, 0, 0, &(1_u32 << 24).to_be_bytes()));
            let Some((head, _)) = server.frame_of(kind::DATA) else { return };
            let mut rejected = head.stream;
            rejects(server, rejected);
            if name.ends_with("TCP RST") {
                // Closing with unread bytes is a reset.
                return;
            }
            while let Some((head, _)) = server.frame() {
                if head.kind == kind::DATA {
                    seen.fetch_add(u64::from(head.length), Ordering::Relaxed);
                    // A refused stream is tried again.
                    if head.stream > rejected {
                        rejected = head.stream;
                        rejects(server, rejected);
                    }
                    // A client that did not cancel would go on to the end.
                    assert!(
                        !head.has(flag::END_STREAM) || outcome == "broken",
                        "{name}: it was sent to its end"
                    );
                }
            }
        });
        // Large enough that no buffers of sockets hold it.
        let arguments = [&address.to_string(), "-w", "0s", "-n", "1", "-c", "1", "-s", "32MiB"];
        let summary = run_with_status(&arguments).1;
        if outcome == "refused or broken" {
            assert_eq!(summary.calls.refused + summary.calls.broken, 1, "{name}: {:?}", summary.calls);
        } else if outcome == "refused" {
            assert_eq!(summary.calls.refused, 1, "{name}: {:?} {:?}", summary.calls, summary.statuses);
            let refusal = &summary.refusals[0];
            assert_eq!((refusal.side.as_str(), refusal.direction.as_str()), ("server", "request"), "{name}");
            assert_eq!(refusal.code, code, "{name}");
        } else {
            let status = &summary.statuses[0];
            assert_eq!(
                (status.outcome.as_str(), status.code.as_str()),
                (outcome, code),
                "{name}: {status:?}"
            );
        }
        assert!(uploaded.load(Ordering::Relaxed) < 32 << 20, "{name}");
    }
}
