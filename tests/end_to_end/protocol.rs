//! The lean client against servers on bare sockets that stretch or break HTTP/2: no panic, no run beyond the
//! drain, and every call accounted for.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use plimsoll::client::lean::frame::{ErrorCode, LARGEST_STREAM, flag, kind, setting};
use rustix::process::Signal;

use crate::{
    document::Summary,
    process::{EVENTS, await_line, eventually, finish, lines_of, plimsoll, run_with_status, signal},
    raw_server::{BODY, Conversation, block, frame, headers, reply, settings, start, trailers},
};

/// Drives a server with the text `abc`.
pub(crate) fn drive(converse: impl Fn(&mut Conversation) + Send + Sync + 'static, flags: &[&str]) -> Summary {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("text");
    std::fs::write(&file, "abc").expect("writable");
    let address = start(converse).to_string();
    let file = file.to_str().expect("UTF-8");
    let arguments = [&address, "-w", "0s", "--text-file", file];
    run_with_status(&[arguments.as_slice(), flags].concat()).1
}

pub(crate) const FEW: [&str; 4] = ["-n", "20", "-c", "4"];

const SHORT: [&str; 4] = ["-z", "100ms", "-c", "4"];

/// Calls that a server never answers end with this.
const DRAIN: [&str; 2] = ["--drain", "500ms"];

fn all_answered(name: &str, converse: impl Fn(&mut Conversation) + Send + Sync + 'static) {
    let summary = drive(converse, &FEW);
    assert_eq!(summary.calls.answered, 20, "{name}: {:?} {:?}", summary.calls, summary.statuses);
}

/// Checks a server that breaks a rule: the client names the error, and no call is answered.
fn told(name: &str, code: ErrorCode, breaks: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static) {
    let heard = Arc::new(AtomicU32::new(u32::MAX));
    let ears = Arc::clone(&heard);
    let summary = drive(
        move |server| {
            server.send(&settings(&[]));
            let Some(stream) = server.request() else { return };
            server.send(&breaks(stream));
            if let Some(code) = server.farewell() {
                ears.store(code, Ordering::Relaxed);
            }
        },
        &SHORT,
    );
    assert!(summary.calls.planned > 0);
    assert_eq!(
        summary.calls.broken, summary.calls.planned,
        "{name}: {:?} {:?}",
        summary.calls, summary.statuses
    );
    eventually("a GOAWAY", || heard.load(Ordering::Relaxed) != u32::MAX);
    assert_eq!(ErrorCode(heard.load(Ordering::Relaxed)), code, "{name}");
}

#[test]
fn frames_may_come_a_byte_at_a_time_padded_continued_and_among_unknown_ones() {
    all_answered("a byte at a time", |server| {
        server.send(&settings(&[]));
        while let Some(stream) = server.request() {
            if !reply(stream).iter().all(|byte| server.send(&[*byte])) {
                return;
            }
        }
    });
    all_answered("padded, continued, with priorities and unknown frames", |server| {
        server.send(&settings(&[(0x77, 7)]));
        while let Some(stream) = server.request() {
            let fields = block(&[(":status", "200"), ("content-type", "application/grpc")]);
            let padded = [&[3, 0, 0, 0, 0, 9], &fields[..2], &[0, 0, 0]].concat();
            let trailers = block(&[("grpc-status", "0")]);
            server.send(
                &[
                    frame(kind::PRIORITY, 0, stream, &[0, 0, 0, 0, 1]),
                    frame(kind::HEADERS, flag::PADDED | flag::PRIORITY, stream, &padded),
                    frame(kind::CONTINUATION, 0, stream, &[]),
                    frame(kind::CONTINUATION, flag::END_HEADERS, stream, &fields[2..]),
                    frame(0xbe, 0xff, stream, b"nobody knows"),
                    frame(kind::DATA, flag::PADDED, stream, &[&[2], &BODY[..7], &[0, 0]].concat()),
                    frame(kind::DATA, 0, stream, &[]),
                    frame(kind::DATA, 0, stream, &BODY[7..]),
                    frame(kind::HEADERS, flag::END_STREAM, stream, &trailers[..3]),
                    frame(kind::CONTINUATION, flag::END_HEADERS, stream, &trailers[3..]),
                ]
                .concat(),
            );
        }
    });
}

