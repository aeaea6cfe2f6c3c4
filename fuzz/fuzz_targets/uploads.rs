//! Fuzz target: a whole connection with a message that needs many windows, against a server that sends the
//! bytes.
//!
//! `cargo +nightly fuzz run uploads fuzz/corpus/uploads fuzz/seeds/connection`

#![no_main]

#[path = "../../tests/adversary/drive.rs"]
#[allow(dead_code)]
mod drive;

use std::sync::LazyLock;

static CLIENT: LazyLock<drive::Client> = LazyLock::new(|| drive::Client::new(100_000));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| CLIENT.conversation(bytes));
