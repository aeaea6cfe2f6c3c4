//! Verification of replies as they arrive.

use super::{
    matching::{Expected, Matching},
    unpacking::Unpacking,
    verdict::{Fault, ReplyCheck},
};
use crate::{client::lean::request::COMPRESSED, rpc::Compression};

/// A reply, as far as it has arrived.
#[derive(Debug, Default)]
pub(crate) struct ReplyState {
    /// The server's compression for messages that are marked as compressed.
    pub(in crate::client::lean) compression: Option<Compression>,
    /// Uncompressed bytes, prefix included.
    plain: Matching,
    unpacking: Option<Box<Unpacking>>,
}

impl ReplyState {
    /// Verifies the next bytes. `limit` is the client's own, in message bytes.
    pub(crate) fn take(&mut self, bytes: &[u8], expected: Expected<'_>, limit: u64) -> Result<(), Fault> {
        if let Some(compression) = self.compression {
            if self.unpacking.is_none() && self.plain.is_empty() && bytes.first() == Some(&COMPRESSED) {
                self.unpacking = Some(Box::new(Unpacking::new()));
            }
            if let Some(unpacking) = &mut self.unpacking {
                return unpacking.take(compression, bytes, expected, limit);
            }
        }
        self.plain.take_within(bytes, expected, limit)
    }

