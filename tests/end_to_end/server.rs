//! The reference server and the one-call client.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    process::Stdio,
};

use plimsoll::client::lean::{
    frame::{PREFACE, flag, kind},
    header_block::decode,
};
use rustix::process::Signal;

use crate::{
    process::{HANGS, Server, client, eventually, output_of, over_both_clients, plimsoll, run, text},
    raw_server::{self, Conversation, block, frame, settings},
    scripted_server::{self, Script},
};

/// Runs `plimsoll call` over this test's client.
fn call(arguments: &[&str]) -> std::process::Output {
    output_of(&[&["call", "--client", client()], arguments].concat())
}

fn a_call_prints_the_reply() {
    let server = Server::start(&[]);
    let output = call(&[&server.target(), "hello,world!"]);
    assert_eq!((text(&output.stdout).as_str(), output.status.code()), ("HELLO,WORLD!\n", Some(0)));
}

fn a_call_takes_its_text_from_standard_input_and_files() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("text");
    std::fs::write(&file, "straße").expect("writable");
    let output = call(&[&server.target(), "--text-file", file.to_str().expect("UTF-8")]);
    assert_eq!(text(&output.stdout), "STRASSE\n");
    let mut child = plimsoll(&["call", "--client", client(), &server.target()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("piped").write_all(b"piped in").expect("it reads");
    assert_eq!(text(&child.wait_with_output().expect("it ends").stdout), "PIPED IN\n");
}

fn custom_metadata_comes_back_as_initial_metadata() {
    let server = Server::start(&[]);
    let arguments =
        ["-v", "-m", "ip: 127.0.0.1", "-m", "hello: 360", "-m", "key-bin: AP8=", &server.target(), "x"];
    let output = call(&arguments);
    let details = text(&output.stderr);
    let bare = call(&["-v", "-m", "bare-bin: AP8", &server.target(), "x"]);
    assert!(text(&bare.stderr).contains("  bare-bin: AP8"), "{}", text(&bare.stderr));
    for line in ["  ip: 127.0.0.1\n", "  hello: 360\n", "  key-bin: AP8", "status: OK (0)", "service time: "]
    {
        assert!(details.contains(line), "{line} is not in {details}");
    }
    for reserved in ["user-agent", "  te:", "grpc-", "content-type"] {
        assert!(!details.contains(reserved), "{details}");
    }
    let json = call(&["-O", "json", "-m", "ip: 127.0.0.1", &server.target(), "x"]).stdout;
    let document: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(document["schema"], "plimsoll.call/1");
    assert_eq!(document["text"], "X");
    assert_eq!(document["status"]["number"], 0);
    assert_eq!(document["initial_metadata"][0]["name"], "ip");
}

fn a_status_other_than_ok_is_printed_and_exits_2() {
    let server = Server::start(&["--obey"]);
    let call = |flags: &[&str]| call(&[flags, &[&server.target(), "text"]].concat());
    for (flags, words) in [
        (["-m", "plimsoll-status: NOT_FOUND"].as_slice(), "NOT_FOUND (5)"),
        (&["-m", "plimsoll-delay: 1s", "-t", "10ms"], "DEADLINE_EXCEEDED (4): "),
        (&["--max-recv-message-size", "5"], "OUT_OF_RANGE (11)"),
        (&["--max-send-message-size", "5"], "client's own limit of 5 bytes"),
        (&["-m", "plimsoll-delay: soon"], "INVALID_ARGUMENT (3)"),
    ] {
        let output = call(flags);
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        assert!(text(&output.stderr).contains(words), "{flags:?}: {}", text(&output.stderr));
    }
    let large = call(&["-m", "plimsoll-reply-size: 1000"]);
    assert_eq!(large.stdout.len(), 997 + 1);
}

/// Checks the status of a passed deadline. Tonic's server returns CANCELLED, which clients of other
/// implementations report unchanged. The request is made by hand, because every client has a timer of its
/// own.
#[test]
fn the_server_itself_says_deadline_exceeded() {
    let server = Server::start(&["--obey"]);
    // A thread that gets its core too late leaves the word to tonic: not every time.
    let statuses: Vec<String> = (0..20).map(|_| status_of_a_late_call(&server)).collect();
    assert!(statuses.iter().all(|status| status == "4" || status == "1"), "{statuses:?}");
    assert!(statuses.iter().any(|status| status == "4"), "{statuses:?}");
}

/// The status of a call that the server delays beyond its deadline.
fn status_of_a_late_call(server: &Server) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let status = runtime.block_on(async {
        let socket = tokio::net::TcpStream::connect(server.address).await.expect("it listens");
        let (mut client, connection) = h2::client::handshake(socket).await.expect("HTTP/2");
        tokio::spawn(connection);
        let request = http::Request::post(format!("http://{}/example.FormatData/DoFormat", server.address))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-timeout", "20m")
            .header("plimsoll-delay", "1h");
        let request = request.body(()).expect("a request");
        let (response, mut body) = client.send_request(request, false).expect("a stream");
        // A message of no bytes.
        body.send_data(prost::bytes::Bytes::from_static(&[0; 5]), true).expect("room");
        let response = response.await.expect("headers");
        response.headers()["grpc-status"].clone()
    });
    status.to_str().expect("ASCII").to_owned()
}

