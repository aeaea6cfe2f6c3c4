//! Texts from outside in Markdown.

use crate::report::outside::on_one_line;

/// Returns a text from outside on one line, with all characters escaped that have a meaning in Markdown or HTML. The
/// result mentions no user, and contains no link.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in on_one_line(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '@' => escaped.push_str("&#64;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' | '~' | '$' | '!' => {
                escaped.push('\\');
                escaped.push(character);
            }
            // An address becomes a link through the text in front of these characters.
            ':' if escaped.ends_with("http") || escaped.ends_with("https") => escaped.push_str("&#58;"),
            '.' if escaped.ends_with("www") => escaped.push_str("&#46;"),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_outside_is_only_text() {
        assert_eq!(escaped("a | <b> [x](y) **z** `c`"), r"a \| &lt;b&gt; \[x\](y) \*\*z\*\* \`c\`");
        assert_eq!(
            escaped("@all see https://x.test, www.x.test\n# b"),
            r"&#64;all see https&#58;//x.test, www&#46;x.test\\n\# b"
        );
        assert_eq!(escaped("127.0.0.1:8080 -> 1.5"), "127.0.0.1:8080 -&gt; 1.5");
        assert_eq!(escaped("\u{202e}"), r"\\u{202e}");
    }
}
