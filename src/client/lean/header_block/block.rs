//! Encoding and decoding of header blocks.

use super::{error::HeaderError, huffman, static_table::STATIC_TABLE};

/// Default size of the server's table, in bytes (RFC 9113, 6.5.2).
pub const DEFAULT_TABLE_BYTES: u32 = 4_096;

/// Size of a table entry beyond its name and value, in bytes (4.1).
const ENTRY_BYTES: usize = 32;

/// Bit patterns that start a field, for the fields that this client writes (6).
mod pattern {
    pub(super) const INDEXED: u8 = 0x80;
    pub(super) const WITH_INDEXING: u8 = 0x40;
    pub(super) const TABLE_SIZE: u8 = 0x20;
    pub(super) const WITHOUT_INDEXING: u8 = 0x00;
    pub(super) const HUFFMAN: u8 = 0x80;
}

/// Calls `field` with each name and value of a block.
///
/// # Errors
/// Fails if the block is malformed, or refers to a table that this client does not have.
pub fn decode(block: &[u8], mut field: impl FnMut(&[u8], &[u8])) -> Result<(), HeaderError> {
    let mut rest = Reader(block);
    let mut spelled = (Vec::new(), Vec::new());
    let mut is_first = true;
    while let Some(&first) = rest.0.first() {
        if first & pattern::INDEXED != 0 {
            let (name, value) = entry(rest.number(7)?)?;
            field(name.as_bytes(), value.as_bytes());
        } else if first & 0xe0 == pattern::TABLE_SIZE {
            // The announced size is 0, and any other size exceeds it (6.3).
            if rest.number(5)? != 0 || !is_first {
                return Err(HeaderError::TableSize);
            }
            continue;
        } else {
            // The field is with or without indexing, or never indexed: a table of 0 bytes stores nothing.
            let bits = if first & pattern::WITH_INDEXING != 0 { 6 } else { 4 };
            let name = match rest.number(bits)? {
                0 => rest.string(&mut spelled.0)?,
                index => entry(index)?.0.as_bytes(),
            };
            field(name, rest.string(&mut spelled.1)?);
        }
        is_first = false;
    }
    Ok(())
}

pub(super) fn entry(index: u32) -> Result<(&'static str, &'static str), HeaderError> {
    let place = index.checked_sub(1).and_then(|place| usize::try_from(place).ok());
    place.and_then(|place| STATIC_TABLE.get(place)).copied().ok_or(HeaderError::Index)
}

/// The undecoded rest of a block.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, HeaderError> {
        let (first, rest) = self.0.split_first().ok_or(HeaderError::Short)?;
        self.0 = rest;
        Ok(*first)
    }

    /// Decodes an integer with a prefix of this many bits (5.1).
    fn number(&mut self, prefix_bits: u32) -> Result<u32, HeaderError> {
        let full = (1_u32 << prefix_bits) - 1;
        let mut number = u32::from(self.byte()?) & full;
        if number < full {
            return Ok(number);
        }
        for shift in (0..28).step_by(7) {
            let byte = self.byte()?;
            number += u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(HeaderError::Number)
    }

    /// Decodes a string (5.2): from the block itself, or from `spelled` if it is compressed.
    fn string<'b>(&mut self, spelled: &'b mut Vec<u8>) -> Result<&'b [u8], HeaderError>
    where
        'a: 'b,
    {
        let is_compressed = self.0.first().is_some_and(|first| first & pattern::HUFFMAN != 0);
        let length = usize::try_from(self.number(7)?).map_err(|_| HeaderError::Number)?;
        let (string, rest) = self.0.split_at_checked(length).ok_or(HeaderError::Short)?;
        self.0 = rest;
        if !is_compressed {
            return Ok(string);
        }
        spelled.clear();
        huffman::decode(string, spelled)?;
        Ok(spelled)
    }
}

