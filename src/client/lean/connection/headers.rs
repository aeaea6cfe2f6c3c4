//! Header blocks of a connection: their assembly and their meaning.

use crate::{
    client::lean::{
        frame::{ConnectionError, ErrorCode, Head, flag},
        status::Fields,
    },
    rpc::Compression,
};

/// Largest header block in bytes, compressed or not. Tonic's clients accept 16 KiB.
pub(super) const MAX_HEADER_BLOCK: u32 = 64 << 10;

/// Header blocks of a connection: the one being assembled, and the known ones.
#[derive(Debug, Default)]
pub(super) struct Headers {
    begun: Option<Assembled>,
    known: Known,
}

/// A header block, or the part of it that has arrived (4.3).
#[derive(Debug)]
pub(super) struct Assembled {
    pub(super) stream: u32,
    pub(super) ends_stream: bool,
    /// Bytes so far, at most one fragment longer than the largest block.
    pub(super) block: Vec<u8>,
}

/// Earlier header blocks with the usual contents. Blocks have no state, so equal bytes have equal meanings,
/// and most servers send the same blocks for every call.
#[derive(Debug, Default)]
struct Known {
    /// Headers of a reply with HTTP status 200 and gRPC's content type.
    headers: Vec<u8>,
    /// Compression of replies that the known headers announce.
    compression: Option<Compression>,
    /// Trailers with gRPC status OK.
    trailers: Vec<u8>,
}

/// Meaning of a header block.
pub(super) enum Block {
    /// Headers of a reply that follows, in this compression.
    UsualHeaders(Option<Compression>),
    UsualTrailers,
    Fields(Fields),
    /// Malformed by RFC 9113, with the reason.
    Malformed(&'static str),
    TooLong,
}

impl Headers {
    /// Returns true if a block has begun and not ended. No other frame may come in between.
    pub(super) fn are_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// Stores the first fragment of a block whose end comes later.
    pub(super) fn begin(&mut self, stream: u32, ends_stream: bool, fragment: &[u8]) {
        self.begun = Some(Assembled { stream, ends_stream, block: fragment.to_vec() });
    }

    /// Appends the payload of a CONTINUATION. Returns the whole block if this was its end.
    ///
    /// # Errors
    /// Fails if no block of this stream has begun.
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

    /// Returns the meaning of a whole block.
    ///
    /// # Errors
    /// Fails if the block cannot be decoded.
    pub(super) fn read(&mut self, block: &[u8], takes_compressed: bool) -> Result<Block, ConnectionError> {
        if !block.is_empty() && block == self.known.headers {
            return Ok(Block::UsualHeaders(self.known.compression));
        }
        if !block.is_empty() && block == self.known.trailers {
            return Ok(Block::UsualTrailers);
        }
        if block.len() > MAX_HEADER_BLOCK as usize {
            // Skipping the block is safe: there is no table that it could change.
            return Ok(Block::TooLong);
        }
        let unreadable =
            |_| ConnectionError::new(ErrorCode::COMPRESSION_ERROR, "a header block cannot be decoded");
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
