//! Decimal text of budget parameters, read and written without loss.

use std::fmt;

use dashu::integer::UBig;
use dashu::rational::RBig;

/// How many digits a parameter may have, leading zeros aside.
const DIGITS_MAX: usize = 40;
/// The longest text that is looked at: a few leading zeros, the digits, a point and an exponent.
const TEXT_LEN_MAX: usize = 128;
/// A parameter lies in [10^`MAGNITUDE_MIN`, 10^(`MAGNITUDE_MAX` + 1)).
const MAGNITUDE_MIN: i32 = -30;
/// See [`MAGNITUDE_MIN`].
const MAGNITUDE_MAX: i32 = 40;

/// Why a text is not a budget parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// Not plain decimal notation: digits, at most one point, at most one exponent, no sign.
    Malformed,
    /// More than forty significant digits.
    TooManyDigits,
    /// Smaller than 10⁻³⁰ or not below 10⁴¹.
    OutOfRange,
    /// Zero or less.
    NotPositive,
    /// A δ of one or more.
    NotBelowOne,
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a decimal number such as 0.5, 3 or 1e-6",
            Self::TooManyDigits => "more than 40 digits",
            Self::OutOfRange => "outside of the range from 1e-30 to 1e40",
            Self::NotPositive => "not greater than zero",
            Self::NotBelowOne => "not less than one",
        })
    }
}

impl std::error::Error for NumberError {}

/// Reads `0.5`, `.5`, `3` or `2.5e-6` as the exact rational that it names.
pub(crate) fn parse(text: &str) -> Result<RBig, NumberError> {
    if text.len() > TEXT_LEN_MAX {
        return Err(NumberError::TooManyDigits);
    }
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NumberError::Malformed);
    }
    let digits = digits.trim_start_matches('0');
    if negative || digits.is_empty() {
        return Err(NumberError::NotPositive);
    }
    if digits.len() > DIGITS_MAX {
        return Err(NumberError::TooManyDigits);
    }
    let count = i32::try_from(digits.len()).map_err(|_| NumberError::TooManyDigits)?;
    let shift = exponent - i32::try_from(fraction.len()).map_err(|_| NumberError::TooManyDigits)?;
    if !(MAGNITUDE_MIN..=MAGNITUDE_MAX).contains(&(count - 1 + shift)) {
        return Err(NumberError::OutOfRange);
    }
    let integer = UBig::from_str_radix(digits, 10).map_err(|_| NumberError::Malformed)?;
    Ok(shifted(integer, shift))
}

/// An optional sign and one to three digits.
fn parse_exponent(text: &str) -> Result<i32, NumberError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || digits.len() > 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NumberError::Malformed);
    }
    let size: i32 = digits.parse().map_err(|_| NumberError::Malformed)?;
    Ok(if negative { -size } else { size })
}

/// integer · 10^shift.
fn shifted(integer: UBig, shift: i32) -> RBig {
    let power = ten_to(usize::try_from(shift.unsigned_abs()).unwrap_or(0));
    if shift < 0 { RBig::from(integer) / RBig::from(power) } else { RBig::from(integer * power) }
}

fn ten_to(power: usize) -> UBig {
    UBig::from(10u8).pow(power)
}

/// Writes a positive rational exactly: a decimal if it has one that ends, else a fraction.
pub(crate) fn write(x: &RBig, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Some(places) = decimal_places(x.denominator()) else {
        return write!(f, "{}/{}", x.numerator(), x.denominator());
    };
    // The product is whole by the choice of `places`.
    let digits = (x * RBig::from(ten_to(places))).floor().to_string();
    let significant = digits.trim_end_matches('0');
    let whole_len = digits.len().saturating_sub(places);
    let leading_zeros = places.saturating_sub(digits.len());
    if places == 0 && digits.len() <= 21 {
        f.write_str(&digits)
    } else if places == 0 {
        write_scientific(significant, i64::try_from(digits.len()).unwrap_or(i64::MAX) - 1, f)
    } else if whole_len > 0 {
        let (whole, fraction) = digits.split_at_checked(whole_len).unwrap_or((&digits, ""));
        write!(f, "{whole}.{fraction}")
    } else if leading_zeros <= 5 {
        write!(f, "0.{}{digits}", "0".repeat(leading_zeros))
    } else {
        let exponent = i64::try_from(leading_zeros).unwrap_or(i64::MAX).saturating_add(1);
        write_scientific(significant, -exponent, f)
    }
}

fn write_scientific(digits: &str, exponent: i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match digits.split_at_checked(1).unwrap_or((digits, "")) {
        (first, "") => write!(f, "{first}e{exponent}"),
        (first, rest) => write!(f, "{first}.{rest}e{exponent}"),
    }
}

/// The fewest decimal places that write a fraction with this denominator, if it ends at all.
fn decimal_places(denominator: &UBig) -> Option<usize> {
    let twos = denominator.trailing_zeros().unwrap_or(0);
    let five = UBig::from(5u8);
    let mut rest = denominator >> twos;
    let mut fives = 0_usize;
    while rest.clone() % &five == UBig::ZERO {
        rest /= &five;
        fives = fives.saturating_add(1);
    }
    rest.is_one().then_some(twos.max(fives))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
