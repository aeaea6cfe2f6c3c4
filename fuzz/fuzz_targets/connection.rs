//! Fuzz target: a whole connection with a small message, against a server that sends the bytes.
//!
//! The target `uploads` uses a large message, and is 100 times slower.
//!
//! `cargo +nightly fuzz run connection fuzz/corpus/connection fuzz/seeds/connection`

#![no_main]

#[path = "../../tests/adversary/drive.rs"]
#[allow(dead_code)]
mod drive;

use std::sync::LazyLock;

static CLIENT: LazyLock<drive::Client> = LazyLock::new(|| drive::Client::new(3));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| CLIENT.conversation(bytes));
