//! Test that `proto/generated` is what `proto/format_data.proto` compiles to.
//!
//! `UPDATE_GENERATED=1 cargo test --test generated_code` writes it again. It is committed, and not made by each build:
//! the compiler and the generator take a fifth of the first build's time.

use std::{env, fs, path::Path};

use prost::Message as _;

#[test]
fn the_generated_code_is_that_of_the_proto() {
    let descriptors = protox::compile(["proto/format_data.proto"], ["proto"]).expect("it compiles");
    let made = tempfile::tempdir().expect("a folder");
    fs::write(made.path().join("format_data.bin"), descriptors.encode_to_vec()).expect("writable");
    tonic_prost_build::configure().out_dir(made.path()).compile_fds(descriptors).expect("generated");
    let committed = Path::new("proto/generated");
    for name in ["example.rs", "format_data.bin"] {
        let (new, old) = (made.path().join(name), committed.join(name));
        if env::var_os("UPDATE_GENERATED").is_some() {
            fs::copy(&new, &old).expect("writable");
        }
        let read = |path: &Path| fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(
            read(&new) == read(&old),
            "{name} is another: UPDATE_GENERATED=1 cargo test --test generated_code"
        );
    }
}
