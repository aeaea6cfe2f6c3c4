//! The generated code of `proto/format_data.proto`, and its descriptor for reflection.

#![allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    reason = "generated code"
)]

tonic::include_proto!("example");

/// Path of the method in a request.
pub(crate) const PATH: &str = "/example.FormatData/DoFormat";

/// The compiled proto, as server reflection returns it.
pub const DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/format_data.bin"));
