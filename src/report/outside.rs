//! Filter for all texts from outside: server messages, labels, file names, strings of a saved document.
//!
//! A terminal interprets control characters, and bidirectional controls change the visible order of a text. The
//! filter replaces both by visible escapes, such as `\u{1b}`, so that a text stays on its line and shows its
//! content.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use serde::{Serialize, de::DeserializeOwned};

/// Returns true if a character does more than take its place in the text.
#[must_use]
pub fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Line and paragraph separators, and marks and controls of the writing direction.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            // Characters without a width. Joiners (U+200C, U+200D) stay, because scripts and emoji need them.
            | '\u{ad}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            // Tags: a second, invisible text.
            | '\u{e0000}'..='\u{e007f}'
            // Code points that are not characters, which XML rejects.
            | '\u{fffe}' | '\u{ffff}')
}

/// Returns a text on one line: every active character is an escape.
#[must_use]
pub fn on_one_line(text: &str) -> String {
    escaped(text, |_| false)
}

/// Returns a text of several lines: line breaks and tabs stay.
#[must_use]
pub fn in_lines(text: &str) -> String {
    escaped(text, |character| matches!(character, '\n' | '\t'))
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_active(character) && !stays(character) {
            // Rust's own notation: `\n`, `\t`, `\u{1b}`.
            let _ = write!(shown, "{}", character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Returns the document with all texts filtered, including strings added to a schema later. `None` where the
/// document cannot be read back, because a figure is not a number.
pub(super) fn shown<T: Serialize + DeserializeOwned>(document: &T) -> Option<T> {
    let mut value = serde_json::to_value(document).ok()?;
    each_text(&mut value);
    serde_json::from_value(value).ok()
}

fn each_text(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) if text.contains(is_active) => *text = on_one_line(text),
        serde_json::Value::Array(items) => items.iter_mut().for_each(each_text),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(each_text),
        _ => {}
    }
}

/// Escape sequences for colours in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colours {
    /// No colours.
    Without,
    /// ANSI colours.
    With,
}

/// Writes a document through `render`, without active characters except line breaks and, if requested, our own
/// colours.
pub(super) fn write_text<T: Serialize + DeserializeOwned>(
    document: &T,
    colours: Colours,
    mut out: impl Write,
    render: impl Fn(&T, &mut Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    let mut text = Vec::new();
    if let Some(document) = shown(document) {
        render(&document, &mut text)?;
    } else {
        // The measurement is printed in any case. It has no colours here, because they would look like those of
        // the document.
        render(document, &mut text)?;
        let plain = anstream::adapter::strip_bytes(&text).into_vec();
        text = in_lines(&String::from_utf8_lossy(&plain)).into_bytes();
    }
    match colours {
        Colours::With => out.write_all(&text)?,
        Colours::Without => out.write_all(&anstream::adapter::strip_bytes(&text).into_vec())?,
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[test]
    fn a_text_from_outside_says_what_it_is() {
        assert_eq!(on_one_line("a\nb\t\u{1b}[31m"), r"a\nb\t\u{1b}[31m");
        assert_eq!(on_one_line("\u{9b}31m\u{202e}evil\u{2028}"), r"\u{9b}31m\u{202e}evil\u{2028}");
        assert_eq!(on_one_line("\u{feff}\u{200b}\u{7f}\u{e0041}"), r"\u{feff}\u{200b}\u{7f}\u{e0041}");
        assert_eq!(in_lines("a\n\tb\r\u{1b}]0;x\u{7}"), "a\n\tb\\r\\u{1b}]0;x\\u{7}");
        for plain in ["", "straße", "日本語", "👩\u{200d}🚀", "می\u{200c}خواهم", r"C:\new"] {
            assert_eq!(on_one_line(plain), plain);
        }
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Document {
        text: Vec<String>,
        figure: f64,
    }

    fn written(document: &Document, colours: Colours) -> String {
        let mut out = Vec::new();
        let render = |document: &Document, out: &mut Vec<u8>| {
            let strong = crate::report::style::STRONG;
            writeln!(out, "{strong}{}{strong:#}\n{}", document.text.join(" "), document.figure)
        };
        write_text(document, colours, &mut out, render).expect("memory takes any bytes");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn colours_are_ours_and_only_where_they_are_asked_for() {
        let document = |figure| Document { text: vec!["a\u{1b}[31m".to_owned(), "b\n".to_owned()], figure };
        assert_eq!(written(&document(1.5), Colours::Without), "a\\u{1b}[31m b\\n\n1.5\n");
        assert_eq!(written(&document(1.5), Colours::With), "\u{1b}[1ma\\u{1b}[31m b\\n\u{1b}[0m\n1.5\n");
        // JSON has no such figure, so the document cannot be read back.
        let odd = written(&document(f64::NAN), Colours::With);
        assert!(!odd.contains('\u{1b}') && odd.contains("NaN"), "{odd:?}");
    }

    proptest! {
        #[test]
        fn nothing_active_is_left_and_nothing_else_is_changed(text in any::<String>()) {
            let shown = on_one_line(&text);
            prop_assert!(!shown.contains(is_active), "{shown:?}");
            prop_assert_eq!(on_one_line(&shown), shown.clone());
            let inactive: String = text.chars().filter(|character| !is_active(*character)).collect();
            prop_assert!(text.contains(is_active) || shown == inactive);
        }
    }
}