    /// Returns the result for the whole reply, after its last bytes.
    pub(crate) fn verdict(&self, expected: Expected<'_>) -> ReplyCheck {
        match &self.unpacking {
            Some(unpacking) => unpacking.verdict(expected),
            None => self.plain.verdict(expected),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::{
        rpc::{format_data::Data, outcome::Difference, packed},
        units::grouped,
    };

    const LIMIT: u64 = 4 << 20;

    fn framed(message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(message.len()).expect("short").to_be_bytes();
        [&[0], length.as_slice(), message].concat()
    }

    fn encoded(text: &str) -> Vec<u8> {
        framed(&Data { text: text.to_owned() }.encode_to_vec())
    }

    /// Verifies these bytes in pieces of this size.
    fn verdict(expected: &str, bytes: &[u8], piece: usize) -> Result<ReplyCheck, Fault> {
        let whole = encoded(expected);
        let head = whole[..whole.len() - expected.len()].to_vec();
        let expected = Expected { head: &head, text: expected.as_bytes() };
        let mut reply = ReplyState::default();
        for piece in bytes.chunks(piece) {
            reply.take(piece, expected, LIMIT)?;
        }
        Ok(reply.verdict(expected))
    }

    #[test]
    fn other_encodings_of_the_right_text_are_right() {
        let text = b"\x0a\x03ABC";
        for message in [
            [b"\x10\x96\x01".as_slice(), text].concat(),
            [text.as_slice(), b"\x11\0\0\0\0\0\0\0\0\x1d\0\0\0\0"].concat(),
            [text.as_slice(), b"\x22\x02xy"].concat(),
            [b"\x0a\x02XY".as_slice(), text].concat(),
            b"\x0a\x83\x00ABC".to_vec(),
        ] {
            for piece in [1, 2, 100] {
                assert_eq!(verdict("ABC", &framed(&message), piece), Ok(ReplyCheck::Right), "{message:?}");
            }
        }
    }

    #[test]
    fn what_is_no_reply_is_said() {
        for (bytes, words) in [
            (framed(b"\x0a\x09ABC"), "longer than the message"),
            (framed(b"\x0a\x03ABC\x0a"), "ends within"),
            (framed(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "too long"),
            (framed(b"\x0b"), "no known type"),
            ([encoded("ABC"), encoded("ABC")].concat(), "more than one"),
            (vec![1, 0, 0, 0, 0], "compressed"),
        ] {
            for piece in [1, 100] {
                match verdict("ABC", &bytes, piece) {
                    Err(Fault::Malformed(said)) => assert!(said.contains(words), "{said}"),
                    other => panic!("{bytes:?}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn a_claimed_length_over_the_limit_is_known_from_the_prefix() {
        let claim = [0, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(verdict("ABC", &claim, 1), Err(Fault::OverLimit(u64::from(u32::MAX))));
        let expected = "A".repeat(5 << 20);
        let result = verdict(&expected, &encoded(&expected), 1_000);
        assert_eq!(result, Err(Fault::OverLimit((5 << 20) + 5)), "{}", grouped(LIMIT));
    }

    #[test]
    fn what_is_missing_or_cut_off_is_told_apart() {
        assert_eq!(verdict("ABC", &[], 1), Ok(ReplyCheck::Missing));
        assert_eq!(verdict("ABC", &encoded("ABC")[..8], 1), Ok(ReplyCheck::Short));
        assert_eq!(verdict("ABC", &encoded("XBC")[..9], 1), Ok(ReplyCheck::Short));
        assert_eq!(verdict("", &encoded(""), 1), Ok(ReplyCheck::Right));
    }

    /// Verifies a compressed reply in pieces of this size.
    fn unpacked(
        compression: Compression,
        expected: &str,
        message: &[u8],
        piece: usize,
    ) -> Result<ReplyCheck, Fault> {
        let whole = encoded(expected);
        let head = whole[..whole.len() - expected.len()].to_vec();
        let expected = Expected { head: &head, text: expected.as_bytes() };
        let mut bytes = framed(&packed(compression, message));
        bytes[0] = COMPRESSED;
        let mut reply = ReplyState { compression: Some(compression), ..ReplyState::default() };
        for piece in bytes.chunks(piece) {
            reply.take(piece, expected, LIMIT)?;
        }
        Ok(reply.verdict(expected))
    }

    const BOTH: [Compression; 2] = [Compression::Gzip, Compression::Zstd];

    #[test]
    fn a_bomb_is_over_the_limit_as_soon_as_it_is() {
        let text = "A".repeat(16 << 20);
        let message = Data { text: text.clone() }.encode_to_vec();
        for compression in BOTH {
            assert_eq!(unpacked(compression, "A", &message, 1 << 16), Err(Fault::UnpacksOverLimit));
            assert_eq!(unpacked(compression, &text, &message, 1 << 16), Err(Fault::UnpacksOverLimit));
            // Random bytes do not get shorter, so the prefix shows the size.
            let noise: Vec<u8> =
                (0_u64..1 << 20).flat_map(|k| crate::units::random::bits(k).to_le_bytes()).collect();
            assert!(matches!(unpacked(compression, "A", &noise, 1 << 16), Err(Fault::OverLimit(_))));
        }
    }

    #[test]
    fn a_compressed_reply_that_was_not_announced_or_is_none_is_said() {
        let expected = Expected { head: &[0, 0, 0, 0, 5, 10, 3], text: b"ABC" };
        let mut plain = ReplyState::default();
        assert!(matches!(plain.take(&[1, 0, 0, 0, 1, 0], expected, LIMIT), Err(Fault::Malformed(_))));
        for compression in BOTH {
            let mut reply = ReplyState { compression: Some(compression), ..ReplyState::default() };
            let taken = reply.take(&[1, 0, 0, 0, 3, 7, 7, 7], expected, LIMIT);
            assert_eq!(taken, Err(Fault::Malformed("the reply cannot be decompressed")));
            // A reply that is not marked as compressed is valid too.
            let mut reply = ReplyState { compression: Some(compression), ..ReplyState::default() };
            assert_eq!(reply.take(&encoded("ABC"), expected, LIMIT), Ok(()));
            assert_eq!(reply.verdict(expected), ReplyCheck::Right);
        }
    }

    proptest! {
        #[test]
        fn a_compressed_text_in_any_pieces_differs_where_it_does(
            expected in "[aä火]{0,8}",
            got in "[aä火]{0,8}",
            piece in 1_usize..40,
        ) {
            let right = Difference::between(&expected, &got).map_or(ReplyCheck::Right, ReplyCheck::Wrong);
            let message = Data { text: got }.encode_to_vec();
            for compression in BOTH {
                prop_assert_eq!(unpacked(compression, &expected, &message, piece), Ok(right.clone()));
            }
        }

        #[test]
        fn a_text_in_any_pieces_differs_where_it_does(
            expected in "[aä火]{0,8}",
            got in "[aä火]{0,8}",
            piece in 1_usize..40,
        ) {
            let right = Difference::between(&expected, &got).map_or(ReplyCheck::Right, ReplyCheck::Wrong);
            prop_assert_eq!(verdict(&expected, &encoded(&got), piece), Ok(right));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, piece in 1_usize..40) {
            let _ = verdict("ABC", &bytes, piece);
            let _ = verdict("ABC", &framed(&bytes), piece);
        }
    }
}
