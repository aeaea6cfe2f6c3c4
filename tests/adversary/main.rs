//! The lean client's connection against anything: the inputs of the fuzz targets, on stable.

mod drive;

use std::{fs, path::Path};

use proptest::prelude::*;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new("fuzz/seeds").join(target);
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("the seeds").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    assert!(paths.len() >= 5, "{paths:?}");
    paths.into_iter().map(|path| fs::read(path).expect("readable")).collect()
}

/// Each seed, and each seed cut off, or with one byte changed.
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_as_frames_and_headers(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        drive::frames_and_headers(&bytes);
    }

    #[test]
    fn any_conversation(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        drive::Client::new(3).conversation(&bytes);
    }

    /// As above, but the server begins as it should.
    #[test]
    fn any_conversation_after_a_good_start(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let begun = [&[4, 0, 0, 0, 100, 3, 0, 0, 0], bytes.as_slice()].concat();
        drive::Client::new(100_000).conversation(&begun);
    }
}