#[test]
fn replies_may_be_interleaved_and_come_in_any_order() {
    all_answered("interleaved", |server| {
        server.send(&settings(&[]));
        loop {
            let streams: Vec<u32> = (0..4).map_while(|_| server.request()).collect();
            if streams.len() < 4 {
                return;
            }
            for part in 0..3 {
                for stream in streams.iter().rev() {
                    server.send(&match part {
                        0 => headers(*stream),
                        1 => frame(kind::DATA, 0, *stream, BODY),
                        _ => trailers(*stream, "0", ""),
                    });
                }
            }
        }
    });
}

#[test]
fn windows_of_nothing_are_waited_for_and_may_become_negative() {
    all_answered("no window at first", |server| {
        server.send(&settings(&[(setting::INITIAL_WINDOW_SIZE, 0)]));
        while let Some((head, _)) = server.frame() {
            match head.kind {
                // A byte, and the rest later.
                kind::HEADERS => {
                    server.send(&frame(kind::WINDOW_UPDATE, 0, head.stream, &1_u32.to_be_bytes()));
                }
                kind::DATA if head.has(flag::END_STREAM) => {
                    server.send(&reply(head.stream));
                }
                kind::DATA => {
                    assert_eq!(head.length, 1);
                    // Takes the room away that there is not, then gives what is missing.
                    server.send(&settings(&[(setting::INITIAL_WINDOW_SIZE, 0)]));
                    server.send(&frame(kind::WINDOW_UPDATE, 0, head.stream, &9_u32.to_be_bytes()));
                }
                _ => {}
            }
        }
    });
}

#[test]
fn no_more_streams_are_open_than_the_server_allows() {
    let summary = drive(
        |server| {
            server.send(&settings(&[(setting::MAX_CONCURRENT_STREAMS, 2)]));
            let mut open = 0_u32;
            while let Some((head, _)) = server.frame() {
                match head.kind {
                    kind::HEADERS => open += 1,
                    kind::DATA => {
                        // More would be refused, and the test would see it.
                        server.send(&if open > 2 {
                            frame(kind::RST_STREAM, 0, head.stream, &7_u32.to_be_bytes())
                        } else {
                            reply(head.stream)
                        });
                        open -= 1;
                    }
                    _ => {}
                }
            }
        },
        &["-n", "50", "-c", "10"],
    );
    assert_eq!(summary.calls.answered, 50, "{:?} {:?}", summary.calls, summary.statuses);
}

#[test]
fn questions_are_answered_however_many() {
    all_answered("20,000 SETTINGS and as many PINGs", |server| {
        server.send(&settings(&[]));
        let Some(first) = server.request() else { return };
        let question =
            [settings(&[(setting::MAX_FRAME_SIZE, 1 << 20)]), frame(kind::PING, 0, 0, b"question")];
        for _ in 0..200 {
            if !server.send(&question.concat().repeat(100)) {
                return;
            }
        }
        let (mut answers, mut requests) = (0, vec![first]);
        while answers < 40_000 {
            let Some((head, payload)) = server.frame() else { return };
            match head.kind {
                kind::SETTINGS if head.has(flag::ACK) => answers += 1,
                kind::PING => {
                    assert!(head.has(flag::ACK) && payload == b"question");
                    answers += 1;
                }
                kind::DATA => requests.push(head.stream),
                _ => {}
            }
        }
        for stream in requests {
            server.send(&reply(stream));
        }
        server.answer_all();
    });
}

