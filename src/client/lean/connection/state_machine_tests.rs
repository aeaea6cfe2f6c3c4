//! Tests of the connection's frames, without a socket.

use super::*;
use crate::{
    client::lean::{
        connection::closing::{LONGEST_HOLD, MOST_RETURNS},
        frame::{HEAD_BYTES, Head, flag, write},
        header_block::{Blocks, decode},
    },
    load::{Plan, Settings, Texts},
};

/// Makes a connection whose calls carry this text, after the server's SETTINGS.
fn connection(text: &str, settings: &[(u16, u32)]) -> Connection {
    let texts = Texts::Given { text: text.to_owned(), path: "text".into() };
    let plan = Plan::new(Settings { texts, ..Settings::default() }).expect("valid");
    let mut connection = Connection::new(Arc::new(Requests::new(&plan, "localhost:1")), 4);
    let mut bytes = Vec::new();
    write_settings(&mut bytes, settings);
    assert!(receive(&mut connection, &bytes).is_empty());
    written(&mut connection);
    connection
}

fn start(connection: &mut Connection) {
    connection.start(Call::now(0));
}

/// Handles these bytes. Returns the calls that ended with them or before.
fn receive(connection: &mut Connection, bytes: &[u8]) -> Vec<Completion> {
    connection.receive(bytes, Instant::now()).expect("well formed");
    connection.completions().collect()
}

/// Returns the frames that the connection writes.
fn written(connection: &mut Connection) -> Vec<(Head, Vec<u8>)> {
    frames(&bytes(connection, usize::MAX))
}

/// Returns the bytes that the connection writes if the socket takes up to `most` bytes per write.
fn bytes(connection: &mut Connection, most: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < most {
        let mut slices = [IoSlice::new(&[]); MOST_SLICES];
        let count = connection.slices(&mut slices);
        let room = most - bytes.len();
        let more: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.to_vec()).take(room).collect();
        if more.is_empty() {
            break;
        }
        connection.written(more.len());
        bytes.extend(more);
    }
    bytes
}

fn frames(bytes: &[u8]) -> Vec<(Head, Vec<u8>)> {
    let mut rest = bytes.strip_prefix(PREFACE).unwrap_or(bytes);
    let mut frames = Vec::new();
    while let Some((head, behind)) = rest.split_first_chunk::<HEAD_BYTES>() {
        let head = Head::parse(*head);
        let payload = &behind[..behind.len().min(head.length as usize)];
        frames.push((head, payload.to_vec()));
        rest = &behind[payload.len()..];
    }
    frames
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes, kind, flags, stream, payload);
    bytes
}

fn status(stream: u32, code: &str) -> Vec<u8> {
    let fields = [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", code)];
    frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, &Blocks::of(&fields).literal)
}

fn kinds(frames: &[(Head, Vec<u8>)]) -> Vec<(u8, u32)> {
    frames.iter().map(|(head, _)| (head.kind, head.stream)).collect()
}

#[test]
fn when_the_numbers_are_used_up_calls_are_given_back() {
    let mut connection = connection("abc", &[(setting::MAX_CONCURRENT_STREAMS, 1)]);
    connection.streams = Streams::starting_at(LARGEST_STREAM);
    for _ in 0..3 {
        start(&mut connection);
    }
    assert_eq!(
        kinds(&written(&mut connection)),
        [(kind::HEADERS, LARGEST_STREAM), (kind::DATA, LARGEST_STREAM)]
    );
    assert!(connection.closing().is_none());
    let ended = receive(&mut connection, &status(LARGEST_STREAM, "5"));
    assert_eq!(ended.len(), 1);
    assert!(connection.closing().is_some_and(|reason| reason.message.contains("no stream numbers left")));
    assert_eq!(connection.take_returned().len(), 2);
    assert!(connection.is_idle());
}

