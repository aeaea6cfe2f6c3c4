//! The caller's custom metadata, returned as initial metadata.

use http::header::HeaderName;
use tonic::metadata::MetadataMap;

/// Returns the pairs that the caller added, in the order of their keys' first values, without the protocol's
/// own.
pub(super) fn custom(metadata: MetadataMap) -> MetadataMap {
    let headers = metadata.into_headers();
    if headers.keys().all(is_reserved) {
        return MetadataMap::new();
    }
    let mut echoed = http::HeaderMap::with_capacity(headers.len());
    for (name, value) in &headers {
        if !is_reserved(name) {
            echoed.append(name, value.clone());
        }
    }
    MetadataMap::from_headers(echoed)
}

/// Returns true if a header belongs to gRPC or to HTTP. `content-length` is the request's, and would be wrong
/// for the reply.
fn is_reserved(name: &HeaderName) -> bool {
    matches!(name.as_str(), "te" | "content-type" | "user-agent" | "content-length" | "host")
        || name.as_str().starts_with("grpc-")
}

#[cfg(test)]
mod tests {
    use tonic::metadata::MetadataValue;

    use super::*;

    #[test]
    fn ascii_and_binary_pairs_are_echoed_and_reserved_ones_are_not() {
        let mut metadata = MetadataMap::new();
        for reserved in ["te", "content-type", "user-agent", "grpc-timeout", "grpc-trace", "content-length"] {
            metadata.insert(reserved, MetadataValue::from_static("1"));
        }
        metadata.append("ip", MetadataValue::from_static("127.0.0.1"));
        metadata.append("ip", MetadataValue::from_static("127.0.0.2"));
        metadata.append_bin("key-bin", MetadataValue::from_bytes(&[0, 255]));
        let echoed = custom(metadata);
        let ips: Vec<_> = echoed.get_all("ip").iter().map(|value| value.to_str().expect("ASCII")).collect();
        assert_eq!(ips, ["127.0.0.1", "127.0.0.2"]);
        assert_eq!(echoed.get_bin("key-bin").expect("echoed").to_bytes().expect("base64").as_ref(), [0, 255]);
        assert_eq!(echoed.len(), 3);
    }
}
