//! The generated code of `proto/format_data.proto`, and its descriptor for reflection. Both are in `proto/generated`;
//! a test makes them again.

#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    reason = "generated code"
)]

include!(concat!(env!("CARGO_MANIFEST_DIR"), "/proto/generated/example.rs"));

/// Path of the method in a request.
pub(crate) const PATH: &str = "/example.FormatData/DoFormat";

/// The compiled proto, as server reflection returns it.
pub const DESCRIPTOR: &[u8] =
    include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/proto/generated/format_data.bin"));
