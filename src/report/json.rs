//! A result as JSON.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::outside::is_active;

/// Writes a document, indented, with a line break at its end. Characters that a terminal would obey are escaped, as
/// JSON may escape any: the values are exact.
///
/// # Errors
/// Those of the writer.
pub fn write(document: &impl Serialize, mut out: impl Write) -> io::Result<()> {
    document.serialize(&mut Serializer::with_formatter(&mut out, Escaping(PrettyFormatter::new())))?;
    writeln!(out)?;
    out.flush()
}

/// JSON that is indented, with nothing active in its strings.
struct Escaping<'a>(PrettyFormatter<'a>);

impl Formatter for Escaping<'_> {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(place) = rest.find(is_active) {
            let (before, from) = rest.split_at(place);
            out.write_all(before.as_bytes())?;
            let mut characters = from.chars();
            for unit in characters.next().into_iter().flat_map(|first| {
                let mut units = [0; 2];
                first.encode_utf16(&mut units).to_vec()
            }) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        out.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(document: &impl Serialize) -> String {
        let mut out = Vec::new();
        write(document, &mut out).expect("memory takes any bytes");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_document_looks_as_before_and_its_strings_do_nothing() {
        let document = serde_json::json!({ "a": [1, { "b": [] }], "c": "x\u{202e}\u{9b}\u{e0041}\n\u{1b}y" });
        assert_eq!(
            written(&document),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": \"x\\u202e\\u009b\\udb40\\udc41\\n\\u001by\"\n}\n"
        );
    }

    proptest! {
        #[test]
        fn the_values_are_exact(text in any::<String>()) {
            let json = written(&text);
            prop_assert!(!json.trim_end().contains(is_active), "{json:?}");
            prop_assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
        }
    }
}
