//! gRPC's message compression. Requests are compressed as a whole before the run; replies are decompressed
//! piece by piece as they arrive.

use std::io::{self, Write};

use flate2::write::{GzDecoder, GzEncoder};
use zstd::stream::raw::{DParameter, Decoder, Operation};

use crate::units::named;

/// A message compression with a gRPC name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// gzip (RFC 1952). Every gRPC implementation supports it.
    Gzip,
    /// zstd (RFC 8878). Tonic supports it; most other implementations do not.
    Zstd,
}

named!(Compression, "compression", {
    Gzip => "gzip": "Every implementation of gRPC has it",
    Zstd => "zstd": "Tonic has it; most other implementations do not",
});

/// Returns the compression with this name in `grpc-encoding`, or `None` if plimsoll does not support it.
pub(crate) fn of_encoding(name: &[u8]) -> Option<Compression> {
    Compression::VALUES.iter().copied().find(|known| known.name().as_bytes() == name)
}

/// Value of `grpc-accept-encoding` that a compressing client sends.
pub(crate) const ACCEPTED: &str = "gzip,zstd,identity";

/// Compression level for gzip. Both levels are tonic's, so that both clients send the same bytes; they are
/// the usual levels of the two formats.
const GZIP_LEVEL: u32 = 6;

const ZSTD_LEVEL: i32 = 3;

/// Largest window that a zstd frame may require, as a power of two: 8 MiB, the size that RFC 8878 recommends
/// decoders to support. The bound limits the memory that a reply can make the client allocate.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Size of the decompression buffer, in bytes.
const PIECE: usize = 32 << 10;

/// Compresses a whole message.
pub(crate) fn packed(compression: Compression, message: &[u8]) -> Vec<u8> {
    // Writing to a vector cannot fail, and the level is a constant.
    let packed = match compression {
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL));
            encoder.write_all(message).and_then(|()| encoder.finish())
        }
        Compression::Zstd => zstd::bulk::compress(message, ZSTD_LEVEL),
    };
    packed.expect("memory takes what is written")
}

/// Decompresses a message as it arrives.
pub(crate) enum Unpacker {
    /// Decompressed bytes stay in the vector until `take` has them.
    Gzip(Box<GzDecoder<Vec<u8>>>),
    Zstd {
        decoder: Decoder<'static>,
        buffer: Vec<u8>,
        /// True if a frame has ended and no further frame has begun.
        is_at_end: bool,
    },
}

/// Error that ended the decompression of a message.
#[derive(Debug)]
pub(crate) enum UnpackError<E> {
    /// The bytes are malformed.
    Malformed(io::Error),
    /// The consumer rejected further bytes.
    Taker(E),
}

impl Unpacker {
    pub(crate) fn new(compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::Gzip => Self::Gzip(Box::new(GzDecoder::new(Vec::new()))),
            Compression::Zstd => {
                let mut decoder = Decoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
                Self::Zstd { decoder, buffer: vec![0; PIECE], is_at_end: false }
            }
        })
    }

    /// Decompresses these bytes and passes the result to `take` in pieces of about 32 KiB. Small pieces keep
    /// a decompression bomb from taking much memory.
    pub(crate) fn unpack<E>(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), UnpackError<E>> {
        match self {
            Self::Gzip(decoder) => {
                while !bytes.is_empty() {
                    let used = decoder.write(bytes).map_err(UnpackError::Malformed)?;
                    if used == 0 {
                        return Err(UnpackError::Malformed(io::Error::other("more than one stream of gzip")));
                    }
                    bytes = &bytes[used..];
                    take(decoder.get_ref()).map_err(UnpackError::Taker)?;
                    decoder.get_mut().clear();
                }
                Ok(())
            }
            Self::Zstd { decoder, buffer, is_at_end } => loop {
                let status = decoder.run_on_buffers(bytes, buffer).map_err(UnpackError::Malformed)?;
                bytes = &bytes[status.bytes_read..];
                // Called again after the end, zstd returns the needs of the next frame.
                if status.bytes_read + status.bytes_written > 0 {
                    *is_at_end = status.remaining == 0;
                }
                take(&buffer[..status.bytes_written]).map_err(UnpackError::Taker)?;
                // If the buffer is full, more output may follow.
                if bytes.is_empty() && status.bytes_written < buffer.len() {
                    return Ok(());
                }
                if status.bytes_read == 0 && status.bytes_written == 0 {
                    return Err(UnpackError::Malformed(io::Error::other("it does not go on")));
                }
            },
        }
    }

    /// Ends the message: passes the remaining bytes to `take`. Fails if the message is cut off.
    pub(crate) fn finish<E>(
        &mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), UnpackError<E>> {
        match self {
            Self::Gzip(decoder) => {
                decoder.try_finish().map_err(UnpackError::Malformed)?;
                take(decoder.get_ref()).map_err(UnpackError::Taker)
            }
            Self::Zstd { is_at_end: true, .. } => Ok(()),
            Self::Zstd { .. } => {
                Err(UnpackError::Malformed(io::Error::new(io::ErrorKind::UnexpectedEof, "it is cut off")))
            }
        }
    }
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Gzip(_) => "Gzip",
            Self::Zstd { .. } => "Zstd",
        })
    }
}