#[test]
fn a_server_that_takes_its_table_away_gets_headers_spelled_out() {
    let mut connection = connection("abc", &[]);
    start(&mut connection);
    start(&mut connection);
    let mut smaller = Vec::new();
    write_settings(&mut smaller, &[(setting::HEADER_TABLE_SIZE, 0)]);
    receive(&mut connection, &smaller);
    start(&mut connection);
    start(&mut connection);
    let frames = written(&mut connection);
    let blocks: Vec<&Vec<u8>> =
        frames.iter().filter(|(head, _)| head.kind == kind::HEADERS).map(|(_, block)| block).collect();
    let [introduction, indexed, table_off, literal] = blocks[..] else { panic!("{frames:?}") };
    assert!(indexed.len() < 12 && decode(indexed, |_, _| {}).is_err(), "{indexed:?}");
    let fields = |block: &[u8]| {
        let mut fields = Vec::new();
        decode(block, |name, value| fields.push((name.to_vec(), value.to_vec())))
            .expect("no table is needed");
        fields
    };
    assert_eq!((table_off[0], literal[0]), (0x20, 0x83));
    assert_eq!(fields(introduction), fields(table_off));
    assert_eq!(fields(introduction), fields(literal));
    // The acknowledgement of SETTINGS comes between the two frames, and the new size applies after it.
    let answer = frames.iter().position(|(head, _)| head.kind == kind::SETTINGS).expect("an answer");
    assert_eq!(frames.iter().filter(|(head, _)| head.kind == kind::HEADERS).count(), 4);
    assert!(frames[..answer].iter().filter(|(head, _)| head.kind == kind::HEADERS).count() == 2);
}

#[test]
fn what_is_left_of_a_rejected_upload_is_withdrawn_and_the_stream_reset() {
    let mut connection = connection(&"a".repeat(60_000), &[]);
    start(&mut connection);
    start(&mut connection);
    // These bytes are the headers and part of the first frame.
    let mut out = bytes(&mut connection, 1_000);
    let ended = receive(&mut connection, &status(1, "8"));
    assert_eq!(ended.len(), 1);
    out.extend(bytes(&mut connection, usize::MAX));
    let frames = frames(&out);
    let data =
        |stream| frames.iter().filter(move |(head, _)| (head.kind, head.stream) == (kind::DATA, stream));
    assert_eq!(data(1).count(), 1, "the frame that was begun is finished, and no other comes");
    assert!(kinds(&frames).contains(&(kind::RST_STREAM, 1)));
    let sent: u32 = data(3).map(|(head, _)| head.length).sum();
    assert_eq!(sent, 65_535 - 16_384, "the other call has the window that was given back");
}

#[test]
fn a_server_that_resets_behind_its_status_is_not_reset_in_return() {
    let mut connection = connection(&"a".repeat(100_000), &[]);
    start(&mut connection);
    bytes(&mut connection, 1_000);
    let both = [status(1, "8"), frame(kind::RST_STREAM, 0, 1, &[0; 4])].concat();
    let ended = receive(&mut connection, &both);
    assert!(matches!(ended[..], [Completion { outcome: Outcome::Failed(_), .. }]), "{ended:?}");
    assert!(!kinds(&written(&mut connection)).iter().any(|(kind, _)| *kind == kind::RST_STREAM));
}

#[test]
fn a_call_is_given_back_twice_and_then_broken() {
    let mut call = Call::now(0);
    for round in 0..3 {
        let mut connection = connection("abc", &[]);
        connection.start(call.clone());
        written(&mut connection);
        let ended = receive(&mut connection, &frame(kind::GOAWAY, 0, 0, &[0; 8]));
        let returned = connection.take_returned();
        if round < 2 {
            assert_eq!((ended.len(), returned.len()), (0, 1));
            call = returned[0].clone();
        } else {
            assert!(
                matches!(ended[..], [Completion { outcome: Outcome::Broken(_), .. }]) && returned.is_empty(),
                "{ended:?}"
            );
        }
    }
}

#[test]
fn a_call_that_never_left_the_client_is_given_back_without_limit() {
    let spent = Call { returned: MOST_RETURNS, ..Call::now(0) };
    let failure = Failure { code: Code::UNAVAILABLE, message: "gone".to_owned() };
    // The calls are framed and not written, or wait for a stream. Each case is tested with GOAWAY and with a
    // lost connection.
    for settings in [&[][..], &[(setting::MAX_CONCURRENT_STREAMS, 0)]] {
        for is_lost in [false, true] {
            let mut connection = connection("abc", settings);
            connection.start(spent.clone());
            if is_lost {
                connection.lose(&failure, Instant::now());
            } else {
                let goodbye = frame(kind::GOAWAY, 0, 0, &[0; 8]);
                connection.receive(&goodbye, Instant::now()).expect("well formed");
            }
            let returned = connection.take_returned();
            assert!(!connection.has_completions());
            assert_eq!(returned, std::slice::from_ref(&spent), "and no allowance is used up");
        }
    }
}

