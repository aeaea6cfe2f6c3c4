//! Tests of the bytes of requests.

use proptest::prelude::*;
use prost::Message as _;

use super::*;
use crate::load::{Settings, Texts};

fn requests(text: &str, options: Options) -> Requests {
    let texts = Texts::Given { text: text.to_owned(), path: "text".into() };
    let plan = Plan::new(Settings { texts, options, ..Settings::default() }).expect("valid");
    Requests::new(&plan, "localhost:1")
}

#[test]
fn a_small_call_is_two_frames_with_the_streams_number() {
    let requests = requests("abc", Options::default());
    for form in [Form::Introduction, Form::Indexed, Form::TableOff, Form::Literal] {
        let mut bytes = Vec::new();
        assert!(requests.write_small(&mut bytes, 0, form, 0x0102_0305));
        let head = Head::parse(*bytes.first_chunk().expect("a head"));
        assert_eq!((head.kind, head.flags, head.stream), (kind::HEADERS, flag::END_HEADERS, 0x0102_0305));
        let data = &bytes[HEAD_BYTES + head.length as usize..];
        let head = Head::parse(*data.first_chunk().expect("a head"));
        assert_eq!((head.kind, head.flags, head.stream), (kind::DATA, flag::END_STREAM, 0x0102_0305));
        assert_eq!(&data[HEAD_BYTES..], b"\0\0\0\0\x05\x0a\x03abc", "{form:?}");
    }
}

#[test]
fn a_long_header_block_is_continued() {
    let metadata = vec![Pair::new("x", "v".repeat(40_000))];
    let requests = requests("abc", Options { metadata, ..Options::default() });
    let mut bytes = Vec::new();
    requests.write_headers(&mut bytes, Form::Introduction, 1);
    let mut kinds = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some(head) = rest.first_chunk::<HEAD_BYTES>() {
        let head = Head::parse(*head);
        kinds.push((head.kind, head.has(flag::END_HEADERS)));
        rest = &rest[HEAD_BYTES + head.length as usize..];
    }
    assert_eq!(kinds, [(kind::HEADERS, false), (kind::CONTINUATION, false), (kind::CONTINUATION, true)]);
}

#[test]
fn deadlines_are_written_in_eight_digits() {
    for (timeout, written) in [
        (Duration::from_nanos(1), "1n"),
        (Duration::from_millis(20), "20000000n"),
        (Duration::from_millis(1_500), "1500000u"),
        (Duration::from_secs(3_600), "3600000m"),
        (Duration::from_nanos(100_000_001), "100001u"),
        (Duration::from_secs(1 << 40), "99999999H"),
    ] {
        assert_eq!(grpc_timeout(timeout), written);
    }
}

#[test]
fn a_message_over_the_clients_own_limit_is_refused_beforehand() {
    let options = Options { max_send_message_size: Limit::Bytes(4), ..Options::default() };
    let refused = requests("abc", options);
    let refusal = refused.get(0).refusal.as_ref().expect("5 bytes are over 4");
    assert_eq!((refusal.message_bytes, refusal.limit_bytes), (5, Some(4)));
    assert!(requests("abc", Options::default()).get(0).refusal.is_none());
}

proptest! {
    #[test]
    fn every_part_of_a_body_is_what_protobuf_encodes(text in "\\PC{0,60}", from: u64, to: u64) {
        let requests = requests(&text, Options::default());
        let message = crate::rpc::format_data::Data { text: text.clone() }.encode_to_vec();
        let length = u32::try_from(message.len()).expect("short").to_be_bytes();
        let whole = [&[0], length.as_slice(), &message].concat();
        let (from, to) = (from % (whole.len() as u64 + 1), to % (whole.len() as u64 + 1));
        let (from, to) = (from.min(to), from.max(to));
        let place = |at: u64| usize::try_from(at).expect("short");
        prop_assert_eq!(requests.body(0, from, to).concat(), &whole[place(from)..place(to)]);
        prop_assert_eq!(requests.get(0).body_bytes, whole.len() as u64);
    }
}