/// One list of header fields, encoded in each form that a connection may need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks {
    /// Adds the fields to the server's table; for the first call on a connection.
    pub introduction: Vec<u8>,
    /// Refers to the fields by their table indices; for every later call.
    pub indexed: Vec<u8>,
    /// Contains all fields as literals; for a server whose table is smaller than the default.
    pub literal: Vec<u8>,
    /// Sets the table size to 0; precedes the first literal block after a change.
    pub table_off: [u8; 1],
}

impl Blocks {
    /// Encodes these fields in all forms.
    #[must_use]
    pub fn of(fields: &[(&str, &str)]) -> Self {
        let mut blocks = Self {
            introduction: Vec::new(),
            indexed: Vec::new(),
            literal: Vec::new(),
            table_off: [pattern::TABLE_SIZE],
        };
        // The newest entry has the first index after the static table, so the number of entries must be known
        // first.
        let is_new = |field: &&(&str, &str)| place_of(field).is_none();
        let mut room = DEFAULT_TABLE_BYTES as usize;
        let entered: Vec<bool> = fields
            .iter()
            .map(|field| {
                let size = field.0.len() + field.1.len() + ENTRY_BYTES;
                let fits = is_new(&field) && size <= room;
                room -= if fits { size } else { 0 };
                fits
            })
            .collect();
        let mut newer = entered.iter().filter(|entered| **entered).count();
        for (field, entered) in fields.iter().zip(entered) {
            let (name, value) = *field;
            if let Some(index) = place_of(field) {
                for block in [&mut blocks.introduction, &mut blocks.indexed, &mut blocks.literal] {
                    write_number(block, pattern::INDEXED, 7, index);
                }
                continue;
            }
            write_literal(&mut blocks.literal, pattern::WITHOUT_INDEXING, 4, name, value);
            if entered {
                write_literal(&mut blocks.introduction, pattern::WITH_INDEXING, 6, name, value);
                newer -= 1;
                write_number(&mut blocks.indexed, pattern::INDEXED, 7, STATIC_TABLE.len() + 1 + newer);
            } else {
                for block in [&mut blocks.introduction, &mut blocks.indexed] {
                    write_literal(block, pattern::WITHOUT_INDEXING, 4, name, value);
                }
            }
        }
        blocks
    }
}

/// Index of a field whose name and value are in the static table.
fn place_of(field: &(&str, &str)) -> Option<usize> {
    STATIC_TABLE.iter().position(|entry| entry == field && !entry.1.is_empty()).map(|place| place + 1)
}

fn write_literal(out: &mut Vec<u8>, pattern: u8, prefix_bits: u32, name: &str, value: &str) {
    if let Some(place) = STATIC_TABLE.iter().position(|entry| entry.0 == name) {
        write_number(out, pattern, prefix_bits, place + 1);
    } else {
        write_number(out, pattern, prefix_bits, 0);
        write_string(out, name);
    }
    write_string(out, value);
}

fn write_string(out: &mut Vec<u8>, string: &str) {
    write_number(out, 0, 7, string.len());
    out.extend_from_slice(string.as_bytes());
}

