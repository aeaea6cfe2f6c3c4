//! Errors of header blocks.

/// Error of a header block that cannot be decoded. It ends the whole connection (RFC 9113, 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The block ends in the middle of a field.
    #[error("a header block ends within a field")]
    Short,
    /// An index without an entry.
    #[error("a header block refers to a table entry that does not exist")]
    Index,
    /// A number over 2^28.
    #[error("a header block has a number that is too large")]
    Number,
    /// A string with an invalid Huffman code.
    #[error("a header block has a string with an invalid Huffman code")]
    Huffman,
    /// A table size above the announced one, or in the middle of a block.
    #[error("a header block sets a table size that this client does not allow")]
    TableSize,
}
