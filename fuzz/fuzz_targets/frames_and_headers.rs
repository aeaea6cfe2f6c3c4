//! Fuzz target: any bytes, read as frames and as header blocks.
//!
//! `cargo +nightly fuzz run frames_and_headers fuzz/corpus/frames_and_headers fuzz/seeds/frames_and_headers`

#![no_main]

#[path = "../../tests/adversary/drive.rs"]
#[allow(dead_code)]
mod drive;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drive::frames_and_headers(bytes));
