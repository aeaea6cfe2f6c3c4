//! Metadata of calls, and which of it is secret: a secret value is sent, and is in no document and no output.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeStruct};

/// Stands for a value that is not shown.
const HIDDEN: &str = "(hidden)";

/// Names that are secret as a whole.
const NAMES: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// Last words of names that are secret: `x-auth-token`, `api-key`. A `key` alone is any key.
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

/// A secret as a whole is looked for in a server's words from this length on: the server may repeat it.
const SHORTEST_VALUE: usize = 4;

/// A part of a secret, such as the token behind `Bearer`, from this one.
const SHORTEST_PART: usize = 8;

/// One pair of custom metadata.
///
/// A document has the value, or `"hidden": true` in its place.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// Lower case; ends with `-bin` where the value is binary.
    pub name: String,
    /// ASCII, or base64 where the name ends with `-bin`; empty where a document hides it.
    pub value: String,
    /// Whether the value is hidden whatever the name is.
    pub hidden: bool,
}

impl Pair {
    /// A pair whose name says whether its value is secret.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), hidden: false }
    }

    /// Whether the value must not be shown or written.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.hidden || is_secret(&self.name)
    }

    /// The value for people.
    #[must_use]
    pub fn shown(&self) -> &str {
        if self.is_hidden() { HIDDEN } else { &self.value }
    }
}

/// Whether a value of this name is secret: `authorization`, `proxy-authorization`, `cookie`, `*-token`, `*-key`,
/// `*-secret*` and their like.
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

/// The secrets of a run: a server may repeat them, in the text of a status for example.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Secrets").field(&self.0.len()).finish()
    }
}

impl Secrets {
    /// The hidden values of this metadata, and their parts.
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
        // The whole before its parts.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self(secrets)
    }

    /// Takes the secrets out of a text from a server.
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
