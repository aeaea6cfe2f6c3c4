//! A whole connection against a server that does what the bytes say.
//!
//! `cargo +nightly fuzz run connection fuzz/corpus/connection fuzz/seeds/connection`

#![no_main]

#[path = "../../tests/adversary/drive.rs"]
#[allow(dead_code)]
mod drive;

use std::sync::LazyLock;

static SMALL: LazyLock<drive::Client> = LazyLock::new(|| drive::Client::new(3));
static LARGE: LazyLock<drive::Client> = LazyLock::new(|| drive::Client::new(100_000));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    SMALL.conversation(bytes);
    LARGE.conversation(bytes);
});
