//! The generated code of `proto/format_data.proto`, and its descriptor for reflection.

#![allow(missing_docs, clippy::pedantic, unreachable_pub, reason = "generated code")]

tonic::include_proto!("example");

/// Path of the method in a request.
pub(crate) const PATH: &str = "/example.FormatData/DoFormat";

/// The compiled proto, as server reflection returns it.
pub const DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/format_data.bin"));