#[test]
fn a_server_that_breaks_the_protocol_is_told_how() {
    told("bad header block", ErrorCode::COMPRESSION_ERROR, |stream| {
        frame(kind::HEADERS, flag::END_HEADERS, stream, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
    });
    told("a frame that is too large", ErrorCode::FRAME_SIZE_ERROR, |stream| {
        frame(kind::DATA, 0, stream, &vec![0; (1 << 20) + 1])
    });
    told("push", ErrorCode::PROTOCOL_ERROR, |stream| {
        frame(kind::PUSH_PROMISE, flag::END_HEADERS, stream, &[0; 4])
    });
    told("a stream that nobody opened", ErrorCode::PROTOCOL_ERROR, |stream| reply(stream + 100));
    told("padding", ErrorCode::PROTOCOL_ERROR, |stream| frame(kind::DATA, flag::PADDED, stream, &[9, 0]));
    told("an interrupted header block", ErrorCode::PROTOCOL_ERROR, |stream| {
        [frame(kind::HEADERS, 0, stream, &[]), settings(&[])].concat()
    });
    told("a window that is too large", ErrorCode::FLOW_CONTROL_ERROR, |_| {
        let wider = frame(kind::WINDOW_UPDATE, 0, 0, &LARGEST_STREAM.to_be_bytes());
        wider.repeat(2)
    });
    told("an increment of nothing", ErrorCode::PROTOCOL_ERROR, |_| frame(kind::WINDOW_UPDATE, 0, 0, &[0; 4]));
    told("settings of a wrong length", ErrorCode::FRAME_SIZE_ERROR, |_| frame(kind::SETTINGS, 0, 0, &[0; 5]));
}

#[test]
fn wrong_values_in_the_first_settings_are_named() {
    for (identifier, value, code, word) in [
        (setting::INITIAL_WINDOW_SIZE, 1 << 31, ErrorCode::FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE"),
        (setting::MAX_FRAME_SIZE, 1, ErrorCode::PROTOCOL_ERROR, "MAX_FRAME_SIZE"),
        (setting::ENABLE_PUSH, 2, ErrorCode::PROTOCOL_ERROR, "ENABLE_PUSH"),
    ] {
        let heard = Arc::new(AtomicU32::new(u32::MAX));
        let ears = Arc::clone(&heard);
        let summary = drive(
            move |server| {
                server.send(&settings(&[(identifier, value)]));
                if let Some(code) = server.farewell() {
                    ears.store(code, Ordering::Relaxed);
                }
            },
            &SHORT,
        );
        assert!(summary.calls.planned > 0);
        assert!(
            summary.statuses.iter().all(|status| status.message.contains(word)),
            "{word}: {:?}",
            summary.statuses
        );
        eventually("a GOAWAY", || heard.load(Ordering::Relaxed) != u32::MAX);
        assert_eq!(ErrorCode(heard.load(Ordering::Relaxed)), code, "{word}");
    }
}

#[test]
fn an_error_of_one_stream_leaves_the_others_alone() {
    for (name, breaks, code) in [
        ("a window of a stream", kind::WINDOW_UPDATE, ErrorCode::PROTOCOL_ERROR),
        ("contents before headers", kind::DATA, ErrorCode::PROTOCOL_ERROR),
    ] {
        let resets = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&resets);
        let summary = drive(
            move |server| {
                server.send(&settings(&[]));
                while let Some((head, payload)) = server.frame() {
                    match head.kind {
                        kind::DATA if head.stream % 4 == 1 => {
                            server.send(&frame(breaks, 0, head.stream, &[0; 4]));
                        }
                        kind::DATA => {
                            server.send(&reply(head.stream));
                        }
                        kind::RST_STREAM => {
                            assert_eq!(payload, code.0.to_be_bytes());
                            seen.fetch_add(1, Ordering::Relaxed);
                        }
                        _ => {}
                    }
                }
            },
            &FEW,
        );
        assert_eq!(
            (summary.calls.answered, summary.calls.failed),
            (10, 10),
            "{name}: {:?}",
            summary.statuses
        );
        eventually("the resets", || resets.load(Ordering::Relaxed) >= 9);
    }
}

#[test]
fn a_header_block_that_is_too_long_ends_one_call() {
    let summary = drive(
        |server| {
            server.send(&settings(&[]));
            while let Some(stream) = server.request() {
                let more = frame(kind::CONTINUATION, 0, stream, &[0; 16_384]).repeat(100);
                let end = frame(kind::CONTINUATION, flag::END_HEADERS, stream, &[]);
                let endless = [frame(kind::HEADERS, flag::END_STREAM, stream, &[]), more, end].concat();
                server.send(&if stream % 4 == 1 { endless } else { reply(stream) });
            }
        },
        &FEW,
    );
    assert_eq!((summary.calls.answered, summary.calls.failed), (10, 10), "{:?}", summary.statuses);
    assert!(summary.statuses[0].message.contains("64 KiB"), "{:?}", summary.statuses);
}

#[test]
fn calls_above_the_last_stream_of_a_goaway_are_made_again_and_none_is_lost() {
    all_answered("each connection serves three calls", |server| {
        server.send(&settings(&[]));
        let mut answered = 0;
        while let Some(stream) = server.request() {
            answered += 1;
            if answered == 3 {
                // The other calls that are under way were not looked at.
                server.send(
                    &[frame(kind::GOAWAY, 0, 0, &[stream.to_be_bytes(), [0; 4]].concat()), reply(stream)]
                        .concat(),
                );
                while server.frame().is_some() {}
                return;
            }
            server.send(&reply(stream));
        }
    });
}

#[test]
fn a_server_that_takes_no_call_on_any_connection_lets_calls_wait() {
    let connections = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&connections);
    let address = start(move |server| {
        seen.fetch_add(1, Ordering::Relaxed);
        server.send(&[settings(&[]), frame(kind::GOAWAY, 0, 0, &[0; 8])].concat());
        while server.frame().is_some() {}
    });
    let mut command = plimsoll(&["run", &address.to_string(), "-q", "-O", "json", "--no-rehearsal"]);
    command.args(["-r", "200", "-z", "1h", "-w", "0s"]).args(EVENTS);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    let mut lines = lines_of(&mut child);
    await_line(&mut lines, "\"started\"");
    let before = connections.load(Ordering::Relaxed);
    eventually("seven further connections", || connections.load(Ordering::Relaxed) >= before + 7);
    signal(child.id(), Signal::INT);
    let summary = Summary::strict(&finish(child).stdout).expect("a summary");
    summary.check();
    // They never left the client.
    assert!(summary.calls.planned > 0);
    assert_eq!(summary.calls.unfinished, summary.calls.planned, "{:?}", summary.statuses);
    let closed = summary.connections.as_ref().map_or(0, |seen| seen.closed);
    assert!(closed >= 5, "{:?}", summary.connections);
    assert!(summary.has_finding("connections_limited"), "{:?}", summary.soundness);
    // 10, 20, 40 ms and so on between two attempts.
    assert!(summary.window_ns > 300_000_000, "{}", summary.window_ns);
}

