//! Texts of an exact length, by kind.

use crate::units::named;

/// Contents of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextKind {
    /// Lower-case letters, digits and spaces.
    Ascii,
    /// One valid JSON value: a command object if there is room for one.
    Json,
    /// Characters of one to four bytes; a few grow or shrink when upper-cased.
    Unicode,
    /// U+0390: its two bytes become six when upper-cased, so the reply is three times as long.
    Expanding,
}

named!(TextKind, "kind of text", {
    Ascii => "ascii": "Letters, digits and spaces",
    Json => "json": "A JSON command",
    Unicode => "unicode": "Characters of one to four bytes",
    Expanding => "expanding": "U+0390, which grows threefold when upper-cased",
});

impl TextKind {
    /// Makes a text of exactly this many bytes.
    pub(super) fn text(self, bytes: usize) -> String {
        match self {
            Self::Ascii => {
                filled("the load line shows how deep she may lie in salt water 0123456789 ", bytes)
            }
            Self::Json => json(bytes),
            // Upper-casing these characters gives the same result in every Unicode version since 4.0.
            Self::Unicode => filled(
                "gr\u{fc}\u{df}e \u{3bd}\u{3b1}\u{3cd}\u{3c4}\u{3b7}\u{3c2} \u{390} \u{43c}\u{43e}\u{440}\u{435} \u{fb01}n \u{131} \u{8239} \u{1f6a2} \u{10428} ",
                bytes,
            ),
            Self::Expanding => filled("\u{390}", bytes),
        }
    }
}

/// Repeats the pattern. Where the next character does not fit, the letter `a` fills the rest.
fn filled(pattern: &str, bytes: usize) -> String {
    let mut text = pattern.repeat(bytes / pattern.len());
    text.reserve_exact(bytes - text.len());
    for character in pattern.chars() {
        if text.len() + character.len_utf8() > bytes {
            break;
        }
        text.push(character);
    }
    text.extend(std::iter::repeat_n('a', bytes - text.len()));
    text
}

/// Makes a JSON value of exactly this many bytes; an empty text for 0 bytes.
pub(crate) fn json(bytes: usize) -> String {
    const HEAD: &str = r#"{"command":"format","cargo":["#;
    const ITEM: &str = r#"{"name":"salt","tonnes":12.5,"hold":"fore"}"#;
    const TAIL: &str = r#"],"note":""#;
    const END: &str = r#""}"#;
    const FRAME: usize = HEAD.len() + ITEM.len() + TAIL.len() + END.len();
    match bytes {
        0 => String::new(),
        1 => "7".to_owned(),
        2..FRAME => format!("\"{}\"", filled("salt ", bytes - 2)),
        _ => {
            let further = (bytes - FRAME) / (ITEM.len() + 1);
            let items = format!("{ITEM},").repeat(further);
            let note = filled("deep ", bytes - FRAME - items.len());
            [HEAD, &items, ITEM, TAIL, &note, END].concat()
        }
    }
}
