//! Numbers with units as typed, and the error for texts that cannot be parsed.

/// Error for a text that is not the expected quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{got}` is not {expected}: {reason}; {way_out}")]
pub struct QuantityError {
    pub(super) got: String,
    pub(super) expected: &'static str,
    pub(super) reason: &'static str,
    pub(super) way_out: String,
}

/// A number as typed, split from its unit: `2.5k/s` is 2.5 and `k/s`.
pub(super) struct Written<'a> {
    pub(super) number: Number,
    pub(super) unit: &'a str,
}

/// A decimal number without rounding: `whole`, and the digits after the decimal point.
pub(super) struct Number {
    pub(super) whole: u64,
    pub(super) fraction_digits: u32,
    pub(super) fraction: u64,
    /// Exponent of ten: 6 in `1e6`.
    pub(super) exponent: u32,
}

impl Number {
    /// Returns the number times `factor`, or `None` if the product is not whole or does not fit.
    pub(super) fn times(&self, factor: u64) -> Option<u64> {
        let scale = 10_u128.checked_pow(self.fraction_digits)?;
        let digits = u128::from(self.whole).checked_mul(scale)?.checked_add(u128::from(self.fraction))?;
        let factor = u128::from(factor).checked_mul(10_u128.checked_pow(self.exponent)?)?;
        let product = digits.checked_mul(factor)?;
        (product % scale == 0).then(|| u64::try_from(product / scale).ok())?
    }

    /// Returns the number times `factor`, in float precision: a rate need not be whole.
    #[expect(clippy::cast_precision_loss, reason = "a rate of more than 15 digits is refused")]
    pub(super) fn times_float(&self, factor: f64) -> f64 {
        let scale = 10_f64.powi(i32::try_from(self.fraction_digits).unwrap_or(i32::MAX));
        let power = 10_f64.powi(i32::try_from(self.exponent).unwrap_or(i32::MAX));
        (self.whole as f64 + self.fraction as f64 / scale) * power * factor
    }
}

/// Splits a text into number and unit. The error describes the fault in the number.
pub(super) fn split(text: &str) -> Result<Written<'_>, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.starts_with('-') {
        return Err("it is negative");
    }
    let unit_start = text.find(|character: char| !is_of_a_number(character)).unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_start);
    let (exponent, unit) = exponent(unit)?;
    let digits = digits.replace('_', "");
    let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err("it has no number");
    }
    if fraction.contains('.') {
        return Err("it has two points");
    }
    if fraction.len() > 18 {
        return Err("it has more than 18 digits after the point");
    }
    let parse = |digits: &str| match digits {
        "" => Ok(0),
        digits => digits.parse().map_err(|_| "it is too large"),
    };
    let number = Number {
        whole: parse(whole)?,
        fraction_digits: u32::try_from(fraction.len()).map_err(|_| "it is too long")?,
        fraction: parse(fraction)?,
        exponent,
    };
    Ok(Written { number, unit: unit.trim() })
}

/// Splits an exponent of ten from a unit: `e6` is 6 and an empty unit, `k` is 0 and `k`.
pub(super) fn exponent(text: &str) -> Result<(u32, &str), &'static str> {
    let Some(behind) = text.strip_prefix(['e', 'E']) else { return Ok((0, text)) };
    let unsigned = behind.strip_prefix(['+', '-']).unwrap_or(behind);
    let end = unsigned.find(|character: char| !character.is_ascii_digit()).unwrap_or(unsigned.len());
    let (digits, unit) = unsigned.split_at(end);
    match digits.parse() {
        // There is no exponent: the unit begins with this letter.
        Err(_) if digits.is_empty() => Ok((0, text)),
        Ok(exponent @ 0..=18) if !behind.starts_with('-') => Ok((exponent, unit)),
        _ => Err("its exponent is not from 0 to 18"),
    }
}

pub(super) fn is_of_a_number(character: char) -> bool {
    character.is_ascii_digit() || matches!(character, '.' | '_')
}
