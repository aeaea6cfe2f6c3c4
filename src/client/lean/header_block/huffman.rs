//! Huffman code of header strings: RFC 7541, section 5.2 and appendix B.
//!
//! The code is canonical: the lengths below determine it. Symbols are numbered by length and then by value.
//! For each length, the first code is twice the code after the last one of the previous length.

use super::error::HeaderError;

/// Length of each symbol's code, in bits. The last symbol marks the end of a string and never occurs in one.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6,
    6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7,
    8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7,
    15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24,
    23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23,
    23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26,
    26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20,
    21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27,
    27, 27, 26, 30,
];

const LONGEST: usize = 30;

/// Tables of the code for decoding.
struct Code {
    /// First code of each length.
    first: [u32; LONGEST + 1],
    /// Number of codes of each length.
    count: [u32; LONGEST + 1],
    /// Index in `symbols` of the first code's symbol, for each length.
    place: [u16; LONGEST + 1],
    /// Symbols ordered by length and then by value.
    symbols: [u16; 257],
}

const CODE: Code = {
    let mut code =
        Code { first: [0; LONGEST + 1], count: [0; LONGEST + 1], place: [0; LONGEST + 1], symbols: [0; 257] };
    let mut length = 1;
    let mut next = 0_u32;
    let mut place = 0_u16;
    while length <= LONGEST {
        next <<= 1;
        code.first[length] = next;
        code.place[length] = place;
        let mut symbol = 0_u16;
        while symbol < 257 {
            if LENGTHS[symbol as usize] as usize == length {
                code.symbols[place as usize] = symbol;
                code.count[length] += 1;
                place += 1;
                next += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    code
};

/// Appends the decoded bytes.
///
/// # Errors
/// Fails if the bytes contain the end of the string, or the padding is not up to seven ones.
pub(super) fn decode(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), HeaderError> {
    let mut code = 0_u32;
    let mut length = 0_usize;
    for byte in bytes {
        for bit in (0..8).rev() {
            code = code << 1 | u32::from(byte >> bit & 1);
            length += 1;
            // Every sequence of 30 bits is a code, so the loop never sees a longer one.
            let offset = code.wrapping_sub(CODE.first[length]);
            if offset < CODE.count[length] {
                let symbol = CODE.symbols[usize::from(CODE.place[length]) + offset as usize];
                match u8::try_from(symbol) {
                    Ok(symbol) => out.push(symbol),
                    Err(_) => return Err(HeaderError::Huffman),
                }
                (code, length) = (0, 0);
            }
        }
    }
    let is_padding = length < 8 && code == (1 << length) - 1;
    if is_padding { Ok(()) } else { Err(HeaderError::Huffman) }
}

#[cfg(test)]
pub(super) fn encode(text: &[u8]) -> Vec<u8> {
    let (mut bits, mut length, mut out) = (0_u64, 0_u32, Vec::new());
    let mut push = |symbol: u16, out: &mut Vec<u8>| {
        let bits_of = usize::from(LENGTHS[usize::from(symbol)]);
        let place = CODE.symbols.iter().position(|other| *other == symbol).expect("every symbol has a code");
        let code =
            CODE.first[bits_of] + u32::try_from(place).expect("small") - u32::from(CODE.place[bits_of]);
        bits = bits << bits_of | u64::from(code);
        length += u32::try_from(bits_of).expect("small");
        while length >= 8 {
            length -= 8;
            out.push((bits >> length & 0xff).try_into().expect("one byte"));
        }
        (bits, length)
    };
    let mut rest = (0, 0);
    for byte in text {
        rest = push(u16::from(*byte), &mut out);
    }
    if rest.1 > 0 {
        let left = 8 - rest.1;
        out.push(((rest.0 << left | ((1 << left) - 1)) & 0xff).try_into().expect("one byte"));
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(bytes: &[u8]) -> Result<Vec<u8>, HeaderError> {
        let mut out = Vec::new();
        decode(bytes, &mut out).map(|()| out)
    }

    #[test]
    fn the_examples_of_the_specification_read_as_they_should() {
        // RFC 7541, appendices C.4.1, C.4.2 and C.6.1.
        let example = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(decoded(&example), Ok(b"www.example.com".to_vec()));
        assert_eq!(decoded(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]), Ok(b"no-cache".to_vec()));
        assert_eq!(decoded(&[0x64, 0x02]), Ok(b"302".to_vec()));
    }

    #[test]
    fn padding_is_ones_and_less_than_a_byte() {
        // '0' is 00000, so the padding must be 111.
        assert_eq!(decoded(&[0b0000_0111]), Ok(b"0".to_vec()));
        assert_eq!(decoded(&[0b0000_0110]), Err(HeaderError::Huffman));
        assert_eq!(decoded(&[0b0000_0111, 0xff]), Err(HeaderError::Huffman));
        assert_eq!(decoded(&[]), Ok(Vec::new()));
    }

    #[test]
    fn the_end_of_the_string_must_not_be_in_it() {
        assert_eq!(decoded(&[0xff, 0xff, 0xff, 0xff]), Err(HeaderError::Huffman));
    }

    #[test]
    fn the_last_codes_of_a_length_are_what_the_specification_has() {
        // The last symbol, which ends a string, has the last code.
        assert_eq!(CODE.symbols[256], 256);
        assert_eq!(CODE.first[30] + CODE.count[30] - 1, 0x3fff_ffff);
    }

    proptest! {
        #[test]
        fn every_string_reads_back(text: Vec<u8>) {
            prop_assert_eq!(decoded(&encode(&text)), Ok(text));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = decoded(&bytes);
        }
    }
}
