//! Arithmetic on dates and times.

use noisegate_privacy::expr::{Expr, Function, Node, ShiftBy, Type};
use noisegate_privacy::functions::{Syntax, TEXT};
use sqlparser::ast::BinaryOperator as Op;

use super::functions;
use super::refusals::unsupported;
use crate::error::Refusal;

pub(crate) fn time_arithmetic(op: &Op, a: Expr, b: Expr) -> Result<Expr, Refusal> {
    let refused = || {
        unsupported(
            "this arithmetic on dates",
            Some("Add or subtract a constant interval or number of days."),
        )
    };
    if matches!(op, Op::Minus) && a.ty == b.ty {
        return functions::listed("-", Syntax::Infix, vec![a, b]);
    }
    let forward = match op {
        Op::Plus => true,
        Op::Minus => false,
        _ => return Err(refused()),
    };
    let (time, by) = if a.ty.is_time() { (a, b) } else { (b, a) };
    let Node::Constant(Some(amount)) = &by.node else { return Err(refused()) };
    let (by, ty) = match (&by.ty, &time.ty) {
        (Type::Int(_), Type::Date) => {
            let days = amount.parse::<i32>().ok().filter(|days| days.unsigned_abs() <= 1_000_000);
            (ShiftBy::Days(days.ok_or_else(refused)?), Type::Date)
        }
        (Type::Interval, from) if functions::bounded_interval(amount) => {
            let ty = if *from == Type::Date { Type::Timestamp } else { from.clone() };
            (ShiftBy::Interval(amount.clone()), ty)
        }
        _ => return Err(refused()),
    };
    Ok(Expr::call(Function::Shift { forward, by }, vec![time], ty))
}

/// Times are counted from the start of this day.
pub(crate) const EPOCH: &str = "2000-01-01";

/// A timestamp as the whole minutes from [`EPOCH`].
pub(crate) fn minutes_of(time: Expr) -> Result<Expr, Refusal> {
    let numeric = || Type::Numeric(None);
    let day = Expr::call(Function::Cast, vec![time.clone()], Type::Date);
    let days = days_of(day)?;
    let times = |number: Expr, by: &str| {
        Expr::call(Function::Mul, vec![number, Expr::constant(by, Type::Int(4))], numeric())
    };
    let field = |name: &str| {
        let name = Expr::constant(name, TEXT);
        functions::listed("extract", Syntax::Extract, vec![name, time.clone()])
    };
    let plus = |a: Expr, b: Expr| Expr::call(Function::Add, vec![a, b], numeric());
    Ok(plus(times(days, "1440"), plus(times(field("hour")?, "60"), field("minute")?)))
}

/// A date as the days from [`EPOCH`].
pub(crate) fn days_of(day: Expr) -> Result<Expr, Refusal> {
    let epoch = Expr::constant(EPOCH, Type::Date);
    functions::listed("-", Syntax::Infix, vec![day, epoch])
}

/// Days from [`EPOCH`], and minutes of that day.
pub(crate) type Minute = (i64, i64);

/// The declared bounds of a time without a zone.
pub(crate) fn time_range(time: &Expr) -> Option<(Minute, Minute)> {
    match &time.node {
        Node::Column(column) => {
            let (low, high) = column.bounds.as_ref()?;
            Some((minute(low)?, minute(high)?))
        }
        Node::Call(Function::Cast, args) => match args.as_slice() {
            [inner] if matches!(inner.ty, Type::Date | Type::Timestamp) => time_range(inner),
            _ => None,
        },
        _ => None,
    }
}

/// `2020-01-31`, or `2020-01-31 23:59:59` with a space or `T` between.
fn minute(text: &str) -> Option<Minute> {
    let (day, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00"));
    let numbers = |text: &str, separator: char| {
        text.split(separator).map(|part| part.parse::<i64>().ok()).collect::<Option<Vec<i64>>>()
    };
    let [year, month, day] = numbers(day, '-')?.try_into().ok()?;
    let clock = numbers(time.split('.').next()?, ':')?;
    let (hour, minute) = (*clock.first()?, *clock.get(1)?);
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years from March on, so that the leap day is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // 730 425 is what the same sum gives for 1 January 2000.
    let days = days + (153 * month + 2) / 5 + day - 1 - 730_425;
    ((0..24).contains(&hour) && (0..60).contains(&minute)).then_some((days, hour * 60 + minute))
}

/// The date so many days from [`EPOCH`].
pub(crate) fn day_text(days: i64) -> String {
    let days = days.saturating_add(730_425);
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era.saturating_mul(400).saturating_add(year) + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{of_month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_counted_from_the_year_2000() {
        assert_eq!(minute("2000-01-01"), Some((0, 0)));
        assert_eq!(minute("1999-12-31 23:59:59.5"), Some((-1, 1439)));
        assert_eq!(minute("2024-02-29T01:02:03"), Some((8825, 62)));
        for day in -400_000..400_000 {
            assert_eq!(minute(&day_text(day)), Some((day, 0)));
        }
        assert_eq!(minute("12"), None);
        assert_eq!(minute("2024-13-01"), None);
        assert_eq!(minute("2024-12-01 24:00:00"), None);
    }
}
