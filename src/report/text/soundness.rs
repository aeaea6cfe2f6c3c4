//! Whether the figures can be trusted, which side was saturated, and what stands out.

use std::io::{self, Write};

use super::{DOUBTFUL, GOOD, HEADING, STRONG, heading};
use crate::soundness::{Finding, Side, Soundness, Verdict, Weight};

/// Width that findings are broken at.
const LINE: usize = 100;

/// Writes what a measurement is worth.
pub(super) fn write(soundness: &Soundness, out: &mut impl Write) -> io::Result<()> {
    let (style, word) = match soundness.verdict {
        Verdict::Sound => (GOOD, "sound: nothing speaks against these figures"),
        Verdict::Unsound => (DOUBTFUL, "unsound: read the warnings before the figures"),
    };
    writeln!(out, "{}{style}{word}{style:#}", heading("soundness"))?;
    // Where it is the generator, a finding says so.
    if let Some(saturation) = soundness.saturation.as_ref().filter(|found| found.saturated != Side::Generator)
    {
        let side = match saturation.saturated {
            Side::Generator | Side::Unknown => "the generator was not saturated",
            Side::Server => "the server was saturated, the generator was not",
            Side::Neither => "neither side was saturated",
        };
        for (row, line) in broken(&format!("{side}: {}", saturation.detail)).iter().enumerate() {
            writeln!(out, "{:HEADING$} {}{line}", "", if row == 0 { "" } else { "  " })?;
        }
        advice_lines(&saturation.advice, out)?;
    }
    for Finding { name, weight, detail, advice } in &soundness.findings {
        let (style, word) = match weight {
            Weight::Warning => (DOUBTFUL, "warning"),
            Weight::Note => (STRONG, "note"),
        };
        let lines = broken(&format!("{word} {name}: {detail}"));
        for (row, line) in lines.iter().enumerate() {
            match line.strip_prefix(word).filter(|_| row == 0) {
                Some(rest) => writeln!(out, "{:HEADING$} {style}{word}{style:#}{rest}", "")?,
                None => writeln!(out, "{:HEADING$}   {line}", "")?,
            }
        }
        advice_lines(advice, out)?;
    }
    Ok(())
}

fn advice_lines(advice: &str, out: &mut impl Write) -> io::Result<()> {
    for (row, line) in broken(advice).iter().enumerate() {
        writeln!(out, "{:HEADING$}   {} {line}", "", if row == 0 { "->" } else { "  " })?;
    }
    Ok(())
}

/// A text in lines that fit behind the headings.
fn broken(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
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
    fn a_long_text_is_broken_between_words() {
        let text = "word ".repeat(60);
        let lines = broken(text.trim());
        assert!(lines.iter().all(|line| line.len() + HEADING < LINE), "{lines:?}");
        assert_eq!(lines.join(" "), text.trim());
    }
}
