//! Conversion of the user's metadata for the clients.

use tonic::metadata::{AsciiMetadataKey, BinaryMetadataKey, BinaryMetadataValue, MetadataMap};

use super::opening::OpenError;
use crate::rpc::metadata::{Pair, bytes_of};

/// Checks that this metadata can be sent.
///
/// # Errors
/// Returns an error for the first pair that cannot be sent.
pub(crate) fn check_metadata(pairs: &[Pair]) -> Result<(), OpenError> {
    checked(pairs).map(|_| ())
}

/// Converts the pairs to tonic's type.
///
/// # Errors
/// Returns an error for the first pair that gRPC cannot carry.
pub(super) fn checked(pairs: &[Pair]) -> Result<MetadataMap, OpenError> {
    let mut map = MetadataMap::new();
    for pair in pairs {
        pair.check()?;
        // A pair that passed the check has a valid name and value.
        let name = pair.name.to_ascii_lowercase();
        if name.ends_with("-bin") {
            if let (Ok(key), Some(bytes)) =
                (BinaryMetadataKey::from_bytes(name.as_bytes()), bytes_of(&pair.value))
            {
                map.append_bin(key, BinaryMetadataValue::from_bytes(&bytes));
            }
        } else if let (Ok(key), Ok(value)) =
            (AsciiMetadataKey::from_bytes(name.as_bytes()), pair.value.parse())
        {
            map.append(key, value);
        }
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_checked_before_a_call() {
        let pair = |name: &str, value: &str| Pair::new(name, value);
        let pairs = [pair("ip", "127.0.0.1"), pair("Key-bin", "AP8="), pair("bare-bin", "AP8")];
        let map = checked(&pairs).expect("all are valid");
        assert_eq!(map.len(), pairs.len());
        for name in ["key-bin", "bare-bin"] {
            assert_eq!(map.get_bin(name).expect("there").to_bytes().expect("base64").as_ref(), [0, 255]);
        }
        for wrong in
            [pair("a b", "1"), pair("key-bin", "?"), pair("name", "\u{e9}\n"), pair("connection", "x")]
        {
            assert!(checked(std::slice::from_ref(&wrong)).is_err(), "{wrong:?}");
        }
        let error = checked(&[pair("authorization", "Bearer \n-abc")]).expect_err("not ASCII").to_string();
        assert!(error.contains("authorization") && !error.contains("abc"), "{error}");
    }
}
