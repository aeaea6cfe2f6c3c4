//! Numbers as digits.

/// A whole number with its digits grouped: `4,194,304`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and its noun: `1 call`, `4,194 calls`, `2 replies`.
#[must_use]
pub fn counted(number: u64, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{} {stem}ies", grouped(number)),
        (_, None) => format!("{} {noun}s", grouped(number)),
    }
}

/// A number with four significant digits at most, grouped: `12,346`, `123.5`, `0.01235`.
#[must_use]
pub fn decimal(number: f64) -> String {
    // An empty sum of floats is -0.0; adding 0.0 makes it 0.
    let number = number + 0.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1000 and 2^53")]
    if (999.95..9e15).contains(&number) {
        return grouped(number.round() as u64);
    }
    if number == 0.0 || !number.is_finite() || number >= 9e15 {
        return format!("{number}");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small exponent")]
    let digits = (3.0 - number.abs().log10().floor()).clamp(0.0, 12.0) as usize;
    let text = format!("{number:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
