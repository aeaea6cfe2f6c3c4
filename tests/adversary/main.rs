//! Tests of the lean client's connection against any bytes: the inputs of the fuzz targets, on stable Rust.

mod drive;
mod in_tls;

use std::{fs, path::Path, sync::LazyLock};

use proptest::prelude::*;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new("fuzz/seeds").join(target);
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("the seeds").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    assert!(paths.len() >= 5, "{paths:?}");
    paths.into_iter().map(|path| fs::read(path).expect("readable")).collect()
}

/// Returns each seed, each seed cut off, and each seed with one byte changed.
fn variants(seed: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let cut = (0..seed.len()).step_by(seed.len() / 64 + 1).map(|length| seed[..length].to_vec());
    let changed = (0..seed.len()).step_by(seed.len() / 64 + 1).flat_map(|at| {
        [0, 1, 0x80, 0xff].map(|mask| {
            let mut bytes = seed.to_vec();
            bytes[at] ^= mask;
            bytes
        })
    });
    cut.chain(changed)
}

#[test]
fn the_seeds_of_frames_and_headers_and_what_is_near_them() {
    for seed in seeds("frames_and_headers") {
        variants(&seed).for_each(|bytes| drive::frames_and_headers(&bytes));
    }
}

#[test]
fn the_seeds_of_the_connection_and_what_is_near_them() {
    let (small, large) = (drive::Client::new(3), drive::Client::new(100_000));
    for seed in seeds("connection") {
        variants(&seed).for_each(|bytes| {
            small.conversation(&bytes);
            large.conversation(&bytes);
        });
    }
}

static ENDS: LazyLock<in_tls::Ends> = LazyLock::new(in_tls::Ends::new);

/// Modes of a server within TLS: as it should be, new keys, small records, all of it, no TLS, an end in order.
const MODES: [u8; 6] = [0, 1, 2, 0b1011, 0b1_1100, 0b1110_0000];

#[test]
fn the_seeds_of_the_connection_within_tls() {
    let (small, large) = (drive::Client::new(3), drive::Client::new(100_000));
    for seed in seeds("connection") {
        for mode in MODES {
            let bytes = [&[mode], seed.as_slice()].concat();
            ENDS.conversation(&small, &bytes);
            ENDS.conversation(&large, &bytes);
        }
    }
}

#[test]
fn a_call_within_tls_ends_with_its_reply() {
    // An empty setting, a start, all that may be written, and the reply on stream 1.
    let steps = [4, 0, 0, 0, 100, 3, 0, 6, 255, 3, 48];
    for (mode, ended) in MODES.into_iter().zip([1, 1, 1, 1, 0, 0]) {
        let bytes = [&[mode][..], &steps].concat();
        assert_eq!(ENDS.conversation(&drive::Client::new(3), &bytes), ended, "{mode:b}");
    }
}

/// Bytes that TLS has taken cannot be withdrawn from a refused upload.
#[test]
fn a_full_socket_holds_back_64_kib_of_encrypted_bytes() {
    let held_back = ENDS.held_back();
    // Nothing behind the socket has read: what TLS holds is its own buffer, and the rest of one record.
    assert!((1..=(64 << 10) + 16_384).contains(&held_back), "{held_back}");
}

#[test]
fn a_bad_record_takes_no_good_one_with_it() {
    assert_eq!(ENDS.last_words(), (b"last words".to_vec(), true));
}

#[test]
fn bytes_in_place_of_a_handshake_end_the_connection() {
    for seed in seeds("connection").into_iter().chain(seeds("frames_and_headers")) {
        ENDS.instead_of_a_handshake(&seed);
    }
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    for bytes in [
        &b""[..],
        &settings,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        &[0x16, 3, 3, 0xff, 0xff],
        &[0x15, 3, 3, 0, 2, 2, 40],
    ] {
        ENDS.instead_of_a_handshake(bytes);
    }
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..400)
}

/// As any conversation, but the server begins as it should.
fn after_a_good_start(bytes: &[u8]) {
    let begun = [&[4, 0, 0, 0, 100, 3, 0, 0, 0], bytes].concat();
    drive::Client::new(100_000).conversation(&begun);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_bytes_as_frames_and_headers(bytes in any_bytes()) {
        drive::frames_and_headers(&bytes);
    }

    #[test]
    fn any_conversation(bytes in any_bytes()) {
        drive::Client::new(3).conversation(&bytes);
    }

    #[test]
    fn any_conversation_after_a_good_start(bytes in any_bytes()) {
        after_a_good_start(&bytes);
    }

    #[test]
    fn any_conversation_within_tls(bytes in any_bytes()) {
        ENDS.conversation(&drive::Client::new(3), &bytes);
        ENDS.instead_of_a_handshake(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    #[ignore = "second suite: 2,000 cases"]
    fn many_conversations_within_tls(bytes in any_bytes()) {
        ENDS.conversation(&drive::Client::new(100_000), &[&[0, 4, 0, 0, 0, 100, 3, 0, 0, 0], bytes.as_slice()].concat());
        ENDS.conversation(&drive::Client::new(3), &bytes);
        ENDS.instead_of_a_handshake(&bytes);
    }

    #[test]
    #[ignore = "second suite: 2,000 cases"]
    fn many_bytes_as_frames_and_headers(bytes in any_bytes()) {
        drive::frames_and_headers(&bytes);
    }

    #[test]
    #[ignore = "second suite: 2,000 cases"]
    fn many_conversations(bytes in any_bytes()) {
        drive::Client::new(3).conversation(&bytes);
    }

    #[test]
    #[ignore = "second suite: 2,000 cases"]
    fn many_conversations_after_a_good_start(bytes in any_bytes()) {
        after_a_good_start(&bytes);
    }
}
