//! Responses recorded byte for byte.

/// A response, byte for byte.
#[derive(Debug, Default)]
pub struct RawResponse {
    /// Fields of each header block: the headers, and the trailers if there are any.
    pub blocks: Vec<Vec<(String, String)>>,
    /// Body of the response: gRPC's prefix and the message.
    pub body: Vec<u8>,
}