#[test]
fn a_refused_stream_is_given_back_and_fails_in_the_end() {
    let mut connection = connection("abc", &[]);
    start(&mut connection);
    let refused = ErrorCode::REFUSED_STREAM.0.to_be_bytes();
    let mut stream = 1;
    for returned in 1..=MOST_RETURNS {
        written(&mut connection);
        assert!(receive(&mut connection, &frame(kind::RST_STREAM, 0, stream, &refused)).is_empty());
        let calls = connection.take_returned();
        assert_eq!(calls.iter().map(|call| call.returned).collect::<Vec<_>>(), [returned]);
        connection.start(calls[0].clone());
        stream += 2;
    }
    let ended = receive(&mut connection, &frame(kind::RST_STREAM, 0, stream, &refused));
    assert!(matches!(ended[..], [Completion { outcome: Outcome::Failed(_), .. }]), "{ended:?}");
}

/// A server that closes each connection after one request takes one stream of each connection.
#[test]
fn the_last_try_of_a_call_waits_for_a_stream_that_the_server_will_take() {
    let mut connection = connection("abc", &[]);
    connection.queue.least_taken = 1;
    for returned in [MOST_RETURNS, MOST_RETURNS, 0] {
        connection.start(Call { returned, ..Call::now(0) });
    }
    let opened: Vec<u32> = written(&mut connection)
        .iter()
        .filter(|(head, _)| head.kind == kind::HEADERS)
        .map(|(head, _)| head.stream)
        .collect();
    assert_eq!(opened, [1, 3], "the second last try is held");
    let ended = receive(&mut connection, &frame(kind::GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]));
    assert!(ended.is_empty(), "{ended:?}");
    let mut returned: Vec<u8> = connection.take_returned().iter().map(|call| call.returned).collect();
    returned.sort_unstable();
    assert_eq!(returned, [1, MOST_RETURNS]);
    assert_eq!((connection.taken(), connection.in_flight()), (1, 1));
    assert!(connection.closes_gracefully());
}

#[test]
fn the_last_try_of_a_call_is_not_held_for_ever() {
    let mut connection = connection("abc", &[]);
    connection.queue.least_taken = 1;
    start(&mut connection);
    let last = Call { returned: MOST_RETURNS, ..Call::now(0) };
    let now = last.sent;
    connection.start(last);
    assert_eq!(connection.held_until(), None, "another call is in flight");
    connection.receive(&status(1, "5"), now).expect("well formed");
    assert_eq!(connection.next_deadline(), Some(now + LONGEST_HOLD));
    connection.expire(now);
    assert_eq!(connection.streams.len(), 0);
    connection.expire(now + LONGEST_HOLD);
    assert_eq!((connection.streams.len(), connection.held_until()), (1, None));
}

#[test]
fn what_was_framed_to_its_end_is_withdrawn_too_when_the_server_has_ended_the_call() {
    let mut connection = connection(&"a".repeat(60_000), &[]);
    start(&mut connection);
    let mut out = bytes(&mut connection, 1_000);
    receive(&mut connection, &status(1, "8"));
    out.extend(bytes(&mut connection, usize::MAX));
    let frames = frames(&out);
    assert!(
        !frames.iter().any(|(head, _)| head.kind == kind::DATA && head.has(flag::END_STREAM)),
        "{:?}",
        kinds(&frames)
    );
    assert_eq!(kinds(&frames).last(), Some(&(kind::RST_STREAM, 1)));
}

#[test]
fn headers_without_a_field_are_no_response() {
    let mut connection = connection("abc", &[]);
    start(&mut connection);
    let ended = receive(&mut connection, &frame(kind::HEADERS, flag::END_HEADERS, 1, &[]));
    assert!(matches!(ended[..], [Completion { outcome: Outcome::Failed(_), .. }]), "{ended:?}");
}
