//! Header blocks while they arrive.

use crate::{
    client::lean::{
        frame::{ConnectionError, ErrorCode},
        status::Fields,
    },
    rpc::Compression,
};

/// The largest header block, compressed or not. Tonic's clients take 16 KiB.
pub(super) const MAX_HEADER_BLOCK: u32 = 64 << 10;

/// A header block whose end is still to come (4.3).
#[derive(Debug)]
pub(super) struct Assembling {
    pub(super) stream: u32,
    pub(super) ends_stream: bool,
    /// No longer than it may be and one fragment.
    pub(super) block: Vec<u8>,
}

/// Header blocks that were read before and had the usual contents. Blocks have no state, so the same
/// bytes mean the same, and most servers send them over and over.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// HTTP's and gRPC's "here it comes".
    pub(super) headers: Vec<u8>,
    /// How those say that replies are compressed.
    pub(super) compression: Option<Compression>,
    /// gRPC's OK.
    pub(super) trailers: Vec<u8>,
}

/// What a header block says.
pub(super) enum Block {
    UsualHeaders,
    UsualTrailers,
    Fields(Fields),
    /// Malformed by RFC 9113, in these words.
    Malformed(&'static str),
    TooLong,
}

pub(super) fn protocol_error(what: &'static str) -> ConnectionError {
    ConnectionError::new(ErrorCode::PROTOCOL_ERROR, what)
}
