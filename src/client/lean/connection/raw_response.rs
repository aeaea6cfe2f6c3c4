//! Responses that are kept whole.

/// A response, word for word.
#[derive(Debug, Default)]
pub struct RawResponse {
    /// The fields of each header block: the headers, and the trailers where there were any.
    pub blocks: Vec<Vec<(String, String)>>,
    /// gRPC's prefix and the message.
    pub body: Vec<u8>,
}
