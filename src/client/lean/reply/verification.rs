//! Verification of replies as they arrive.

use super::{
    fault::Fault,
    pieces::{MORE_THAN_ONE, Pieces},
};
use crate::rpc::{
    Compression, Difference, Expectation, PREFIX_BYTES,
    reply::{Checker, ReplyCheck},
};

/// Most states of replies that are kept for later replies.
const MOST_SPARE: usize = 1_024;

/// A reply, as far as it has arrived.
#[derive(Debug, Default)]
pub(crate) struct ReplyState {
    /// The server's compression for messages that are marked as compressed.
    pub(in crate::client::lean) compression: Option<Compression>,
    progress: Progress,
}

#[derive(Debug)]
enum Progress {
    /// This many bytes so far, prefix included: all as expected.
    AsExpected(u64),
    /// The whole reply came at once, with this many message bytes and this difference from the expected one.
    Whole(u64, Option<Box<Difference>>),
    /// Any other reply.
    Pieces(Box<Pieces>),
}

/// Memory that the replies of a connection share, so that no reply needs memory of its own for long.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    checker: Checker,
    #[expect(clippy::vec_box, reason = "a reply in pieces is moved into its stream without a copy")]
    spare: Vec<Box<Pieces>>,
}

impl Default for Progress {
    fn default() -> Self {
        Self::AsExpected(0)
    }
}

impl ReplyState {
    /// Number of message bytes so far, decompressed.
    pub(crate) fn message_bytes(&self) -> u64 {
        match &self.progress {
            Progress::AsExpected(bytes) => bytes.saturating_sub(PREFIX_BYTES as u64),
            Progress::Whole(bytes, _) => *bytes,
            Progress::Pieces(pieces) => pieces.message_bytes(),
        }
    }

    /// Verifies the next bytes. `limit` is the client's own, in message bytes.
    pub(crate) fn take(
        &mut self,
        bytes: &[u8],
        expectation: &Expectation,
        limit: u64,
        desk: &mut Desk,
    ) -> Result<(), Fault> {
        match &mut self.progress {
            Progress::AsExpected(so_far) => {
                if let Expectation::Text(expected) = expectation {
                    let framed = expected.framed();
                    let at = usize::try_from(*so_far).unwrap_or(usize::MAX);
                    let is_as_expected = framed.get(at..).is_some_and(|rest| rest.starts_with(bytes));
                    if is_as_expected && (framed.len() - PREFIX_BYTES) as u64 <= limit {
                        *so_far += bytes.len() as u64;
                        return Ok(());
                    }
                } else if let Some(message) = whole(bytes, limit).filter(|_| *so_far == 0) {
                    let checker = &mut desk.checker;
                    checker.begin(message.len() as u64);
                    checker.take(message, expectation).map_err(Fault::Malformed)?;
                    let difference = match checker.finish(expectation).map_err(Fault::Malformed)? {
                        ReplyCheck::Wrong(difference) => Some(Box::new(difference)),
                        _ => None,
                    };
                    self.progress = Progress::Whole(message.len() as u64, difference);
                    return Ok(());
                }
            }
            Progress::Whole(..) => {
                return if bytes.is_empty() { Ok(()) } else { Err(Fault::Malformed(MORE_THAN_ONE)) };
            }
            Progress::Pieces(pieces) => return pieces.take(self.compression, bytes, expectation, limit),
        }
        self.in_pieces(bytes, expectation, limit, desk)
    }

    /// Begins to read the reply piece by piece, with these next bytes.
    #[cold]
    fn in_pieces(
        &mut self,
        bytes: &[u8],
        expectation: &Expectation,
        limit: u64,
        desk: &mut Desk,
    ) -> Result<(), Fault> {
        let mut pieces = desk.spare.pop().unwrap_or_default();
        pieces.begin();
        // The bytes so far were as expected, so they are known without having been kept.
        let known = match (&self.progress, expectation) {
            (Progress::AsExpected(bytes), Expectation::Text(expected)) => {
                let bytes = usize::try_from(*bytes).unwrap_or(usize::MAX);
                &expected.framed()[..bytes.min(expected.framed().len())]
            }
            _ => &[],
        };
        let result = pieces
            .take(self.compression, known, expectation, limit)
            .and_then(|()| pieces.take(self.compression, bytes, expectation, limit));
        self.progress = Progress::Pieces(pieces);
        result
    }

