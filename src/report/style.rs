//! Colours and headings that all texts share.

use std::io::{self, Write};

use anstyle::{AnsiColor, Color, Style};

use super::outside::on_one_line;

pub(super) const STRONG: Style = Style::new().bold();

pub(super) const GOOD: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Green)));

pub(super) const DOUBTFUL: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Yellow))).bold();

pub(super) const BAD: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Red))).bold();

/// Width of the first column, with the headings.
pub(super) const HEADING: usize = 11;

/// Width that findings are broken at.
const LINE: usize = 100;

pub(super) fn heading(text: &str) -> String {
    format!("{STRONG}{text:<HEADING$}{STRONG:#} ")
}

/// Length of a message from elsewhere.
const MESSAGE: usize = 160;

/// A text from outside, on one line.
pub(super) fn plain(text: &str) -> String {
    on_one_line(text)
}

/// A text from outside, on one line, and not too long.
pub(super) fn printable(text: &str) -> String {
    let mut plain: String = plain(text).chars().take(MESSAGE).collect();
    if text.chars().nth(MESSAGE).is_some() {
        plain.push_str("...");
    }
    plain
}

/// What can be done, below what it is about.
pub(super) fn advice_lines(advice: &str, out: &mut impl Write) -> io::Result<()> {
    for (row, line) in broken(advice).iter().enumerate() {
        writeln!(out, "{:HEADING$}   {} {line}", "", if row == 0 { "->" } else { "  " })?;
    }
    Ok(())
}

/// What was found, each with what can be done about it.
pub(super) fn findings<'a>(
    all: impl Iterator<Item = (&'a str, &'a str)>,
    out: &mut impl Write,
) -> io::Result<()> {
    for (index, (detail, advice)) in all.enumerate() {
        for (row, line) in broken(detail).iter().enumerate() {
            let first = if index + row == 0 { heading("findings") } else { format!("{:HEADING$} ", "") };
            writeln!(out, "{first}{line}")?;
        }
        if !advice.is_empty() {
            advice_lines(advice, out)?;
        }
    }
    Ok(())
}

/// A text in lines that fit behind the headings.
pub(super) fn broken(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in plain(text).split(' ') {
        let line = lines.last_mut().map_or(0, |line| line.chars().count());
        if line > 0 && HEADING + line + word.chars().count() + 8 > LINE {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_outside_stays_on_its_line() {
        assert_eq!(printable("a\nb\u{1b}[31m"), r"a\nb\u{1b}[31m");
        assert_eq!(printable(&"x".repeat(500)).len(), MESSAGE + 3);
    }

    #[test]
    fn a_long_text_is_broken_between_words() {
        let text = "word ".repeat(60);
        let lines = broken(text.trim());
        assert!(lines.iter().all(|line| line.len() + HEADING < LINE), "{lines:?}");
        assert_eq!(lines.join(" "), text.trim());
    }
}
