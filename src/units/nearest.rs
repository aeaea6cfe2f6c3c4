//! Suggestions for mistyped words.

/// Largest accepted edit distance for a word: a third of its length, from 1 to 3. An edit changes one
/// character or swaps two.
fn most_edits(word: &str) -> usize {
    (word.chars().count() / 3).clamp(1, 3)
}

/// Returns the nearest of these words, or `None` if none is near enough to be the intended word.
#[must_use]
pub fn nearest<'a>(written: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = words.into_iter().map(|word| (strsim::damerau_levenshtein(written, word), word));
    near.filter(|(edits, word)| *edits <= most_edits(word))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, word)| word)
}

/// Hint for an error message, placed before its way out: `did you mean `csv`? `, or an empty text.
pub(crate) fn hint<'a>(written: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    nearest(written, words).map_or_else(String::new, |word| format!("did you mean `{word}`? "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_has_a_hint_and_another_word_has_none() {
        let words = ["goodput", "refused", "deadline_exceeded", "csv"];
        assert_eq!(nearest("goodputt", words), Some("goodput"));
        assert_eq!(nearest("refsued", words), Some("refused"));
        assert_eq!(nearest("deadline-exceeded", words), Some("deadline_exceeded"));
        assert_eq!(nearest("cvs", words), Some("csv"));
        assert_eq!(nearest("latency", words), None);
        assert_eq!(hint("cvs", words), "did you mean `csv`? ");
        assert_eq!(hint("x", words), "");
    }
}
