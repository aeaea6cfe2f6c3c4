//! Metadata that a user gave, checked before the first call.

use base64::{Engine, prelude::BASE64_STANDARD};
use tonic::metadata::{AsciiMetadataKey, BinaryMetadataKey, BinaryMetadataValue, MetadataMap};

use super::OpenError;
use crate::plan::Pair;

/// The pairs as tonic takes them.
///
/// # Errors
/// For the first pair whose name is no header's, or whose value is not ASCII or, where the name ends
/// with `-bin`, not base64.
pub(super) fn checked(pairs: &[Pair]) -> Result<MetadataMap, OpenError> {
    let mut map = MetadataMap::new();
    for pair in pairs {
        let Pair { name, value, hidden: _ } = pair;
        let error =
            |reason| OpenError::Metadata { name: name.clone(), value: pair.shown().to_owned(), reason };
        if name.ends_with("-bin") {
            let key =
                BinaryMetadataKey::from_bytes(name.as_bytes()).map_err(|_| error("the name is not valid"))?;
            let bytes = BASE64_STANDARD.decode(value);
            let bytes = bytes.map_err(|_| error("the value of a `-bin` name must be base64"))?;
            map.append_bin(key, BinaryMetadataValue::from_bytes(&bytes));
        } else {
            let key =
                AsciiMetadataKey::from_bytes(name.as_bytes()).map_err(|_| error("the name is not valid"))?;
            map.append(key, value.parse().map_err(|_| error("the value is not ASCII"))?);
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
        let map = checked(&[pair("ip", "127.0.0.1"), pair("key-bin", "AP8=")]).expect("both are valid");
        assert_eq!(map.get_bin("key-bin").expect("there").to_bytes().expect("base64").as_ref(), [0, 255]);
        for wrong in [pair("a b", "1"), pair("key-bin", "?"), pair("name", "\u{e9}\n")] {
            assert!(checked(std::slice::from_ref(&wrong)).is_err(), "{wrong:?}");
        }
        let error = checked(&[pair("authorization", "Bearer \n-abc")]).expect_err("not ASCII").to_string();
        assert!(error.contains("authorization") && !error.contains("abc"), "{error}");
    }
}
