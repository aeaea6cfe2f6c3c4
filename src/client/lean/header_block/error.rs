//! Errors of header blocks.

/// Why a header block cannot be read. It is an error of the whole connection (RFC 9113, 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The block ends in the middle of a field.
    #[error("a header block ends within a field")]
    Short,
    /// An index that stands for nothing.
    #[error("a header block names an entry that no table has")]
    Index,
    /// A number over 2^28.
    #[error("a header block has a number that is too large")]
    Number,
    /// A string that is not in the Huffman code.
    #[error("a header block has a string that is not in the Huffman code")]
    Huffman,
    /// A table size over what this client announced, or in the middle of a block.
    #[error("a header block sets a table size that it must not")]
    TableSize,
}
