//! Metadata of calls, with secret values hidden: a secret value is sent, but appears in no document and no
//! output.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};

/// Replacement for a hidden value.
const HIDDEN: &str = "(hidden)";

/// Names whose values are always secret.
const NAMES: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// Last words of names that are secret: `x-auth-token`, `api-key`. The name `key` alone is not secret.
const LAST_WORDS: [&str; 12] = [
    "authorization",
    "auth",
    "token",
    "jwt",
    "key",
    "apikey",
    "password",
    "passwd",
    "passphrase",
    "credential",
    "credentials",
    "cookie",
];

/// Shortest secret value, in bytes, that is searched for in a server's messages. A server may repeat secrets.
const SHORTEST_VALUE: usize = 4;

/// Shortest part of a secret that is searched for, in bytes, such as the token after `Bearer`.
const SHORTEST_PART: usize = 8;

/// One pair of custom metadata.
///
/// A document contains the value, or `"hidden": true` in its place.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// The name in lower case; ends with `-bin` if the value is binary.
    pub name: String,
    /// The value: ASCII, or base64 if the name ends with `-bin`; empty if a document hides it.
    pub value: String,
    /// True if the value is hidden regardless of the name.
    pub hidden: bool,
}

impl Pair {
    /// Makes a pair; the name decides if the value is secret.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), hidden: false }
    }

    /// Returns true if the value must not be shown or written.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.hidden || is_secret(&self.name)
    }

    /// The value for display, or a replacement if it is secret.
    #[must_use]
    pub fn shown(&self) -> &str {
        if self.is_hidden() { HIDDEN } else { &self.value }
    }
}

/// Returns true if a value with this name is secret: `authorization`, `proxy-authorization`, `cookie`,
/// `*-token`, `*-key`, `*-secret*` and similar names.
#[must_use]
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix("-bin").unwrap_or(&name);
    let words = || name.split(['-', '_', '.']);
    NAMES.contains(&name)
        || words().next_back().is_some_and(|last| LAST_WORDS.contains(&last) && name != "key")
        || words().any(|word| word.starts_with("secret"))
}

impl fmt::Display for Pair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.name, self.shown())
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Pair").field(&self.name).field(&self.shown()).finish()
    }
}

impl Serialize for Pair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pair = serializer.serialize_struct("Pair", 2)?;
        pair.serialize_field("name", &self.name)?;
        if self.is_hidden() {
            pair.serialize_field("hidden", &true)?;
        } else {
            pair.serialize_field("value", &self.value)?;
        }
        pair.end()
    }
}

impl JsonSchema for Pair {
    fn schema_name() -> Cow<'static, str> {
        "Pair".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "name": { "type": "string" },
                "value": { "type": "string" },
                "hidden": { "const": true },
            },
            "required": ["name"],
        })
    }
}

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            name: String,
            #[serde(default)]
            value: String,
            #[serde(default)]
            hidden: bool,
        }
        let Written { name, value, hidden } = Written::deserialize(deserializer)?;
        Ok(Self { name, value, hidden })
    }
}

/// Secrets of a run. A server may repeat them, for example in the text of a status.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Secrets").field(&self.0.len()).finish()
    }
}

impl Secrets {
    /// Collects the hidden values of this metadata, and their parts.
    #[must_use]
    pub(crate) fn of(pairs: &[Pair]) -> Self {
        let mut secrets: Vec<String> = pairs
            .iter()
            .filter(|pair| pair.is_hidden())
            .flat_map(|pair| {
                let parts = pair.value.split([' ', ';', '=', ',']);
                let parts = parts.filter(|part| part.len() >= SHORTEST_PART);
                parts.chain((pair.value.len() >= SHORTEST_VALUE).then_some(pair.value.as_str()))
            })
            .map(str::to_owned)
            .collect();
        // Longer secrets first, so that a whole secret is replaced before its parts.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self(secrets)
    }

    /// Replaces the secrets in a text from a server.
    pub(crate) fn hide(&self, text: &mut String) {
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), HIDDEN);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_credentials_are_secret_and_others_are_not() {
        for name in [
            "authorization",
            "Proxy-Authorization",
            "cookie",
            "set-cookie",
            "x-auth-token",
            "api-key",
            "x_api_key",
            "client-secret",
            "x-secret-2",
            "x-secrets",
            "session-token-bin",
            "token",
            "x-password",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "ip",
            "x-request-id",
            "keyboard",
            "x-key-id",
            "key",
            "key-bin",
            "tokens-left",
            "cookie-policy",
            "bin",
            "",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn a_secret_is_in_no_document_and_no_debug_output() {
        let pairs = [
            Pair::new("authorization", "Bearer abc-123"),
            Pair { hidden: true, ..Pair::new("x-from-file", "abc-123") },
            Pair::new("ip", "127.0.0.1"),
        ];
        let json = serde_json::to_string(&pairs).expect("JSON");
        assert_eq!(
            json,
            r#"[{"name":"authorization","hidden":true},{"name":"x-from-file","hidden":true},{"name":"ip","value":"127.0.0.1"}]"#
        );
        let read: Vec<Pair> = serde_json::from_str(&json).expect("pairs");
        assert_eq!(serde_json::to_string(&read).expect("JSON"), json);
        for text in [format!("{pairs:?}"), pairs.iter().map(ToString::to_string).collect()] {
            assert!(!text.contains("abc-123") && text.contains("127.0.0.1"), "{text}");
        }
    }

    #[test]
    fn a_document_of_an_earlier_version_loses_its_secret_when_it_is_written_again() {
        let read: Pair = serde_json::from_str(r#"{"name":"api-key","value":"abc"}"#).expect("a pair");
        assert_eq!(serde_json::to_string(&read).expect("JSON"), r#"{"name":"api-key","hidden":true}"#);
    }

    #[test]
    fn a_secret_that_a_server_repeats_is_hidden() {
        let secrets = Secrets::of(&[
            Pair::new("authorization", "Bearer eyJhbGciOi.x=="),
            Pair::new("cookie", "session=0123456789; a=1"),
            Pair::new("api-key", "1"),
            Pair::new("ip", "127.0.0.1"),
        ]);
        for (said, shown) in [
            ("no user Bearer eyJhbGciOi.x==!", "no user (hidden)!"),
            ("bad token 'eyJhbGciOi.x'", "bad token '(hidden)'"),
            ("session 0123456789 is over, 1 from 127.0.0.1", "session (hidden) is over, 1 from 127.0.0.1"),
        ] {
            let mut text = said.to_owned();
            secrets.hide(&mut text);
            assert_eq!(text, shown);
        }
        assert!(!format!("{secrets:?}").contains("0123"));
    }
}
