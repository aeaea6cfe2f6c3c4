//! Soundness of a result: its rating, the saturated side, and the findings.

use std::io::{self, Write};

use crate::{
    report::style::{DOUBTFUL, GOOD, HEADING, STRONG, advice_lines, broken, heading},
    result::{
        Finding, Rating, Weight,
        soundness::{Bottleneck, Soundness},
    },
};

/// Returns the meaning of a rating.
pub(crate) fn rating_words(rating: Rating) -> &'static str {
    match rating {
        Rating::Sound => "sound: no finding speaks against these figures",
        Rating::Disturbed => {
            "disturbed: something else took time from the machine; repeat before you rely on small differences"
        }
        Rating::Unsound => "unsound: read the warnings before the figures",
    }
}

/// Returns the saturated side in words; `None` if a finding already reports a saturated generator.
pub(crate) fn saturation_words(soundness: &Soundness) -> Option<(String, &str)> {
    let saturation =
        soundness.saturation.as_ref().filter(|found| found.saturated != Bottleneck::Generator)?;
    let side = match saturation.saturated {
        Bottleneck::Generator | Bottleneck::Unknown => "the generator was not saturated",
        Bottleneck::Server => "the server was saturated, the generator was not",
        Bottleneck::Neither => "neither side was saturated",
    };
    Some((format!("{side}: {}", saturation.detail), &saturation.advice))
}

/// Returns the word for a weight.
pub(crate) fn weight_word(weight: Weight) -> &'static str {
    match weight {
        Weight::Warning => "warning",
        Weight::Disturbance => "disturbance",
        Weight::Note => "note",
    }
}

/// Writes the soundness of a measurement.
pub(super) fn write(soundness: &Soundness, out: &mut impl Write) -> io::Result<()> {
    let style = match soundness.verdict {
        Rating::Sound => GOOD,
        Rating::Disturbed => STRONG,
        Rating::Unsound => DOUBTFUL,
    };
    let word = rating_words(soundness.verdict);
    writeln!(out, "{}{style}{word}{style:#}", heading("soundness"))?;
    if let Some((detail, advice)) = saturation_words(soundness) {
        for (row, line) in broken(&detail).iter().enumerate() {
            writeln!(out, "{:HEADING$} {}{line}", "", if row == 0 { "" } else { "  " })?;
        }
        advice_lines(advice, out)?;
    }
    for Finding { name, weight, detail, advice } in &soundness.findings {
        let word = weight_word(*weight);
        let style = if *weight == Weight::Warning { DOUBTFUL } else { STRONG };
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
