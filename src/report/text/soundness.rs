//! Soundness of a result: its rating, the saturated side, and the findings.

use std::io::{self, Write};

use crate::{
    report::style::{DOUBTFUL, GOOD, HEADING, STRONG, advice_lines, broken, heading},
    result::{
        Finding, Rating, Weight,
        soundness::{Bottleneck, Soundness},
    },
};

/// Writes the soundness of a measurement.
pub(super) fn write(soundness: &Soundness, out: &mut impl Write) -> io::Result<()> {
    let (style, word) = match soundness.verdict {
        Rating::Sound => (GOOD, "sound: no finding speaks against these figures"),
        Rating::Disturbed => (
            STRONG,
            "disturbed: something else took time from the machine; repeat before you rely on small differences",
        ),
        Rating::Unsound => (DOUBTFUL, "unsound: read the warnings before the figures"),
    };
    writeln!(out, "{}{style}{word}{style:#}", heading("soundness"))?;
    // A finding already reports a saturated generator.
    if let Some(saturation) =
        soundness.saturation.as_ref().filter(|found| found.saturated != Bottleneck::Generator)
    {
        let side = match saturation.saturated {
            Bottleneck::Generator | Bottleneck::Unknown => "the generator was not saturated",
            Bottleneck::Server => "the server was saturated, the generator was not",
            Bottleneck::Neither => "neither side was saturated",
        };
        for (row, line) in broken(&format!("{side}: {}", saturation.detail)).iter().enumerate() {
            writeln!(out, "{:HEADING$} {}{line}", "", if row == 0 { "" } else { "  " })?;
        }
        advice_lines(&saturation.advice, out)?;
    }
    for Finding { name, weight, detail, advice } in &soundness.findings {
        let (style, word) = match weight {
            Weight::Warning => (DOUBTFUL, "warning"),
            Weight::Disturbance => (STRONG, "disturbance"),
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
