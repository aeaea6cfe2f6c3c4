//! Parsers for values on the command line.

use std::{ffi::OsStr, fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::{
    Arg, Command,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
    error::{Error, ErrorKind},
};

use crate::{
    result::Rating,
    rpc::metadata::{Pair, PairError},
    units::{Count, Named},
};

/// Parses a count: `2000`, `10k`.
pub(super) fn count(text: &str) -> Result<u64, String> {
    text.parse().map(|Count(count)| count).map_err(|error| error.to_string())
}

/// Parser for metadata. Unlike those of clap, its errors do not repeat the value, which may be a secret.
#[derive(Debug, Clone, Copy)]
pub(super) struct MetadataParser;

impl TypedValueParser for MetadataParser {
    type Value = Pair;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, text: &OsStr) -> Result<Pair, Error> {
        let flag = argument.map(ToString::to_string).unwrap_or_default();
        text.to_str().ok_or_else(|| "it is not UTF-8".to_owned()).and_then(pair).map_err(|reason| {
            Error::raw(ErrorKind::ValueValidation, format!("cannot use the value of '{flag}': {reason}\n"))
                .with_cmd(command)
        })
    }
}

/// Parses metadata: `name: value`, or `name: @FILE` for a value in a file.
fn pair(text: &str) -> Result<Pair, String> {
    let written = Pair::unchecked(text).map_err(|error| error.to_string())?;
    let pair = match written.value.strip_prefix('@') {
        None => written,
        // Two `@` stand for one that belongs to the value.
        Some(rest) if rest.starts_with('@') => Pair::new(written.name, rest),
        Some(file) => {
            let value = value_in(file)?;
            Pair { hidden: true, ..Pair::new(written.name, value) }
        }
    };
    pair.check().map_err(|error| PairError::from(error).to_string())?;
    Ok(pair)
}

/// Reads a value from a file, without the line break at its end. The value is hidden in outputs, because a user
/// puts a value into a file to keep it secret.
fn value_in(file: &str) -> Result<String, String> {
    if file.is_empty() {
        return Err("`@` has no file behind it; write `name: @FILE`, or `@@` for a value that begins with @"
            .to_owned());
    }
    let bytes = fs::read(file).map_err(|error| {
        format!("cannot read `{file}`: {error}; a value that begins with @ is written with two of them")
    })?;
    let text = String::from_utf8(bytes).map_err(|_| format!("`{file}` is not UTF-8, and so no value"))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Reads a text from a file.
pub(super) fn read_text(path: &PathBuf) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read the text of `{}`", path.display()))?;
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        anyhow::anyhow!(
            "`{}` is not UTF-8: its first wrong byte is number {offset}, counted from 0; a protobuf string must be UTF-8",
            path.display()
        )
    })
}

/// Parser for the rating at which `--strict` ends with status 3: that rating or a worse one.
pub(super) fn verdict() -> impl TypedValueParser<Value = Rating> {
    let worst = [Rating::Unsound, Rating::Disturbed];
    PossibleValuesParser::new(worst.map(Rating::name)).try_map(|name| Rating::named(&name))
}

/// Parser for a value of an enum by its name; the help lists each name with its meaning.
pub(super) fn named<T: Named + Send + Sync>() -> impl TypedValueParser<Value = T> {
    one_of(T::VALUES)
}

/// Parser for one of these values by its name; the help lists each name with its meaning.
pub(super) fn one_of<T: Named + Send + Sync>(values: &'static [T]) -> impl TypedValueParser<Value = T> {
    one_of_these(values)
}

/// Parser for one of these values, as with [`one_of`].
pub(super) fn one_of_these<T: Named + Send + Sync>(values: &[T]) -> impl TypedValueParser<Value = T> {
    let value = |value: &T| match value.meaning() {
        "" => PossibleValue::new(value.name()),
        meaning => PossibleValue::new(value.name()).help(meaning),
    };
    PossibleValuesParser::new(values.iter().map(value)).try_map(|name| T::named(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_can_come_from_a_file_and_is_then_hidden() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        fs::write(&file, "abc def\r\n").expect("writable");
        let read = pair(&format!("X-Session:  @{}", file.display())).expect("a pair");
        assert_eq!(
            (read.name.as_str(), read.value.as_str(), read.is_hidden()),
            ("x-session", "abc def", true)
        );
        assert_eq!(pair("team: @@core"), Ok(Pair::new("team", "@core")));
        assert_eq!(pair("ip: 127.0.0.1"), Ok(Pair::new("ip", "127.0.0.1")));
        assert!(pair("x: @/nowhere/token").expect_err("no file").contains("/nowhere/token"));
        assert!(pair("x: @").expect_err("no name").contains("@FILE"));
    }
}
