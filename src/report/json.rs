//! JSON of a result.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::outside::is_active;

/// Depth to which a document is broken into lines: its keys, and the elements of its lists. Deeper content stays on
/// one line, so that one row of a list is one row of the file.
const DEPTH: usize = 2;

/// Writes a document, with a line break at its end. Characters that control a terminal are escaped, which JSON
/// allows for any character; the values stay exact.
///
/// # Errors
/// Errors of the writer.
pub fn write(document: &impl Serialize, out: impl Write) -> io::Result<()> {
    write_broken(document, DEPTH, out)
}

/// Writes a document as [`write`] does, on one line: for streams of documents.
///
/// # Errors
/// Errors of the writer.
pub fn write_line(document: &impl Serialize, out: impl Write) -> io::Result<()> {
    write_broken(document, 0, out)
}

fn write_broken(document: &impl Serialize, broken: usize, mut out: impl Write) -> io::Result<()> {
    let rows = Rows { broken, depth: 0, is_empty: true };
    document.serialize(&mut Serializer::with_formatter(&mut out, rows))?;
    writeln!(out)?;
    out.flush()
}

/// Formatter with lines down to a depth, and with escapes for active characters in strings.
struct Rows {
    /// Depth to which the document is broken into lines.
    broken: usize,
    depth: usize,
    /// True if the array or object begun last is still empty.
    is_empty: bool,
}

impl Rows {
    fn begin<W: ?Sized + Write>(&mut self, out: &mut W, bracket: u8) -> io::Result<()> {
        self.depth += 1;
        self.is_empty = true;
        out.write_all(&[bracket])
    }

    fn end<W: ?Sized + Write>(&mut self, out: &mut W, bracket: u8) -> io::Result<()> {
        self.depth -= 1;
        if self.depth < self.broken && !self.is_empty {
            self.new_line(out)?;
        }
        self.is_empty = false;
        out.write_all(&[bracket])
    }

    /// Writes the separator before a key or an element.
    fn between<W: ?Sized + Write>(&mut self, out: &mut W, is_first: bool) -> io::Result<()> {
        if !is_first {
            out.write_all(b",")?;
        }
        self.is_empty = false;
        if self.depth <= self.broken { self.new_line(out) } else { Ok(()) }
    }

    fn new_line<W: ?Sized + Write>(&self, out: &mut W) -> io::Result<()> {
        out.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| out.write_all(b"  "))
    }
}

impl Formatter for Rows {
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
        self.begin(out, b'[')
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b']')
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.between(out, first)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin(out, b'{')
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.end(out, b'}')
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.between(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(if self.depth <= self.broken { b": " } else { b":" })
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
    fn rows_of_lists_are_rows_of_the_file_and_strings_do_nothing() {
        let document = serde_json::json!({
            "a": [1, { "b": [], "c": { "d": [2, 3] } }, []],
            "e": {},
            "f": { "g": [4] },
            "h": "x\u{202e}\u{9b}\u{e0041}\n\u{1b}y",
        });
        let expected = r#"{
  "a": [
    1,
    {"b":[],"c":{"d":[2,3]}},
    []
  ],
  "e": {},
  "f": {
    "g": [4]
  },
  "h": "x\u202e\u009b\udb40\udc41\n\u001by"
}
"#;
        assert_eq!(written(&document), expected);
        assert_eq!(serde_json::from_str::<serde_json::Value>(expected).expect("JSON"), document);
        let mut line = Vec::new();
        write_line(&document, &mut line).expect("memory takes any bytes");
        let line = String::from_utf8(line).expect("UTF-8");
        assert_eq!(line.lines().count(), 1);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).expect("JSON"), document);
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
