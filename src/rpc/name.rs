//! Name of a method.

use std::{fmt, str::FromStr};

/// Name of a method: its service, and its own name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodName {
    /// Full name of the service, such as `helloworld.Greeter`.
    pub service: String,
    /// Name of the method, such as `SayHello`.
    pub method: String,
}

/// Error of a method's name that has another form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not the name of a method; write package.Service/Method, such as `helloworld.Greeter/SayHello`"
)]
pub struct MethodNameError(String);

impl FromStr for MethodName {
    type Err = MethodNameError;

    /// Reads `package.Service/Method`, with or without a slash before it, or `package.Service.Method`.
    fn from_str(text: &str) -> Result<Self, MethodNameError> {
        let name = text.strip_prefix('/').unwrap_or(text);
        let is_word = |word: &str| {
            let mut characters = word.chars();
            characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
                && characters.all(|next| next.is_ascii_alphanumeric() || next == '_')
        };
        name.split_once('/')
            .or_else(|| name.rsplit_once('.'))
            .filter(|(service, method)| service.split('.').all(is_word) && is_word(method))
            .map(|(service, method)| Self { service: service.to_owned(), method: method.to_owned() })
            .ok_or_else(|| MethodNameError(text.to_owned()))
    }
}

impl fmt::Display for MethodName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.service, self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_named_in_three_ways() {
        for written in ["a.b.C/Do", "/a.b.C/Do", "a.b.C.Do"] {
            let name: MethodName = written.parse().expect(written);
            assert_eq!((name.service.as_str(), name.method.as_str()), ("a.b.C", "Do"));
            assert_eq!(name.to_string(), "a.b.C/Do");
        }
        for wrong in ["", "Do", "/", "a/b/c", "a..b/C", "a.b/ C", "a.1/C", "https://x/y"] {
            assert!(wrong.parse::<MethodName>().is_err(), "{wrong}");
        }
    }
}
