//! Interval arithmetic: the public range of a number, from declared bounds and types alone.
//!
//! # Claim
//! For every row whose columns lie within their declared bounds the value of `expr` lies in
//! `range(expr)`. Rows outside are clipped by the emitted SQL, so a wrong range can cost accuracy
//! but never sensitivity: the clip is what the sensitivity rests on.

use std::str::FromStr;

use dashu::base::SquareRoot;
use dashu::integer::{IBig, UBig};
pub use dashu::rational::RBig as Rational;
use dashu::rational::RBig;

use crate::expr::{Expr, Function, Node, Type};
use crate::functions::{RangeRule, Signature, SizeRule, elements};

/// A closed range of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The least.
    pub low: RBig,
    /// The greatest.
    pub high: RBig,
}

impl Range {
    fn of(low: RBig, high: RBig) -> Self {
        if low <= high { Self { low, high } } else { Self { low: high, high: low } }
    }

    fn hull(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

/// Reads a decimal number, such as `-12.50` or `1e3`.
pub fn parse_decimal(text: &str) -> Option<RBig> {
    let text = text.trim();
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (text.get(..at)?, i32::from_str(text.get(at.checked_add(1)?..)?).ok()?),
        None => (text, 0),
    };
    if mantissa.len() > 400 || exponent.unsigned_abs() > 400 {
        return None;
    }
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value = RBig::from(UBig::from_str_radix(&all, 10).ok()?);
    let places = i64::try_from(fraction.len()).ok()?;
    let shift = i64::from(exponent).checked_sub(places)?;
    let power = RBig::from(UBig::from(10_u8).pow(usize::try_from(shift.unsigned_abs()).ok()?));
    let value = if shift >= 0 { value * power } else { value / power };
    Some(if sign { -value } else { value })
}

/// Decimal places that a value of this expression has at most, where that is public.
pub fn scale(expr: &Expr) -> Option<u32> {
    match (&expr.node, &expr.ty) {
        (_, Type::Int(_)) => Some(0),
        (Node::Constant(Some(text)), Type::Numeric(_)) => decimal_places(text),
        (Node::Column(_), Type::Numeric(Some((_, scale)))) => Some(*scale),
        (Node::Call(function, args), Type::Numeric(_)) => call_scale(function, args),
        (_, Type::Numeric(Some((_, scale)))) => Some(*scale),
        _ => None,
    }
}

fn decimal_places(text: &str) -> Option<u32> {
    if text.contains(['e', 'E']) {
        return None;
    }
    u32::try_from(text.split_once('.').map_or(0, |(_, fraction)| fraction.len())).ok()
}

fn call_scale(function: &Function, args: &[Expr]) -> Option<u32> {
    let all = |args: &[Expr]| args.iter().map(scale).try_fold(0, |most, one| Some(one?.max(most)));
    match function {
        Function::Mul => args.iter().map(scale).try_fold(0_u32, |sum, one| sum.checked_add(one?)),
        Function::Add
        | Function::Sub
        | Function::Mod
        | Function::Neg
        | Function::Coalesce
        | Function::Least
        | Function::Greatest
        | Function::Cast => all(args),
        Function::NullIf => args.first().and_then(scale),
        Function::Case => all(&case_values(args)),
        Function::Listed(row) if row.range == RangeRule::Field => field_scale(args.first()?),
        Function::Listed(row) => match row.size {
            SizeRule::Whole | SizeRule::Quotient | SizeRule::Product => Some(0),
            SizeRule::Digits(_, places) => Some(places).filter(|places| *places <= 10),
            SizeRule::Places => u32::try_from(whole_constant(args.get(1)?)?.max(0)).ok(),
            SizeRule::Same if row.range != RangeRule::Root => all(args),
            _ => None,
        },
        _ => None,
    }
}

/// The values (not the conditions) of a CASE.
fn case_values(args: &[Expr]) -> Vec<Expr> {
    let last = args.len().saturating_sub(1);
    args.iter()
        .enumerate()
        .filter(|(at, _)| at % 2 == 1 || *at == last)
        .map(|(_, arg)| arg.clone())
        .filter(|arg| !matches!(arg.node, Node::Constant(None)))
        .collect()
}

/// The range of a number, or `None` where nothing public bounds it.
pub fn range(expr: &Expr) -> Option<Range> {
    match &expr.node {
        Node::Column(column) => match &column.bounds {
            Some((low, high)) => Some(Range::of(parse_decimal(low)?, parse_decimal(high)?)),
            None => None,
        },
        Node::Constant(Some(text)) => {
            let value = parse_decimal(text)?;
            Some(Range { low: value.clone(), high: value })
        }
        Node::Constant(None) | Node::Parameter(_) | Node::Exists(_) => None,
        Node::Call(function, args) => {
            let found = call_range(function, args)?;
            // A quotient of integers and a cast to one are whole numbers.
            let whole = matches!(function, Function::Div | Function::Cast);
            Some(if whole && matches!(expr.ty, Type::Int(_)) { outward(&found) } else { found })
        }
    }
}

fn outward(range: &Range) -> Range {
    Range {
        low: RBig::from(range.low.clone().floor()),
        high: RBig::from(range.high.clone().ceil()),
    }
}

fn call_range(function: &Function, args: &[Expr]) -> Option<Range> {
    let at = |index: usize| args.get(index).and_then(range);
    match function {
        Function::Add => at(0).zip(at(1)).map(|(a, b)| Range::of(a.low + b.low, a.high + b.high)),
        Function::Sub => at(0).zip(at(1)).map(|(a, b)| Range::of(a.low - b.high, a.high - b.low)),
        Function::Mul => product(&at(0)?, &at(1)?),
        Function::Div => quotient(&at(0)?, &at(1)?),
        Function::Mod => Some(remainder(at(0), &at(1)?)),
        Function::Neg => at(0).map(|a| Range::of(-a.high, -a.low)),
        Function::Listed(row) => listed_range(row, args),
        Function::Coalesce => hull(args),
        Function::Case => hull(&case_values(args)),
        Function::Cast if args.first().is_some_and(|arg| arg.ty == Type::Bool) => {
            Some(Range { low: RBig::ZERO, high: RBig::ONE })
        }
        Function::NullIf | Function::Cast => at(0),
        Function::Least => bounded(args, true),
        Function::Greatest => bounded(args, false),
        _ => None,
    }
}

fn power_of_ten(places: u32) -> Option<RBig> {
    (places <= 100).then(|| RBig::from(UBig::from(10_u8).pow(usize::try_from(places).unwrap_or(0))))
}

fn product(a: &Range, b: &Range) -> Option<Range> {
    let corners = [&a.low * &b.low, &a.low * &b.high, &a.high * &b.low, &a.high * &b.high];
    let low = corners.iter().min()?.clone();
    let high = corners.iter().max()?.clone();
    Some(Range { low, high })
}

fn quotient(a: &Range, b: &Range) -> Option<Range> {
    if b.low <= RBig::ZERO && b.high >= RBig::ZERO {
        return None;
    }
    product(a, &Range::of(RBig::ONE / b.high.clone(), RBig::ONE / b.low.clone()))
}

/// A remainder is smaller than the divisor and has the sign of the dividend.
fn remainder(a: Option<Range>, b: &Range) -> Range {
    let most = absolute(b.clone()).high;
    let (mut low, mut high) = (-most.clone(), most);
    if let Some(a) = a {
        low = low.max(a.low.min(RBig::ZERO));
        high = high.min(a.high.max(RBig::ZERO));
    }
    Range { low, high }
}

fn absolute(a: Range) -> Range {
    let low_size = if a.low < RBig::ZERO { -a.low.clone() } else { a.low.clone() };
    let high_size = if a.high < RBig::ZERO { -a.high.clone() } else { a.high.clone() };
    let crosses = a.low <= RBig::ZERO && a.high >= RBig::ZERO;
    let least = if crosses { RBig::ZERO } else { low_size.clone().min(high_size.clone()) };
    Range { low: least, high: low_size.max(high_size) }
}

fn grow(a: Range, step: &RBig) -> Range {
    Range { low: a.low - step.clone(), high: a.high + step.clone() }
}

fn hull(args: &[Expr]) -> Option<Range> {
    let mut ranges = args.iter().map(range);
    let first = ranges.next()??;
    ranges.try_fold(first, |sum, one| Some(sum.hull(one?)))
}

/// `LEAST` ignores NULLs, so its result is one of the arguments: above, any bounded argument that
/// can't be NULL bounds it; without that knowledge only constants do.
fn bounded(args: &[Expr], least: bool) -> Option<Range> {
    if let Some(all) = hull(args) {
        let constants: Vec<RBig> = args.iter().filter_map(constant).collect();
        return Some(match (least, constants.iter().min(), constants.iter().max()) {
            (true, Some(cap), _) => {
                Range { low: all.low.min(cap.clone()), high: all.high.min(cap.clone()) }
            }
            (false, _, Some(floor)) => {
                Range { high: all.high.max(floor.clone()), low: all.low.max(floor.clone()) }
            }
            _ => all,
        });
    }
    clamp_pattern(args, least)
}

/// `least(greatest(x, low), high)` and its mirror bound any `x`.
pub(crate) fn clamp_pattern(args: &[Expr], least: bool) -> Option<Range> {
    // A third argument would not be held to the constants.
    if args.len() != 2 {
        return None;
    }
    let outer = args.iter().find_map(constant)?;
    let inner = args.iter().find(|arg| constant(arg).is_none())?;
    let Node::Call(function, inner_args) = &inner.node else { return None };
    let opposite = if least { Function::Greatest } else { Function::Least };
    if *function != opposite {
        return None;
    }
    let other = inner_args.iter().find_map(constant)?;
    Some(if least {
        Range { low: other.min(outer.clone()), high: outer }
    } else {
        Range { high: other.max(outer.clone()), low: outer }
    })
}

fn constant(expr: &Expr) -> Option<RBig> {
    match &expr.node {
        Node::Constant(Some(text)) if expr.ty.is_number() => parse_decimal(text),
        Node::Call(Function::Cast, args) => args.first().and_then(constant),
        Node::Call(Function::Neg, args) => args.first().and_then(constant).map(|value| -value),
        _ => None,
    }
}

/// The range of a row of the table, by its rule.
fn listed_range(row: &Signature, args: &[Expr]) -> Option<Range> {
    let first = || args.first().and_then(range);
    let zero_to = |high: RBig| Some(Range { low: RBig::ZERO, high });
    match row.range {
        RangeRule::None => None,
        RangeRule::Between(low, high) => {
            Some(Range { low: RBig::from(IBig::from(low)), high: RBig::from(IBig::from(high)) })
        }
        RangeRule::Absolute => first().map(absolute),
        RangeRule::Near => first().map(|a| grow(a, &RBig::ONE)),
        RangeRule::NearPlaces => {
            let places = whole_constant(args.get(1)?)?;
            let step = if places >= 0 { RBig::ONE } else { power_of_ten(places.unsigned_abs())? };
            first().map(|a| grow(a, &step))
        }
        RangeRule::Root => {
            let a = first()?;
            let low = root(a.low.max(RBig::ZERO)).0;
            Some(Range { low, high: root(a.high.max(RBig::ZERO)).1 })
        }
        RangeRule::Power => power_range(first()?, whole_constant(args.get(1)?)?),
        RangeRule::Buckets => buckets(args),
        RangeRule::Thresholds => match &args.get(1)?.node {
            Node::Constant(Some(text)) => zero_to(RBig::from(UBig::from(elements(text)?))),
            _ => None,
        },
        RangeRule::Field => match &args.first()?.node {
            Node::Constant(Some(field)) => extract_range(field, &args.get(1)?.ty),
            _ => None,
        },
    }
}

/// The buckets that `width_bucket(x, low, high, count)` can give: those of the ends of x, where it
/// is computed exactly.
fn buckets(args: &[Expr]) -> Option<Range> {
    let [value, low, high, count] = args else { return None };
    let (low, high, count) = (constant(low)?, constant(high)?, constant(count)?);
    let after = count.clone() + RBig::ONE;
    if low == high {
        return None;
    }
    let bucket = |value: &RBig| {
        let part = (value - &low) / (&high - &low);
        if part < RBig::ZERO {
            RBig::ZERO
        } else if part >= RBig::ONE {
            after.clone()
        } else {
            RBig::from((part * &count).floor()) + RBig::ONE
        }
    };
    match range(value).filter(|_| !matches!(value.ty, Type::Float(_))) {
        Some(ends) => Some(Range::of(bucket(&ends.low), bucket(&ends.high))),
        None => Some(Range { low: RBig::ZERO, high: after }),
    }
}

/// A constant that is a small whole number, also with a point.
fn whole_constant(expr: &Expr) -> Option<i32> {
    let value = constant(expr)?;
    let whole = value.clone().floor();
    if RBig::from(whole.clone()) == value { i32::try_from(whole).ok() } else { None }
}

/// Numbers within a millionth below and above the square root of one that is not negative.
fn root(number: RBig) -> (RBig, RBig) {
    let step = UBig::from(10_u8).pow(6);
    let scaled = (number * RBig::from(&step * &step)).floor();
    let root = UBig::try_from(scaled).map(|scaled| scaled.sqrt()).unwrap_or_default();
    let at = |steps: UBig| RBig::from(steps) / RBig::from(step.clone());
    (at(root.clone()), at(root + UBig::from(2_u8)))
}

/// The range of a whole power from 0 to 20; a range of others follows from nothing here.
fn power_range(a: Range, power: i32) -> Option<Range> {
    if !(0..=20).contains(&power) {
        return None;
    }
    let raised = |base: &RBig| (0..power).fold(RBig::ONE, |product, _| product * base);
    let (low, high) = (raised(&a.low), raised(&a.high));
    let crosses = a.low < RBig::ZERO && a.high > RBig::ZERO && power % 2 == 0 && power > 0;
    let found = Range::of(low, high);
    Some(if crosses { Range { low: RBig::ZERO, ..found } } else { found })
}

/// The places of a field of a time; those of seconds have fractions.
fn field_scale(field: &Expr) -> Option<u32> {
    let Node::Constant(Some(field)) = &field.node else { return None };
    match field.to_ascii_lowercase().as_str() {
        "julian" => None,
        "epoch" | "second" => Some(6),
        "milliseconds" => Some(3),
        _ => Some(0),
    }
}

fn extract_range(field: &str, ty: &Type) -> Option<Range> {
    let field = field.to_ascii_lowercase();
    if *ty == Type::Interval && matches!(field.as_str(), "day" | "hour") {
        return None;
    }
    let (low, high) = match field.as_str() {
        "month" if *ty == Type::Interval => (-11, 11),
        "minute" if *ty == Type::Interval => (-59, 59),
        "second" if *ty == Type::Interval => (-60, 60),
        "milliseconds" if *ty == Type::Interval => (-60_000, 60_000),
        "microseconds" if *ty == Type::Interval => (-60_000_000, 60_000_000),
        "quarter" if *ty == Type::Interval => (-3, 4),
        "second" => (0, 60),
        "milliseconds" => (0, 60_000),
        "microseconds" => (0, 60_000_000),
        "timezone" => (-86_400, 86_400),
        "timezone_hour" => (-24, 24),
        "timezone_minute" => (-59, 59),
        "month" => (1, 12),
        "day" => (1, 31),
        "quarter" => (1, 4),
        "week" => (1, 53),
        "dow" => (0, 6),
        "isodow" => (1, 7),
        "doy" => (1, 366),
        "hour" => (0, 23),
        "minute" => (0, 59),
        _ => return None,
    };
    Some(Range { low: RBig::from(low), high: RBig::from(high) })
}

/// Rounds a range outward to the grid of `scale` decimal places.
pub fn on_grid(range: &Range, scale: u32) -> Option<(IBig, IBig)> {
    let step = power_of_ten(scale)?;
    Some(((range.low.clone() * step.clone()).floor(), (range.high.clone() * step).ceil()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
