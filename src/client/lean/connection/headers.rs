//! Header blocks while they arrive, and what they say.

use crate::{
    client::lean::{
        frame::{ConnectionError, ErrorCode, Head, flag},
        status::Fields,
    },
    rpc::Compression,
};

/// The largest header block, compressed or not. Tonic's clients take 16 KiB.
pub(super) const MAX_HEADER_BLOCK: u32 = 64 << 10;

/// Header blocks of a connection.
#[derive(Debug, Default)]
pub(super) struct Headers {
    begun: Option<Assembled>,
    known: Known,
}

/// A header block, or the part of it that has come (4.3).
#[derive(Debug)]
pub(super) struct Assembled {
    pub(super) stream: u32,
    pub(super) ends_stream: bool,
    /// No longer than it may be and one fragment.
    pub(super) block: Vec<u8>,
}

/// Header blocks that were read before and had the usual contents. Blocks have no state, so the same
/// bytes mean the same, and most servers send them over and over.
#[derive(Debug, Default)]
struct Known {
    /// HTTP's and gRPC's "here it comes".
    headers: Vec<u8>,
    /// How those say that replies are compressed.
    compression: Option<Compression>,
    /// gRPC's OK.
    trailers: Vec<u8>,
}

/// Meaning of a header block.
pub(super) enum Block {
    /// Of a reply that will come, in this compression.
    UsualHeaders(Option<Compression>),
    UsualTrailers,
    Fields(Fields),
    /// Malformed by RFC 9113, in these words.
    Malformed(&'static str),
    TooLong,
}

impl Headers {
    /// Whether the end of a block is still to come: nothing else may come before it.
    pub(super) fn are_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// Takes the first fragment of a block whose end comes later.
    pub(super) fn begin(&mut self, stream: u32, ends_stream: bool, fragment: &[u8]) {
        self.begun = Some(Assembled { stream, ends_stream, block: fragment.to_vec() });
    }

    /// Takes the payload of a CONTINUATION: the whole block, where this was its end.
    ///
    /// # Errors
    /// When no block of this stream has begun.
    pub(super) fn go_on(&mut self, head: Head, payload: &[u8]) -> Result<Option<Assembled>, ConnectionError> {
        let begun = self.begun.as_mut().filter(|begun| begun.stream == head.stream);
        let Some(begun) = begun else {
            return Err(ConnectionError::new(ErrorCode::PROTOCOL_ERROR, "a CONTINUATION continues nothing"));
        };
        if begun.block.len() <= MAX_HEADER_BLOCK as usize {
            begun.block.extend_from_slice(payload);
        }
        Ok(if head.has(flag::END_HEADERS) { self.begun.take() } else { None })
    }

    /// The meaning of a whole block.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn read(&mut self, block: &[u8], takes_compressed: bool) -> Result<Block, ConnectionError> {
        if !block.is_empty() && block == self.known.headers {
            return Ok(Block::UsualHeaders(self.known.compression));
        }
        if !block.is_empty() && block == self.known.trailers {
            return Ok(Block::UsualTrailers);
        }
        if block.len() > MAX_HEADER_BLOCK as usize {
            // Nothing is lost by not reading it: there is no table that it could change.
            return Ok(Block::TooLong);
        }
        let unreadable =
            |_| ConnectionError::new(ErrorCode::COMPRESSION_ERROR, "a header block cannot be read");
        let fields = Fields::read(block).map_err(unreadable)?;
        if let Some(what) = fields.malformed {
            Ok(Block::Malformed(what))
        } else if fields.http == Some(200) && fields.is_grpc && fields.grpc.is_none() {
            block.clone_into(&mut self.known.headers);
            self.known.compression = fields.compression.filter(|_| takes_compressed);
            Ok(Block::UsualHeaders(self.known.compression))
        } else if fields.http.is_none() && fields.grpc.is_some_and(|code| code.number() == 0) {
            block.clone_into(&mut self.known.trailers);
            Ok(Block::UsualTrailers)
        } else {
            Ok(Block::Fields(fields))
        }
    }
}
