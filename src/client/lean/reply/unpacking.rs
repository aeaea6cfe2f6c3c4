//! A compressed reply: its prefix, then its decompressed bytes, compared with the expected message.

use super::{
    matching::{Expected, Matching},
    verdict::{Fault, ReplyCheck},
};
use crate::{
    client::lean::request::PREFIX_BYTES,
    rpc::{Compression, UnpackError, Unpacker},
};

/// State of a reply in decompression.
#[derive(Debug)]
pub(super) struct Unpacking {
    prefix: [u8; PREFIX_BYTES],
    /// Bytes of the prefix that have arrived.
    have: usize,
    /// Compressed bytes still to come.
    left: u64,
    unpacker: Option<Unpacker>,
    /// Decompressed message bytes so far.
    unpacked: u64,
    is_over: bool,
    message: Matching,
}

const CANNOT: &str = "the reply cannot be decompressed";

impl Unpacking {
    pub(super) fn new() -> Self {
        Self {
            prefix: [0; PREFIX_BYTES],
            have: 0,
            left: 0,
            unpacker: None,
            unpacked: 0,
            is_over: false,
            message: Matching::behind_the_prefix(),
        }
    }

    pub(super) fn take(
        &mut self,
        compression: Compression,
        mut bytes: &[u8],
        expected: Expected<'_>,
        limit: u64,
    ) -> Result<(), Fault> {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.is_over {
                return Err(Fault::Malformed("the server sent more than one reply"));
            }
            if self.have < PREFIX_BYTES {
                self.prefix[self.have] = first;
                self.have += 1;
                bytes = rest;
                if self.have == PREFIX_BYTES {
                    self.begin(compression, limit)?;
                }
            } else {
                let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= taken as u64;
                self.unpack(&bytes[..taken], expected, limit)?;
                bytes = &bytes[taken..];
            }
            if self.have == PREFIX_BYTES && self.left == 0 {
                self.finish(expected, limit)?;
            }
        }
        Ok(())
    }

    /// Evaluates the complete prefix.
    fn begin(&mut self, compression: Compression, limit: u64) -> Result<(), Fault> {
        let [_, length @ ..] = self.prefix;
        self.left = u64::from(u32::from_be_bytes(length));
        if self.left > limit {
            return Err(Fault::OverLimit(self.left));
        }
        self.unpacker = Some(Unpacker::new(compression).map_err(|_| Fault::Malformed(CANNOT))?);
        Ok(())
    }

    fn unpack(&mut self, bytes: &[u8], expected: Expected<'_>, limit: u64) -> Result<(), Fault> {
        let Self { unpacker: Some(unpacker), unpacked, message, .. } = self else { return Ok(()) };
        let result = unpacker.unpack(bytes, |piece| take(unpacked, message, piece, expected, limit));
        result.map_err(|error| fault(&error))
    }

    fn finish(&mut self, expected: Expected<'_>, limit: u64) -> Result<(), Fault> {
        self.is_over = true;
        let Self { unpacker: Some(unpacker), unpacked, message, .. } = self else { return Ok(()) };
        let result = unpacker.finish(|piece| take(unpacked, message, piece, expected, limit));
        self.unpacker = None;
        result.map_err(|error| fault(&error))
    }

    pub(super) fn verdict(&self, expected: Expected<'_>) -> ReplyCheck {
        if self.is_over { self.message.verdict(expected) } else { ReplyCheck::Short }
    }
}

fn take(
    unpacked: &mut u64,
    message: &mut Matching,
    piece: &[u8],
    expected: Expected<'_>,
    limit: u64,
) -> Result<(), Fault> {
    *unpacked += piece.len() as u64;
    if *unpacked > limit {
        return Err(Fault::UnpacksOverLimit);
    }
    message.take(piece, expected)
}

fn fault(error: &UnpackError<Fault>) -> Fault {
    match error {
        UnpackError::Malformed(_) => Fault::Malformed(CANNOT),
        UnpackError::Taker(fault) => *fault,
    }
}
