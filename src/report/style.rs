//! Colours and headings of all texts.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use anstyle::{AnsiColor, Color, Style};
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

use super::outside::on_one_line;

pub(super) const STRONG: Style = Style::new().bold();

pub(super) const GOOD: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Green)));

pub(super) const DOUBTFUL: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Yellow))).bold();

pub(super) const BAD: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Red))).bold();

/// Mark for a figure that is not known.
pub(super) const NONE: &str = "-";

/// Width of the first column, with the headings.
pub(super) const HEADING: usize = 11;

/// Width at which findings are broken.
const LINE: usize = 100;

/// Columns that stay free, for marks between a heading and its text.
const MARGIN: usize = 7;

pub(super) fn heading(text: &str) -> String {
    format!("{STRONG}{text:<HEADING$}{STRONG:#} ")
}

/// Largest length of a message from outside.
const MESSAGE: usize = 160;

/// Returns a text from outside on one line.
pub(super) fn plain(text: &str) -> String {
    on_one_line(text)
}

/// Returns a text from outside on one line, cut after 160 characters.
pub(super) fn printable(text: &str) -> String {
    let mut plain: String = plain(text).chars().take(MESSAGE).collect();
    if text.chars().nth(MESSAGE).is_some() {
        plain.push_str("...");
    }
    plain
}

/// Writes the next step below its subject.
pub(super) fn advice_lines(advice: &str, out: &mut impl Write) -> io::Result<()> {
    for (row, line) in broken(advice).iter().enumerate() {
        writeln!(out, "{:HEADING$}   {} {line}", "", if row == 0 { "->" } else { "  " })?;
    }
    Ok(())
}

/// Writes findings, each with its next step.
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

/// Returns a text in lines that fit after the headings, broken at spaces only.
pub(super) fn broken(text: &str) -> Vec<String> {
    let options = Options::new(LINE - HEADING - MARGIN)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .break_words(false);
    let text = plain(text);
    let lines = textwrap::wrap(text.trim_start_matches(' '), options);
    lines.into_iter().map(Cow::into_owned).collect()
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

    #[test]
    fn a_line_is_as_wide_as_it_looks() {
        let wide = ["\u{65e5}\u{672c}\u{8a9e}"; 20].join(" ");
        let lines = broken(&wide);
        // Twelve words of six columns and eleven spaces are 83 columns; eleven words fit.
        assert_eq!(lines[0].split(' ').count(), 11, "{lines:?}");
        assert_eq!(lines.join(" "), wide);
        // A letter and its accent take one column: 41 words take 81 columns.
        assert_eq!(broken(&["e\u{301}"; 41].join(" ")).len(), 1);
    }

    #[test]
    fn a_word_is_never_broken_and_spaces_within_a_line_stay() {
        let long = "x".repeat(200);
        assert_eq!(broken(&format!("a  b {long} c")), ["a  b", &long, "c"]);
        assert_eq!(broken(""), [""]);
        assert_eq!(broken(" a"), ["a"]);
    }
}
