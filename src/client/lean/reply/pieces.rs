//! A reply read piece by piece: its prefix, then its message, decompressed if need be.

use super::fault::Fault;
use crate::{
    client::lean::request::COMPRESSED,
    rpc::{
        Compression, Expectation, PREFIX_BYTES, UnpackError, Unpacker,
        reply::{Checker, ReplyCheck},
    },
};

/// State of a reply that is read piece by piece. It can be used again for the next reply.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    prefix: [u8; PREFIX_BYTES],
    /// Bytes of the prefix that have arrived.
    have: usize,
    /// Bytes of the body still to come: compressed ones, if the reply is compressed.
    left: u64,
    /// Decompression of a compressed reply.
    unpacker: Option<Unpacker>,
    checker: Checker,
    /// Result for the whole message, after its last byte.
    result: Option<ReplyCheck>,
}

pub(super) const MORE_THAN_ONE: &str = "the server sent more than one reply";
const CANNOT: &str = "the reply cannot be decompressed";
const NOT_OFFERED: &str = "the reply is compressed with a method that this client did not offer";

impl Pieces {
    /// Begins a reply.
    pub(super) fn begin(&mut self) {
        (self.have, self.left) = (0, 0);
        (self.unpacker, self.result) = (None, None);
    }

    /// Number of message bytes so far, decompressed.
    pub(super) fn message_bytes(&self) -> u64 {
        if self.have < PREFIX_BYTES { 0 } else { self.checker.message_bytes() }
    }

    pub(super) fn take(
        &mut self,
        compression: Option<Compression>,
        mut bytes: &[u8],
        expectation: &Expectation,
        limit: u64,
    ) -> Result<(), Fault> {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.result.is_some() {
                return Err(Fault::Malformed(MORE_THAN_ONE));
            }
            if self.have < PREFIX_BYTES {
                self.prefix[self.have] = first;
                self.have += 1;
                bytes = rest;
                if self.have == PREFIX_BYTES {
                    self.start_message(compression, limit)?;
                }
            } else {
                let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= taken as u64;
                let (piece, rest) = bytes.split_at(taken);
                self.message(piece, expectation, limit)?;
                bytes = rest;
            }
            if self.have == PREFIX_BYTES && self.left == 0 {
                self.finish(expectation, limit)?;
            }
        }
        Ok(())
    }

    /// Evaluates the complete prefix.
    fn start_message(&mut self, compression: Option<Compression>, limit: u64) -> Result<(), Fault> {
        let [flag, length @ ..] = self.prefix;
        self.left = u64::from(u32::from_be_bytes(length));
        if flag == 0 {
            self.checker.begin(self.left);
        } else {
            let compression = compression.filter(|_| flag == COMPRESSED);
            let compression = compression.ok_or(Fault::Malformed(NOT_OFFERED))?;
            self.unpacker = Some(Unpacker::new(compression).map_err(|_| Fault::Malformed(CANNOT))?);
            self.checker.begin(u64::MAX);
        }
        if self.left > limit { Err(Fault::OverLimit(self.left)) } else { Ok(()) }
    }

    fn message(&mut self, bytes: &[u8], expectation: &Expectation, limit: u64) -> Result<(), Fault> {
        let Self { unpacker, checker, .. } = self;
        match unpacker {
            None => checker.take(bytes, expectation).map_err(Fault::Malformed),
            Some(unpacker) => unpacker
                .unpack(bytes, |piece| unpacked(checker, piece, expectation, limit))
                .map_err(|error| fault(&error)),
        }
    }

    fn finish(&mut self, expectation: &Expectation, limit: u64) -> Result<(), Fault> {
        let Self { unpacker, checker, .. } = self;
        if let Some(mut unpacker) = unpacker.take() {
            let result = unpacker.finish(|piece| unpacked(checker, piece, expectation, limit));
            result.map_err(|error| fault(&error))?;
        }
        self.result = Some(checker.finish(expectation).map_err(Fault::Malformed)?);
        Ok(())
    }

    /// Judges the reply, of which no more bytes will come.
    pub(super) fn verdict(&mut self) -> ReplyCheck {
        match self.result.take() {
            Some(result) => result,
            None if self.have == 0 => ReplyCheck::Missing,
            None => ReplyCheck::Short,
        }
    }
}

fn unpacked(checker: &mut Checker, piece: &[u8], expectation: &Expectation, limit: u64) -> Result<(), Fault> {
    if checker.message_bytes() + piece.len() as u64 > limit {
        return Err(Fault::UnpacksOverLimit);
    }
    checker.take(piece, expectation).map_err(Fault::Malformed)
}

fn fault(error: &UnpackError<Fault>) -> Fault {
    match error {
        UnpackError::Malformed(_) => Fault::Malformed(CANNOT),
        UnpackError::Taker(fault) => *fault,
    }
}