#[test]
fn one_who_does_not_obey_is_not_asked() {
    let server = Server::start(&[]);
    let output = output_of(&["call", "-m", "plimsoll-status: 5", &server.target(), "x"]);
    assert_eq!(text(&output.stdout), "X\n");
}

#[test]
fn every_address_of_a_name_is_listened_on_and_tried() {
    let mut child = plimsoll(&["serve", "--listen", "127.0.0.1:0", "--listen", "[::1]:0", "-O", "json"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut json = String::new();
    let mut stdout = child.stdout.take().expect("piped");
    while !json.ends_with("}\n") {
        let mut byte = [0];
        if stdout.read(&mut byte).expect("readable") == 0 {
            break;
        }
        json.push(char::from(byte[0]));
    }
    // A machine without IPv6 says so, and there is nothing to test.
    if let Ok(document) = serde_json::from_str::<serde_json::Value>(&json) {
        for address in document["listening"].as_array().expect("a list") {
            let output = output_of(&["call", address.as_str().expect("text"), "x"]);
            assert_eq!(text(&output.stdout), "X\n", "{address}");
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Sends a signal, and waits until the server listens no more.
fn end_listening(server: &Server, which: Signal) {
    server.signal(which);
    eventually("the end of listening", || TcpStream::connect(server.address).is_err());
}

#[test]
fn a_signal_drains_what_has_begun() {
    for which in [Signal::INT, Signal::TERM] {
        let (server, mut peer) = occupied(&["--drain", "1h"], &[preface(), half_a_call(1, &[])].concat());
        peer.ping();
        end_listening(&server, which);
        // The rest of the call: it is answered, and then there is nothing left to wait for.
        assert!(peer.send(&frame(kind::DATA, flag::END_STREAM, 1, &[0; 5])), "it reads");
        assert_eq!(status_of(&mut peer), "0", "calls in flight are answered");
        drop(peer);
        assert_eq!(server.end().0, Some(0));
    }
}

#[test]
fn a_second_signal_stops_at_once() {
    let endless = [preface(), whole_call(1, &[("plimsoll-delay", "1h")])].concat();
    let (server, mut peer) = occupied(&["--obey", "--drain", "1h"], &endless);
    // Calls are taken in their order: when the second is answered, the first is in work.
    assert!(peer.send(&whole_call(3, &[])), "it reads");
    assert_eq!(status_of(&mut peer), "0");
    end_listening(&server, Signal::INT);
    server.signal(Signal::INT);
    let (status, stderr) = server.end();
    assert_eq!(status, Some(0), "{stderr}");
    // The look whether it listens may have been a connection too.
    assert!(stderr.contains("with 1 unanswered call\n"), "{stderr}");
}

fn a_call_whose_connection_is_closed_exits_2() {
    let target = raw_server::start(|server| {
        server.send(&settings(&[]));
        server.request();
    });
    assert_eq!(call(&[&target.to_string(), "endless"]).status.code(), Some(2));
}

#[test]
fn connections_over_the_bound_are_closed_at_once() {
    let server = Server::start(&["--max-connections", "1"]);
    let mut first = TcpStream::connect(server.address).expect("the first has a place");
    first.set_read_timeout(Some(HANGS)).expect("a socket");
    // The server's preface shows that the connection was taken.
    let mut frame = [0; 9];
    first.read_exact(&mut frame).expect("SETTINGS");
    let mut second = TcpStream::connect(server.address).expect("the kernel accepts");
    second.set_read_timeout(Some(HANGS)).expect("a socket");
    // Closed without a word; a reset, where it was closed before it was accepted.
    match second.read(&mut frame) {
        Ok(bytes) => assert_eq!(bytes, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    drop(first);
    eventually("a free place", || output_of(&["call", &server.target(), "x"]).status.success());
}

/// Starts a server with these flags, and writes these bytes to one connection.
fn occupied(flags: &[&str], written: &[u8]) -> (Server, Conversation) {
    let server = Server::start_loud(flags);
    let stream = TcpStream::connect(server.address).expect("it listens");
    stream.set_read_timeout(Some(HANGS)).expect("a socket");
    let mut peer = Conversation { stream };
    // The server's own preface shows that it has taken the connection.
    peer.frame_of(kind::SETTINGS).expect("a preface");
    assert!(peer.send(written), "it reads");
    (server, peer)
}

/// Returns the header block of a call, without a message.
fn half_a_call(stream: u32, more: &[(&str, &str)]) -> Vec<u8> {
    let usual = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/example.FormatData/DoFormat"),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    frame(kind::HEADERS, flag::END_HEADERS, stream, &block(&[&usual, more].concat()))
}

/// Returns a call with the empty message.
fn whole_call(stream: u32, more: &[(&str, &str)]) -> Vec<u8> {
    [half_a_call(stream, more), frame(kind::DATA, flag::END_STREAM, stream, &[0; 5])].concat()
}

/// Returns a client's preface, with the largest windows, and its acknowledgement of the server's settings.
fn preface() -> Vec<u8> {
    let window = (1_u32 << 31) - 1;
    let rest = frame(kind::WINDOW_UPDATE, 0, 0, &(window - 65_535).to_be_bytes());
    let consent = frame(kind::SETTINGS, flag::ACK, 0, &[]);
    [PREFACE, &settings(&[(1, 0), (4, window)]), &rest, &consent].concat()
}

/// The status of the answer that comes next.
fn status_of(peer: &mut Conversation) -> String {
    loop {
        let (head, payload) = peer.frame_of(kind::HEADERS).expect("an answer");
        let mut status = None;
        let found = |name: &[u8], value: &[u8]| {
            if name == b"grpc-status" {
                status = Some(text(value));
            }
        };
        decode(&payload, found).expect("a block");
        if head.has(flag::END_STREAM) {
            return status.expect("a status");
        }
    }
}

#[test]
fn a_drain_ends_whatever_a_peer_does_and_says_what_it_cut() {
    let stuck: Vec<u8> = (0..100).flat_map(|call| half_a_call(call * 2 + 1, &[])).collect();
    let delayed = whole_call(1, &[("plimsoll-delay", "1h")]);
    for (what, written, calls) in [
        ("no preface", Vec::new(), "0 unanswered calls"),
        ("a call that was half sent", [preface(), half_a_call(1, &[])].concat(), "1 unanswered call"),
        ("a peer that answers no PING", [preface(), settings(&[])].concat(), "0 unanswered calls"),
        ("100 stuck streams", [preface(), stuck].concat(), "100 unanswered calls"),
        ("a call delayed for an hour", [preface(), delayed].concat(), "1 unanswered call"),
    ] {
        let (server, mut peer) = occupied(&["--obey", "--drain", "300ms"], &written);
        if !written.is_empty() {
            peer.ping();
        }
        server.signal(Signal::TERM);
        let (status, stderr) = server.end();
        assert_eq!(status, Some(0), "{what}: {stderr}");
        let expected = format!("the drain is over: closed 1 connection with {calls}\n");
        assert!(stderr.contains(&expected), "{what}: {stderr}");
    }
}

#[test]
fn a_peer_that_reads_no_replies_makes_the_server_hold_no_more_than_its_bound() {
    many_unread_replies(64, "4MiB", "8MiB", 128 << 10);
}

#[test]
#[ignore = "second suite: 1 GiB of replies"]
fn replies_of_a_gibibyte_make_the_server_hold_no_more_than_its_bound() {
    many_unread_replies(64, "16MiB", "32MiB", 256 << 10);
}

/// Asks for so many replies of this size, of which the server may hold so much, and reads them late. The server's peak
/// of memory is below `most` KiB.
fn many_unread_replies(replies: u32, size: &str, bound: &str, most: u64) {
    let calls: Vec<u8> =
        (0..replies).flat_map(|call| whole_call(call * 2 + 1, &[("plimsoll-reply-size", size)])).collect();
    let (server, mut peer) = occupied(&["--obey", "--max-reply-memory", bound], &[preface(), calls].concat());
    // All are answered in the end, in turn.
    let (mut bytes, mut ended) = (0, 0);
    while ended < replies {
        let (head, payload) = peer.frame().expect("a frame");
        bytes += if head.kind == kind::DATA { payload.len() } else { 0 };
        ended += u32::from(head.has(flag::END_STREAM));
    }
    let size: plimsoll::units::ByteSize = size.parse().expect("a size");
    assert!(bytes as u64 > u64::from(replies - 1) * size.0, "{bytes}");
    let memory = |what: &str| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(what))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    // Where the system tells.
    if let Some(peak) = memory("VmHWM:") {
        assert!(peak < most, "{peak} KiB at most, for {bytes} bytes of replies");
    }
    drop(peer);
    if cfg!(all(feature = "mimalloc", target_os = "linux")) {
        eventually("the peak's memory given back", || {
            memory("VmRSS:").is_some_and(|resident| resident < 48 << 10)
        });
    }
}

#[test]
fn requests_in_work_over_the_bound_of_their_connection_are_refused() {
    let part = [[0, 0, 4, 0, 0].as_slice(), &vec![b'x'; 200_000]].concat();
    let call = |stream| {
        let parts = part.chunks(16_384).flat_map(|chunk| frame(kind::DATA, 0, stream, chunk));
        [half_a_call(stream, &[]), parts.collect()].concat()
    };
    let (server, mut peer) = occupied(&["--max-request-memory", "500kB"], &preface());
    // The connection's window: 64 KiB until then.
    peer.frame_of(kind::WINDOW_UPDATE).expect("a window");
    assert!(peer.send(&[call(1), call(3), call(5)].concat()), "it reads");
    assert_eq!(status_of(&mut peer), "8");
    // What the refused call took is given back; others are not touched.
    let output = output_of(&["call", &server.target(), "x"]);
    assert_eq!(text(&output.stdout), "X\n");
}

/// Checks the stub's limit of 256 MiB, and the lean client's of nearly 2 GiB, with which it waits for the
/// bytes.
#[test]
fn an_unlimited_reply_is_what_the_client_makes_of_it() {
    let target = scripted_server::start(Script::Claim(300 << 20)).to_string();
    for (client, timeout, words) in [("lean", "300ms", "DEADLINE_EXCEEDED"), ("stub", "1m", "OUT_OF_RANGE")] {
        let unlimited = ["--max-recv-message-size", "unlimited", "-t", timeout, &target, "x"];
        let output = output_of(&[&["call", "--client", client], unlimited.as_slice()].concat());
        let said = text(&output.stderr);
        assert!(said.contains(words), "{client}: {said}");
    }
}

fn more_calls_than_streams_wait_for_a_free_one() {
    let server = Server::start(&["--max-concurrent-streams", "2"]);
    let summary = run(&[&server.target(), "-c", "20", "-n", "200", "--connections", "1"]);
    assert_eq!(summary.calls.answered, 200);
}

over_both_clients!(
    both:
    more_calls_than_streams_wait_for_a_free_one,
    a_call_prints_the_reply,
    a_call_takes_its_text_from_standard_input_and_files,
    custom_metadata_comes_back_as_initial_metadata,
    a_status_other_than_ok_is_printed_and_exits_2,
    a_call_whose_connection_is_closed_exits_2;
);