    /// Returns the result for the whole reply, after its last bytes. Gives its memory back.
    pub(crate) fn verdict(&mut self, expectation: &Expectation, desk: &mut Desk) -> ReplyCheck {
        match (&mut self.progress, expectation) {
            (Progress::AsExpected(0), _) => ReplyCheck::Missing,
            (Progress::AsExpected(bytes), Expectation::Text(expected)) => {
                let is_whole = *bytes == expected.framed().len() as u64;
                if is_whole { ReplyCheck::Right } else { ReplyCheck::Short }
            }
            (Progress::AsExpected(_), _) => ReplyCheck::Short,
            (Progress::Whole(_, difference), _) => {
                difference.take().map_or(ReplyCheck::Right, |difference| ReplyCheck::Wrong(*difference))
            }
            (Progress::Pieces(pieces), _) => {
                let verdict = pieces.verdict();
                let bytes = pieces.message_bytes();
                let ended = std::mem::replace(&mut self.progress, Progress::Whole(bytes, None));
                if let Progress::Pieces(pieces) = ended
                    && desk.spare.len() < MOST_SPARE
                {
                    desk.spare.push(pieces);
                }
                verdict
            }
        }
    }
}

/// Returns the message if these bytes are a whole reply that is not compressed and within the limit.
#[inline]
fn whole(bytes: &[u8], limit: u64) -> Option<&[u8]> {
    let (prefix, message) = bytes.split_first_chunk::<PREFIX_BYTES>()?;
    let [0, length @ ..] = *prefix else { return None };
    let length = u64::from(u32::from_be_bytes(length));
    (length == message.len() as u64 && length <= limit).then_some(message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::{
        client::lean::request::COMPRESSED,
        rpc::{
            format_data::{self, Data},
            outcome::Difference,
            packed,
        },
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
        let expectation = format_data::message(expected.to_owned()).expectation;
        let (mut reply, mut desk) = (ReplyState::default(), Desk::default());
        for piece in bytes.chunks(piece) {
            reply.take(piece, &expectation, LIMIT, &mut desk)?;
        }
        Ok(reply.verdict(&expectation, &mut desk))
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
            (framed(b"\x0e"), "no known type"),
            (framed(b"\x0b"), "ends within"),
            (framed(b"\x0c"), "has not begun"),
            (framed(b"\x00"), "no valid number"),
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
        let expectation = format_data::message(expected.to_owned()).expectation;
        let mut desk = Desk::default();
        let mut bytes = framed(&packed(compression, message));
        bytes[0] = COMPRESSED;
        let mut reply = ReplyState { compression: Some(compression), ..ReplyState::default() };
        for piece in bytes.chunks(piece) {
            reply.take(piece, &expectation, LIMIT, &mut desk)?;
        }
        Ok(reply.verdict(&expectation, &mut desk))
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
        let (expected, mut desk) = (format_data::message("ABC".to_owned()).expectation, Desk::default());
        let mut plain = ReplyState::default();
        assert!(matches!(
            plain.take(&[1, 0, 0, 0, 1, 0], &expected, LIMIT, &mut desk),
            Err(Fault::Malformed(_))
        ));
        for compression in BOTH {
            let mut reply = ReplyState { compression: Some(compression), ..ReplyState::default() };
            let taken = reply.take(&[1, 0, 0, 0, 3, 7, 7, 7], &expected, LIMIT, &mut desk);
            assert_eq!(taken, Err(Fault::Malformed("the reply cannot be decompressed")));
            // A reply that is not marked as compressed is valid too.
            let mut reply = ReplyState { compression: Some(compression), ..ReplyState::default() };
            assert_eq!(reply.take(&encoded("ABC"), &expected, LIMIT, &mut desk), Ok(()));
            assert_eq!(reply.verdict(&expected, &mut desk), ReplyCheck::Right);
        }
    }

    proptest! {
        #[test]
        fn a_compressed_text_in_any_pieces_differs_where_it_does(
            expected in "[AÄ火]{0,8}",
            got in "[AÄ火]{0,8}",
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
            expected in "[AÄ火]{0,8}",
            got in "[AÄ火]{0,8}",
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
