//! Fuzz target: any bytes, read as a reply by the streaming reader and by a decoder. Both accept, or both refuse.
//!
//! `cargo +nightly fuzz run shape fuzz/corpus/shape fuzz/seeds/shape`

#![no_main]

use std::{path::Path, sync::OnceLock};

use plimsoll::rpc::{
    reply::is_message,
    schema::{Schema, Types},
};

static TYPES: OnceLock<Types> = OnceLock::new();

fn types() -> &'static Types {
    TYPES.get_or_init(|| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("shape.proto");
        let schema = Schema::compile(&[file], &[]).expect("it compiles");
        schema.types_of(&"t.S/Do".parse().expect("a name")).expect("a unary method")
    })
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, message)) = bytes.split_first() else { return };
    let decodes = types().is_reply(message);
    let shape = types().reply_shape();
    for piece in [usize::from(first % 16) + 1, usize::MAX] {
        assert_eq!(is_message(&shape, message, piece), decodes, "in pieces of {piece}: {message:?}");
    }
});