#[test]
fn a_server_that_never_reads_leaves_calls_unfinished() {
    let summary = drive(
        |server| {
            server.send(&settings(&[]));
            std::thread::park();
        },
        &[SHORT.as_slice(), &DRAIN].concat(),
    );
    assert_eq!(summary.calls.unfinished, 4, "{:?}", summary.calls);
    let address = start(|server| {
        server.send(&settings(&[(setting::INITIAL_WINDOW_SIZE, LARGEST_STREAM)]));
        server.send(&frame(kind::WINDOW_UPDATE, 0, 0, &(LARGEST_STREAM - 65_535).to_be_bytes()));
        std::thread::park();
    });
    let address = address.to_string();
    let large = [&address, "-w", "0s", "-s", "16MiB"];
    let summary = run_with_status(&[large.as_slice(), &SHORT, &DRAIN].concat()).1;
    assert_eq!(summary.calls.unfinished, 4, "{:?}", summary.calls);
}

#[test]
fn a_server_without_settings_breaks_calls_and_is_asked_again() {
    let silent = |server: &mut Conversation| while server.frame().is_some() {};
    let summary = drive(silent, &[SHORT.as_slice(), &DRAIN].concat());
    assert_eq!(summary.calls.broken + summary.calls.unfinished, summary.calls.planned, "{:?}", summary.calls);
    assert!(summary.calls.planned >= 4);
}
