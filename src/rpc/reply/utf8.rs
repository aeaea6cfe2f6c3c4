//! Check that a text is UTF-8, piece by piece.

/// Bytes of the longest character.
const LONGEST: usize = 4;

/// State of the check: the beginning of a character at the end of the last piece.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    begun: [u8; LONGEST],
    length: usize,
}

impl Utf8 {
    /// Checks the next piece of a text. After the last piece, the next text may begin. Returns false if the
    /// text is not UTF-8.
    pub(super) fn take(&mut self, mut bytes: &[u8], is_last: bool) -> bool {
        while self.length > 0 {
            let [byte, rest @ ..] = bytes else { return !is_last };
            bytes = rest;
            self.begun[self.length] = *byte;
            self.length += 1;
            match std::str::from_utf8(&self.begun[..self.length]) {
                Ok(_) => self.length = 0,
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        let Err(error) = std::str::from_utf8(bytes) else { return true };
        if error.error_len().is_some() || is_last {
            return false;
        }
        let begun = &bytes[error.valid_up_to()..];
        self.begun[..begun.len()].copy_from_slice(begun);
        self.length = begun.len();
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_utf8(bytes: &[u8], piece: usize) -> bool {
        let mut utf8 = Utf8::default();
        let mut left = bytes.len();
        bytes.chunks(piece).all(|piece| {
            left -= piece.len();
            utf8.take(piece, left == 0)
        })
    }

    proptest! {
        #[test]
        fn pieces_are_as_good_as_the_whole(text in "[aä火🚢]{0,12}", cut in 0_usize..30, piece in 1_usize..6) {
            let bytes = text.as_bytes();
            prop_assert!(is_utf8(bytes, piece));
            let part = &bytes[..cut.min(bytes.len())];
            prop_assert_eq!(is_utf8(part, piece), std::str::from_utf8(part).is_ok());
        }

        #[test]
        fn no_bytes_are_judged_differently_in_pieces(bytes in prop::collection::vec(0x7e_u8.., 0..8), piece in 1_usize..5) {
            prop_assert_eq!(is_utf8(&bytes, piece), std::str::from_utf8(&bytes).is_ok());
        }
    }
}
