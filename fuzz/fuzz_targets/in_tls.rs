//! Fuzz target: a connection within TLS, to a server that sends the bytes in a session or in place of one.
//!
//! `cargo +nightly fuzz run in_tls fuzz/corpus/in_tls fuzz/seeds/connection`

#![no_main]

#[path = "../../tests/adversary/drive.rs"]
#[allow(dead_code)]
mod drive;
#[path = "../../tests/adversary/in_tls.rs"]
mod in_tls;

use std::sync::LazyLock;

static CLIENT: LazyLock<drive::Client> = LazyLock::new(|| drive::Client::new(3));
static ENDS: LazyLock<in_tls::Ends> = LazyLock::new(in_tls::Ends::new);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    ENDS.conversation(&CLIENT, bytes);
    ENDS.instead_of_a_handshake(bytes);
});
