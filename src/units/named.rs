//! Enums whose values have one name each, the same on the command line, in documents and in reports.

/// Error for a name that no value has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{got}` is not a known {what}; {hint}write {expected}")]
pub struct UnknownName {
    /// The text, escaped.
    pub got: String,
    /// The kind of value, in words: `compression`.
    pub what: &'static str,
    /// The nearest name as a question (`did you mean ...?`), or an empty text.
    pub hint: String,
    /// All names, separated by commas.
    pub expected: String,
}

/// An enum whose values have names.
pub trait Named: Copy + PartialEq + 'static {
    /// The kind of value, in words for an error message.
    const WHAT: &'static str;
    /// All values, in their order.
    const VALUES: &'static [Self];

    /// The value's name.
    fn name(self) -> &'static str;

    /// The value's meaning, for a help text; empty where the name explains itself.
    fn meaning(self) -> &'static str;

    /// Returns the value with this name.
    ///
    /// # Errors
    /// Fails if no value has this name. The error lists all names.
    fn named(name: &str) -> Result<Self, UnknownName> {
        Self::VALUES.iter().copied().find(|value| value.name() == name).ok_or_else(|| UnknownName {
            got: name.escape_debug().to_string(),
            what: Self::WHAT,
            hint: super::nearest::hint(name, Self::VALUES.iter().map(|value| value.name())),
            expected: Self::VALUES.iter().map(|value| value.name()).collect::<Vec<_>>().join(", "),
        })
    }
}

/// Names the values of an enum. Implements [`Named`], `VALUES`, `name()`, `Display`, `FromStr`, serde's
/// traits and `JsonSchema`.
macro_rules! named {
    ($type:ident, $what:literal, { $($value:ident => $name:literal $(: $meaning:literal)?),+ $(,)? }) => {
        impl $type {
            /// All values, in their order.
            pub const VALUES: &'static [Self] = &[$(Self::$value),+];

            /// The value's name on the command line, in documents and in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name),+
                }
            }
        }

        impl $crate::units::Named for $type {
            const WHAT: &'static str = $what;
            const VALUES: &'static [Self] = Self::VALUES;

            fn name(self) -> &'static str {
                self.name()
            }

            fn meaning(self) -> &'static str {
                match self {
                    $(Self::$value => concat!($($meaning)?)),+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.pad(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::units::UnknownName;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                $crate::units::Named::named(name)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let names: Vec<&str> = Self::VALUES.iter().map(|value| value.name()).collect();
                schemars::json_schema!({ "type": "string", "enum": names })
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                name.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use named;

#[cfg(test)]
#[expect(unreachable_pub, reason = "what the macro makes is public, for public enums")]
mod tests {
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Tide {
        Low,
        HighWater,
    }

    named!(Tide, "tide", { Low => "low", HighWater => "high_water" });

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for tide in Tide::VALUES {
            assert_eq!(tide.to_string().parse(), Ok(*tide));
            let json = serde_json::to_string(tide).expect("a word");
            assert_eq!(json, format!("\"{}\"", tide.name()));
            assert_eq!(serde_json::from_str::<Tide>(&json).expect("what was written"), *tide);
        }
    }

    #[test]
    fn an_unknown_name_is_told_with_all_names() {
        let error = "spring\n".parse::<Tide>().expect_err("unknown").to_string();
        assert_eq!(error, "`spring\\n` is not a known tide; write low, high_water");
        assert!(serde_json::from_str::<Tide>("\"spring\"").is_err());
    }
}
