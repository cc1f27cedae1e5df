//! Values of rows, ordered as PostgreSQL orders them.

use dashu::integer::IBig;
use dashu::rational::RBig;

use super::{Unsupported, unsupported};
use crate::expr::Type;
use crate::range::parse_decimal;

/// A value of a row. The derived order is that of PostgreSQL within a type, in the collation "C".
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// NULL of any type.
    #[default]
    Null,
    /// `boolean`
    Bool(bool),
    /// Any finite number.
    Number(RBig),
    /// Not a number; the greatest.
    NaN,
    /// Any text.
    Text(String),
    /// A date, as days from 1 January 2000.
    Date(i64),
}

impl Value {
    /// An integer.
    pub fn int(value: i64) -> Self {
        Self::Number(RBig::from(value))
    }

    /// What PostgreSQL's text form of a value says; `None` is NULL.
    pub fn read(text: Option<&str>, ty: &Type) -> Result<Self, Unsupported> {
        constant(text, ty)
    }

    /// Text.
    pub fn text(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// The value of a constant's text.
pub(super) fn constant(text: Option<&str>, ty: &Type) -> Result<Value, Unsupported> {
    let Some(text) = text else { return Ok(Value::Null) };
    let value = match ty {
        Type::Bool => match text {
            "true" | "t" => Some(Value::Bool(true)),
            "false" | "f" => Some(Value::Bool(false)),
            _ => None,
        },
        Type::Numeric(_) if text == "NaN" => Some(Value::NaN),
        Type::Int(_) | Type::Numeric(_) => parse_decimal(text).map(Value::Number),
        Type::Text(_) => Some(Value::text(text)),
        Type::Date => date(text).map(Value::Date),
        _ => None,
    };
    value.ok_or_else(|| unsupported("a constant of this type"))
}

/// The days of `YYYY-MM-DD` from 1 January 2000.
fn date(text: &str) -> Option<i64> {
    let parts: Vec<i64> = text.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [year, month, day] = parts.as_slice() else { return None };
    // Years from March on, so that the leap day is the last.
    let (year, month) = if *month > 2 { (*year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 730 425 is what the same sum gives for 1 January 2000.
    Some(days + (153 * month + 2) / 5 + day - 1 - 730_425)
}

/// To the nearest integer, halves away from zero.
pub(super) fn round(number: &RBig) -> IBig {
    let half = RBig::ONE / RBig::from(2);
    if *number < RBig::ZERO { -(half - number).floor() } else { (number + half).floor() }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days_from_the_year_2000() {
        assert_eq!(date("2000-01-01"), Some(0));
        assert_eq!(date("2000-03-01"), Some(60));
        assert_eq!(date("1999-12-31"), Some(-1));
        assert_eq!(date("2024-02-29"), Some(8825));
    }

    #[test]
    fn halves_go_away_from_zero() {
        let round = |text| round(&parse_decimal(text).unwrap());
        assert_eq!(
            [round("2.5"), round("-2.5"), round("2.4"), round("-0.4")].map(|n| n.to_string()),
            ["3", "-3", "2", "0"]
        );
    }
}