/// Decompresses a whole message. Returns `None` if the result is larger than `most` bytes.
pub(crate) fn unpacked(compression: Compression, packed: &[u8], most: usize) -> io::Result<Option<Vec<u8>>> {
    let mut whole = Vec::new();
    let mut take = |piece: &[u8]| {
        whole.extend_from_slice(piece);
        if whole.len() > most { Err(()) } else { Ok(()) }
    };
    let mut unpacker = Unpacker::new(compression)?;
    let result = unpacker.unpack(packed, &mut take).and_then(|()| unpacker.finish(&mut take));
    match result {
        Ok(()) => Ok(Some(whole)),
        Err(UnpackError::Taker(())) => Ok(None),
        Err(UnpackError::Malformed(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_grpcs() {
        for compression in Compression::VALUES.iter().copied() {
            assert_eq!(of_encoding(compression.name().as_bytes()), Some(compression));
            assert!(ACCEPTED.contains(compression.name()));
        }
        assert_eq!(of_encoding(b"identity"), None);
    }

    #[test]
    fn a_bomb_comes_in_small_pieces() {
        let bomb = vec![0; 64 << 20];
        for compression in Compression::VALUES.iter().copied() {
            let packed = packed(compression, &bomb);
            assert!(packed.len() < 100_000);
            let (mut largest, mut all) = (0, 0);
            let mut unpacker = Unpacker::new(compression).expect("memory");
            let mut take = |piece: &[u8]| {
                largest = largest.max(piece.len());
                all += piece.len();
                Ok::<(), ()>(())
            };
            unpacker.unpack(&packed, &mut take).expect("well formed");
            unpacker.finish(&mut take).expect("whole");
            assert_eq!(all, bomb.len(), "{compression:?}");
            assert!(largest <= 2 * PIECE, "{compression:?}: {largest}");
            // A consumer that rejects bytes receives no more.
            let mut taken = 0;
            let result = Unpacker::new(compression).expect("memory").unpack(&packed, |piece| {
                taken += piece.len();
                if taken > 1 << 20 { Err(()) } else { Ok(()) }
            });
            assert!(matches!(result, Err(UnpackError::Taker(()))));
            assert!(taken < 2 << 20);
        }
    }

    #[test]
    fn what_is_cut_off_or_something_else_is_said() {
        for compression in Compression::VALUES.iter().copied() {
            let whole = packed(compression, b"some text that is long enough");
            assert!(unpacked(compression, &whole[..whole.len() - 1], 100).is_err(), "{compression:?}");
            assert!(unpacked(compression, b"no such thing", 100).is_err(), "{compression:?}");
            assert_eq!(unpacked(compression, &whole, 10).expect("well formed"), None);
        }
    }

    proptest! {
        #[test]
        fn what_was_packed_is_unpacked_in_any_pieces(
            message in prop::collection::vec(0_u8..4, 0..5_000),
            piece in 1_usize..600,
        ) {
            for compression in Compression::VALUES.iter().copied() {
                let packed = packed(compression, &message);
                let mut unpacker = Unpacker::new(compression).expect("memory");
                let mut whole = Vec::new();
                let mut take = |piece: &[u8]| { whole.extend_from_slice(piece); Ok::<(), ()>(()) };
                for piece in packed.chunks(piece) {
                    unpacker.unpack(piece, &mut take).expect("well formed");
                }
                unpacker.finish(&mut take).expect("whole");
                prop_assert_eq!(&whole, &message);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            for compression in Compression::VALUES.iter().copied() {
                let _ = unpacked(compression, &bytes, 10_000);
            }
        }
    }
}