/// Encodes an integer after a pattern, with a prefix of this many bits (5.1).
#[expect(clippy::cast_possible_truncation, reason = "the lowest bits are meant")]
fn write_number(out: &mut Vec<u8>, pattern: u8, prefix_bits: u32, number: usize) {
    let full = (1_usize << prefix_bits) - 1;
    if number < full {
        out.push(pattern | number as u8);
        return;
    }
    out.push(pattern | full as u8);
    let mut rest = number - full;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(block: &[u8]) -> Result<Vec<(String, String)>, HeaderError> {
        let mut fields = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        decode(block, |name, value| fields.push((text(name), text(value)))).map(|()| fields)
    }

    fn field(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn each_kind_of_field_is_read() {
        // RFC 7541, appendices C.2.1 to C.2.4.
        let with_indexing = [&[0x40, 0x0a], b"custom-key".as_slice(), &[0x0d], b"custom-header"].concat();
        assert_eq!(decoded(&with_indexing), Ok(vec![field("custom-key", "custom-header")]));
        let without_indexing = [&[0x04, 0x0c], b"/sample/path".as_slice()].concat();
        assert_eq!(decoded(&without_indexing), Ok(vec![field(":path", "/sample/path")]));
        let never_indexed = [&[0x10, 0x08], b"password".as_slice(), &[0x06], b"secret"].concat();
        assert_eq!(decoded(&never_indexed), Ok(vec![field("password", "secret")]));
        assert_eq!(decoded(&[0x82]), Ok(vec![field(":method", "GET")]));
    }

    #[test]
    fn a_compressed_string_is_read() {
        // RFC 7541, appendix C.4.1: the first request.
        let block = [
            0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4,
            0xff,
        ];
        let fields = decoded(&block).expect("well formed");
        assert_eq!(fields[3], field(":authority", "www.example.com"));
    }

    #[test]
    fn the_table_may_be_made_empty_at_the_start_and_nothing_else() {
        assert_eq!(decoded(&[0x20, 0x88]), Ok(vec![field(":status", "200")]));
        assert_eq!(decoded(&[0x20, 0x20, 0x88]), Ok(vec![field(":status", "200")]));
        assert_eq!(decoded(&[0x21, 0x88]), Err(HeaderError::TableSize));
        assert_eq!(decoded(&[0x88, 0x20]), Err(HeaderError::TableSize));
    }

    #[test]
    fn what_is_malformed_is_an_error() {
        for (block, error) in [
            (&[0x80][..], HeaderError::Index),
            (&[0xbe], HeaderError::Index),
            (&[0x7e, 0x00], HeaderError::Index),
            (&[0xff], HeaderError::Short),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], HeaderError::Number),
            (&[0x40, 0x05, b'a'], HeaderError::Short),
            (&[0x48, 0x81, 0x00], HeaderError::Huffman),
        ] {
            assert_eq!(decoded(block), Err(error), "{block:x?}");
        }
    }

    #[test]
    fn later_calls_name_what_the_first_one_put_into_the_table() {
        let blocks = Blocks::of(&[(":method", "POST"), (":path", "/a"), ("x", "y")]);
        // The last field is the newest entry, 62; the field before it is 63.
        assert_eq!(blocks.indexed, [0x83, 0xbf, 0xbe]);
        let fields = [field(":method", "POST"), field(":path", "/a"), field("x", "y")];
        assert_eq!(decoded(&blocks.introduction), Ok(fields.to_vec()));
        assert_eq!(decoded(&[&blocks.table_off, blocks.literal.as_slice()].concat()), Ok(fields.to_vec()));
    }

    #[test]
    fn what_does_not_fit_into_the_table_is_spelled_out() {
        let long = "v".repeat(3_900);
        let blocks = Blocks::of(&[("a", "1"), ("long", &long), ("longer", &long), ("b", "2")]);
        assert_eq!(decoded(&blocks.introduction).expect("well formed").len(), 4);
        // Three fields are in the table: `a` is 64, `long` 63 and `b` 62.
        assert_eq!(blocks.indexed.first(), Some(&0xc0));
        assert_eq!(blocks.indexed.last(), Some(&0xbe));
    }

    proptest! {
        #[test]
        fn every_list_reads_back(fields in prop::collection::vec(("[a-z-]{1,20}", "\\PC{0,200}"), 0..20)) {
            let borrowed: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let blocks = Blocks::of(&borrowed);
            prop_assert_eq!(decoded(&blocks.introduction), Ok(fields.clone()));
            prop_assert_eq!(decoded(&blocks.literal), Ok(fields));
        }

        #[test]
        fn compressed_strings_read_as_plain_ones(name in "[a-z]{1,20}", value in "\\PC{0,100}") {
            let mut block = vec![0x00];
            for string in [&name, &value] {
                let bytes = crate::client::lean::header_block::huffman::encode(string.as_bytes());
                write_number(&mut block, pattern::HUFFMAN, 7, bytes.len());
                block.extend_from_slice(&bytes);
            }
            prop_assert_eq!(decoded(&block), Ok(vec![(name, value)]));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = decoded(&bytes);
        }
    }
}
