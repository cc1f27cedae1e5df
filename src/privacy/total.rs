//! Which expressions and leaves are well-formed: those whose emitted SQL has a value for every row.
//!
//! # Claim
//! If [`leaf_is_total`] holds, the SQL that is printed for the leaf raises nothing that depends on
//! the rows: each function stands over the types that it is total for, and no number can grow out
//! of what `numeric` holds.
//!
//! # Argument
//! The binder keeps to the same list; here it is looked at once more, since an error that only some
//! rows cause tells that there are such rows. Arithmetic is printed over `numeric`, whose
//! operations fail only above 131,072 digits before the point, so an upper bound on those digits
//! is carried along: from the types and declared bounds of columns, and from constants, and
//! through each operation by the exact rules of `numeric` ([`Size`]).
//!
//! # Test
//! `tests/translation.rs` runs every function over the extreme values of every type.

mod printed;

pub use printed::is_small_printed;

use crate::derived::{
    Aggregate, AggregateFunction, Derived, Rows, Window, WindowFunction, has_one_look,
};
use crate::expr::{Expr, Function, Node, ShiftBy, TextType, Type};
use crate::functions::{Signature, SizeRule, text_fits};
use crate::plan::{Domain, Exposure, Joins, Leaf, Scan, Statistic};
use crate::range::{Range, clamp_pattern, parse_decimal};
use crate::scope::is_scoped;
use dashu::rational::RBig;

/// Digits before the point that an intermediate value may have. `numeric` holds 131,072, but over
/// as many one row could take so long that the time of an answer tells that there is such a row.
const WHOLE_DIGITS_MAX: u32 = 1_000;
/// Digits after the point of a column without a scale, as it is printed where it is computed with,
/// for the same reason.
const COLUMN_PLACES_MAX: u32 = 1_000;
/// Digits after the point that a `numeric` can have at most.
const PLACES_MAX: u32 = 16_383;
/// Digits after the point of a quotient at most (`NUMERIC_MAX_DISPLAY_SCALE`).
const QUOTIENT_PLACES_MAX: u32 = 1_000;
/// The size of a parameter of type `numeric` as it is printed where it is computed with.
const PARAMETER_DIGITS: u32 = 100;
/// Digits on each side of the point of a constant that `parse_decimal` takes.
const CONSTANT_DIGITS: u32 = 801;
/// Expressions of more nodes than this, or deeper, are not looked at.
const NODES_MAX: usize = 50_000;
const DEPTH_MAX: u32 = 1_000;
/// The finest grid of a sum, in decimal places.
const SCALE_MAX: u32 = 100;

/// Whether a leaf is well-formed and all its expressions are total.
pub(crate) fn leaf_is_total(leaf: &Leaf) -> bool {
    let scans = &leaf.scans;
    rows_are_total(scans, &leaf.joins, &leaf.filter, &leaf.expressions())
        && leaf.keys.iter().all(|key| has_domain(leaf, key))
        && leaf.statistics.iter().all(|statistic| statistic_is_total(scans, statistic))
}

/// Whether joins and filter are conditions over the scans that there are, each scan is read in one
/// place, and all expressions are total.
fn rows_are_total(scans: &[Scan], joins: &Joins, filter: &[Expr], expressions: &[&Expr]) -> bool {
    let mut read = joins.scans();
    let mut below = |expr: &Expr| expr.exists(&mut |exists| read.extend(exists.joins.scans()));
    joins.conditions(&mut |condition| below(condition));
    filter.iter().for_each(&mut below);
    // The same EXISTS in two expressions looks at the same scans.
    for expr in expressions {
        below(expr);
    }
    read.iter().all(|scan| *scan < scans.len())
        && joins_are_total(scans, joins)
        && filter.iter().all(|filter| is_condition(scans, filter))
        && expressions.iter().all(|expr| is_total(scans, expr))
        && scans.iter().all(|scan| scan.derived().is_none_or(derived_is_total))
        && is_scoped(joins, filter, expressions)
}

fn derived_is_total(derived: &Derived) -> bool {
    let sound = |(rows, expressions): &(&Rows, Vec<&Expr>)| {
        rows_are_total(&rows.scans, &rows.joins, &rows.filter, expressions)
    };
    let whole = derived.expressions().iter().all(sound);
    let fits =
        derived.expressions().iter().all(|(_, expressions)| expressions.iter().all(|e| fits(e)));
    whole
        && fits
        && match derived {
            Derived::Grouped { keys, aggregates, .. } => {
                keys.iter().all(|key| has_one_look(&key.ty))
                    && aggregates.iter().all(aggregate_is_total)
            }
            Derived::Windowed { windows, .. } => {
                windows.iter().all(window_is_total) && derived.tells_rows_apart()
            }
            Derived::Union { parts } => {
                let types = |columns: &[Expr]| {
                    columns.iter().map(|column| column.ty.clone()).collect::<Vec<_>>()
                };
                let mut all = parts.iter().map(|(_, columns)| types(columns));
                let first = all.next();
                first.is_some_and(|first| all.all(|next| next == first))
            }
        }
}

/// Whether a value has no more digits than its type says: what is passed on is taken for a column
/// of that type.
fn fits(expr: &Expr) -> bool {
    match expr.ty {
        Type::Numeric(Some((precision, _))) => {
            size(expr).is_some_and(|size| size.whole <= precision)
        }
        _ => true,
    }
}

/// The digits before the point that a sum over an expression has at most, if that is known.
pub fn digits_of_sum(expr: &Expr) -> Option<u32> {
    size(expr)?.whole.checked_add(SUM_DIGITS)
}

/// Rows are fewer than 10¹², so that a sum has at most so many digits more than a summand.
const SUM_DIGITS: u32 = 12;

fn aggregate_is_total(aggregate: &Aggregate) -> bool {
    let Aggregate { function, argument, filter, ty, .. } = aggregate;
    filter.iter().all(|filter| filter.ty == Type::Bool)
        && aggregates(*function, argument.as_ref(), ty)
}

/// Whether an aggregate is total over its argument.
fn aggregates(function: AggregateFunction, argument: Option<&Expr>, ty: &Type) -> bool {
    let small = |expr: &Expr| {
        let most = match ty {
            Type::Numeric(Some((precision, _))) => WHOLE_DIGITS_MAX.min(*precision),
            _ => WHOLE_DIGITS_MAX,
        };
        digits_of_sum(expr).is_some_and(|digits| digits <= most)
    };
    match (function, argument) {
        (AggregateFunction::Count, _) => *ty == Type::Int(8),
        (AggregateFunction::Sum | AggregateFunction::Avg, Some(argument)) => {
            argument.ty.is_number() && ty.is_number() && small(argument)
        }
        (AggregateFunction::Min | AggregateFunction::Max, Some(argument)) => {
            argument.ty == *ty && is_ordered(ty)
        }
        (AggregateFunction::BoolAnd | AggregateFunction::BoolOr, Some(argument)) => {
            argument.ty == Type::Bool && *ty == Type::Bool
        }
        (_, None) => false,
    }
}

/// Whether PostgreSQL has `min` and `max` for the type, and they look the same whichever of several
/// equal values they are.
fn is_ordered(ty: &Type) -> bool {
    ty.is_number() || ty.is_text() || ty.is_time()
}

fn window_is_total(window: &Window) -> bool {
    let Window { function, argument, ty, .. } = window;
    match (function, argument) {
        (WindowFunction::RowNumber | WindowFunction::Rank | WindowFunction::DenseRank, None) => {
            *ty == Type::Int(8)
        }
        (
            WindowFunction::Lag(_)
            | WindowFunction::Lead(_)
            | WindowFunction::FirstValue
            | WindowFunction::LastValue,
            Some(argument),
        ) => argument.ty == *ty,
        (WindowFunction::Aggregate(function), argument) => {
            aggregates(*function, argument.as_ref(), ty)
        }
        _ => false,
    }
}

fn joins_are_total(scans: &[Scan], joins: &Joins) -> bool {
    match joins {
        Joins::Scan(_) => true,
        Joins::Join { left, right, on, .. } => {
            let below = joins.scans();
            on.iter().all(|condition| {
                is_condition(scans, condition)
                    && condition.scans().iter().all(|scan| below.contains(scan))
            }) && joins_are_total(scans, left)
                && joins_are_total(scans, right)
        }
    }
}

/// Whether the values that a key may show are public by construction.
fn has_domain(leaf: &Leaf, key: &crate::plan::Key) -> bool {
    let scans = key.expr.scans();
    // An array is read and never shown: equal ones can look different.
    if key.expr.ty.is_array() {
        return false;
    }
    match &key.domain {
        Domain::Declared(values) => !values.is_empty(),
        Domain::PublicRows => {
            let public = |scan: &usize| {
                leaf.scans.get(*scan).is_some_and(|scan| scan.exposure == Exposure::Public)
            };
            !scans.is_empty() && scans.iter().all(public)
        }
        Domain::PublicColumn(..) | Domain::Found => true,
    }
}

fn statistic_is_total(scans: &[Scan], statistic: &Statistic) -> bool {
    let filter = match statistic {
        Statistic::Rows { filter, .. }
        | Statistic::Units { filter }
        | Statistic::Distinct { filter, .. } => filter,
        Statistic::Histogram { filter, value, bins } => {
            let sized = size(value).is_some_and(|size| size.whole <= WHOLE_DIGITS_MAX);
            if !value.ty.is_number() || bins.scale > SCALE_MAX || !bins.are_sound() || !sized {
                return false;
            }
            filter
        }
        Statistic::Sum { filter, value, bounds } => {
            let sized = size(value).is_some_and(|size| size.whole <= WHOLE_DIGITS_MAX);
            if !value.ty.is_number() || bounds.scale > SCALE_MAX || !sized {
                return false;
            }
            filter
        }
    };
    filter.iter().all(|filter| is_condition(scans, filter))
}

fn is_condition(scans: &[Scan], expr: &Expr) -> bool {
    expr.ty == Type::Bool && is_total(scans, expr)
}

fn is_total(scans: &[Scan], expr: &Expr) -> bool {
    let mut nodes = 0;
    let known = expr_columns_within(expr, scans.len(), 0, &mut nodes);
    known && is_small_printed(expr) && size(expr).is_some() && subqueries_are_total(scans, expr)
}

/// Whether the conditions of each EXISTS are total, and those of its joins over what is joined.
fn subqueries_are_total(scans: &[Scan], expr: &Expr) -> bool {
    let mut total = true;
    expr.exists(&mut |exists| {
        exists.conditions(&mut |condition| {
            let mut nodes = 0;
            total = total
                && condition.ty == Type::Bool
                && expr_columns_within(condition, scans.len(), 0, &mut nodes)
                && size(condition).is_some();
        });
        total = total && joins_are_within(&exists.joins);
    });
    total
}

fn joins_are_within(joins: &Joins) -> bool {
    let Joins::Join { left, right, on, .. } = joins else { return true };
    let below = joins.scans();
    on.iter().all(|condition| condition.scans().iter().all(|scan| below.contains(scan)))
        && joins_are_within(left)
        && joins_are_within(right)
}

/// Whether the columns are of scans that there are, and the expression is not too large to look at.
fn expr_columns_within(expr: &Expr, scans: usize, depth: u32, nodes: &mut usize) -> bool {
    *nodes = nodes.saturating_add(1);
    if *nodes > NODES_MAX || depth > DEPTH_MAX {
        return false;
    }
    let depth = depth.saturating_add(1);
    match &expr.node {
        Node::Column(column) => column.scan < scans,
        Node::Constant(_) | Node::Parameter(_) => true,
        Node::Call(_, args) => args.iter().all(|arg| expr_columns_within(arg, scans, depth, nodes)),
        Node::Exists(exists) => {
            let mut within = exists.joins.scans().iter().all(|scan| *scan < scans);
            exists.conditions(&mut |condition| {
                within = within && expr_columns_within(condition, scans, depth, nodes);
            });
            within
        }
    }
}

/// Digits before and after the point that a value has at most; what is no number has none.
/// NaN and infinities have no size, and nothing fails over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Size {
    whole: u32,
    places: u32,
}

impl Size {
    fn new(whole: u32, places: u32) -> Option<Self> {
        (whole <= WHOLE_DIGITS_MAX).then_some(Self { whole, places: places.min(PLACES_MAX) })
    }

    fn widest(sizes: impl IntoIterator<Item = Self>) -> Self {
        sizes.into_iter().fold(Self::default(), |most, one| Self {
            whole: most.whole.max(one.whole),
            places: most.places.max(one.places),
        })
    }
}

/// The size of a total expression's value; `None` if it is not total.
fn size(expr: &Expr) -> Option<Size> {
    match &expr.node {
        Node::Call(function, args) => {
            let sizes: Vec<Size> = args.iter().map(size).collect::<Option<_>>()?;
            if !is_typed(function, args, &expr.ty) {
                return None;
            }
            if !text_fits(expr) {
                return None;
            }
            if let Some(held) = clamps(function, args) {
                let most = held.high.clone().max(-held.low).ceil().to_string();
                let whole = u32::try_from(most.len()).unwrap_or(CONSTANT_DIGITS);
                return Some(Size { whole: whole.min(CONSTANT_DIGITS), ..Size::widest(sizes) });
            }
            call_size(function, args, &expr.ty, &sizes)
        }
        Node::Constant(Some(text)) if expr.ty.is_number() => Some(constant_size(text)),
        Node::Constant(_) => Some(Size::default()),
        Node::Exists(_) if expr.ty == Type::Bool => Some(Size::default()),
        Node::Exists(_) => None,
        Node::Parameter(_) => match expr.ty {
            Type::Numeric(_) => Size::new(PARAMETER_DIGITS, PLACES_MAX),
            _ => Some(type_size(&expr.ty)),
        },
        Node::Column(column) => match (&expr.ty, &column.bounds) {
            // Printed within its bounds wherever it is computed with.
            (Type::Numeric(None) | Type::Float(_), Some((low, high))) => {
                let places = type_size(&expr.ty).places.min(COLUMN_PLACES_MAX);
                let whole = constant_size(low).whole.max(constant_size(high).whole);
                Size::new(whole, places)
            }
            _ => Some(type_size(&expr.ty)),
        },
    }
}

/// What values of a type have at most. A `numeric` without limits is taken for as large as may be,
/// so that nothing can be computed with it but what makes it smaller.
fn type_size(ty: &Type) -> Size {
    match ty {
        Type::Int(_) => Size { whole: 19, places: 0 },
        Type::Numeric(Some((precision, scale))) => Size { whole: *precision, places: *scale },
        Type::Numeric(None) => Size { whole: 131_072, places: PLACES_MAX },
        Type::Float(_) => Size { whole: 309, places: 350 },
        _ => Size::default(),
    }
}

/// The size of decimal text, also of a wrong one, which is an error whatever the rows are.
fn constant_size(text: &str) -> Size {
    let number = parse_decimal(text).is_some() && text.len() <= 400;
    let plain = number && !text.contains(['e', 'E']);
    if let (true, Ok(digits)) = (plain, u32::try_from(text.len())) {
        return Size { whole: digits, places: digits };
    }
    if number {
        Size { whole: CONSTANT_DIGITS, places: CONSTANT_DIGITS }
    } else {
        type_size(&Type::Numeric(None))
    }
}

fn call_size(function: &Function, args: &[Expr], ty: &Type, sizes: &[Size]) -> Option<Size> {
    let at = |index: usize| sizes.get(index).copied().unwrap_or_default();
    let (a, b) = (at(0), at(1));
    match function {
        Function::Add | Function::Sub => {
            Size::new(a.whole.max(b.whole).checked_add(1)?, a.places.max(b.places))
        }
        Function::Mul => {
            Size::new(a.whole.checked_add(b.whole)?, a.places.saturating_add(b.places))
        }
        // The least divisor but zero is one in its last place.
        Function::Div => {
            Size::new(a.whole.checked_add(b.places)?.checked_add(1)?, QUOTIENT_PLACES_MAX)
        }
        Function::Mod => Size::new(b.whole.max(a.whole), a.places.max(b.places)),
        Function::Neg => Size::new(a.whole, a.places),
        Function::Listed(row) => listed_size(row, args, sizes),
        Function::Least | Function::Greatest | Function::Coalesce | Function::Case => {
            Some(Size::widest(sizes.iter().copied()))
        }
        Function::NullIf => Some(a),
        // A cast from a number with a fraction to an integer rounds.
        Function::Cast if is_widened(function, args, ty) => Some(type_size(ty)),
        // A binary number is rounded as such, and printed without its bounds.
        Function::Cast if matches!((args, ty), ([arg], Type::Int(_)) if matches!(arg.ty, Type::Float(_))) => {
            Size::new(type_size(&Type::Float(8)).whole.max(a.whole).checked_add(1)?, 0)
        }
        Function::Cast => match args.first().map(|arg| &arg.ty) {
            Some(Type::Numeric(_) | Type::Float(_)) if a.whole > WHOLE_DIGITS_MAX => None,
            _ => Some(Size { whole: a.whole.max(1).saturating_add(1), ..a }),
        },
        _ => Some(Size::default()),
    }
}

/// Whether it is a cast of a binary number to one as large, which is printed without its bounds.
fn is_widened(function: &Function, args: &[Expr], ty: &Type) -> bool {
    *function == Function::Cast
        && *ty == Type::Float(8)
        && matches!(args, [arg] if matches!(arg.ty, Type::Float(_)))
}

/// The size of the value of a row of the table. Rows that take a `numeric` as it is say by their
/// rule how large theirs is; binary and whole numbers are as large as their type lets them.
fn listed_size(row: &Signature, args: &[Expr], sizes: &[Size]) -> Option<Size> {
    let at = |index: usize| sizes.get(index).copied().unwrap_or_default();
    let (a, b) = (at(0), at(1));
    // Nothing is computed with a number whose digits nothing bounds.
    let bounded = args
        .iter()
        .zip(sizes)
        .all(|(arg, size)| !matches!(arg.ty, Type::Numeric(_)) || size.whole <= WHOLE_DIGITS_MAX);
    if !bounded {
        return None;
    }
    let constant = |index: usize| match args.get(index).map(|arg| &arg.node) {
        Some(Node::Constant(Some(text))) => parse_decimal(text),
        _ => None,
    };
    match row.size {
        SizeRule::ByType => Some(type_size(&row.result(args))),
        SizeRule::Same => Size::new(a.whole.checked_add(1)?, a.places.max(QUOTIENT_PLACES_MAX)),
        SizeRule::Whole => Size::new(a.whole.checked_add(1)?, 0),
        SizeRule::Places => {
            let places = constant(1).map(|places| places.floor())?;
            Size::new(a.whole.checked_add(1)?, u32::try_from(places).unwrap_or(0))
        }
        SizeRule::Digits(whole, places) => Size::new(whole, places),
        SizeRule::Quotient => Size::new(a.whole.checked_add(b.places)?.checked_add(1)?, 0),
        SizeRule::Product => Size::new(a.whole.checked_add(b.whole)?, 0),
        SizeRule::Power => {
            let power = constant(1)?;
            // The greatest number to a power above 0, the least to one below.
            let digits = if power < RBig::ZERO { a.places } else { a.whole };
            let distance = if power < RBig::ZERO { -power } else { power };
            let times = u32::try_from(distance.ceil()).ok()?;
            Size::new(digits.checked_mul(times)?.checked_add(1)?, PLACES_MAX)
        }
        SizeRule::Bytes(_)
        | SizeRule::Times(_)
        | SizeRule::Repeated
        | SizeRule::Replaced
        | SizeRule::Joined
        | SizeRule::Characters
        | SizeRule::Free => Some(type_size(&row.result(args))),
    }
}

/// What any x is within, if it is `least(greatest(x, low), high)` or its mirror, with constants.
fn clamps(function: &Function, args: &[Expr]) -> Option<Range> {
    match function {
        Function::Least | Function::Greatest => clamp_pattern(args, *function == Function::Least),
        _ => None,
    }
}

/// Whether the function is on the list for these types.
fn is_typed(function: &Function, args: &[Expr], ty: &Type) -> bool {
    let text = |arg: &Expr| arg.ty.is_text();
    let number = |arg: &Expr| arg.ty.is_number();
    let boolean = |arg: &Expr| arg.ty == Type::Bool;
    let fits = |arg: &Expr| is_null(arg) || alike(&arg.ty, ty);
    match function {
        Function::Eq
        | Function::Ne
        | Function::Lt
        | Function::Le
        | Function::Gt
        | Function::Ge
        | Function::Distinct
        | Function::NotDistinct => {
            matches!(args, [a, b] if *ty == Type::Bool && alike(&a.ty, &b.ty))
        }
        Function::And | Function::Or => {
            *ty == Type::Bool && !args.is_empty() && args.iter().all(boolean)
        }
        Function::Not
        | Function::IsTrue
        | Function::IsNotTrue
        | Function::IsFalse
        | Function::IsNotFalse => matches!(args, [arg] if *ty == Type::Bool && boolean(arg)),
        Function::IsNull | Function::IsNotNull => matches!(args, [_] if *ty == Type::Bool),
        Function::In | Function::NotIn => matches!(args, [first, rest @ ..] if *ty == Type::Bool
            && !rest.is_empty()
            && (matches!(rest, [set] if is_set_for(first, set)) || rest.iter().all(|arg| is_null(arg) || alike(&arg.ty, &first.ty)))),
        Function::Add | Function::Sub | Function::Mul | Function::Div | Function::Mod => {
            matches!(args, [a, b] if ty.is_number() && number(a) && number(b))
        }
        Function::Neg => matches!(args, [arg] if ty.is_number() && number(arg)),
        Function::Listed(row) => row.accepts(args) && row.result(args) == *ty,
        Function::Case => is_typed_case(args, ty),
        Function::Coalesce | Function::Least | Function::Greatest => {
            !args.is_empty() && args.iter().all(fits)
        }
        Function::NullIf => {
            matches!(args, [a, b] if fits(a) && (is_null(b) || alike(&a.ty, &b.ty)))
        }
        Function::Like | Function::NotLike | Function::ILike | Function::NotILike => {
            matches!(args, [a, b] if *ty == Type::Bool && text(a) && text(b)
                && matches!(b.node, Node::Constant(_) | Node::Parameter(_)))
        }
        _ => is_typed_over_time(function, args, ty),
    }
}

/// Whether it is an array parameter that the value can be looked for in as it is. Were the value cast
/// to the elements' type first, a large number would raise.
fn is_set_for(value: &Expr, set: &Expr) -> bool {
    let (Node::Parameter(_), Type::Other(name)) = (&set.node, &set.ty) else { return false };
    // Names come as the parser writes them.
    let name = name.to_ascii_lowercase();
    let Some(element) = name.strip_suffix("[]") else { return false };
    let element = element.trim_start_matches("pg_catalog.");
    // The blank-padded type has two names, one of them with a length.
    let element = if element.starts_with("character(") { "bpchar" } else { element };
    let is = |ty: Type| ty.name().trim_start_matches("pg_catalog.") == element;
    let whole = || [2, 4, 8].into_iter().any(|size| is(Type::Int(size)));
    match &value.ty {
        Type::Int(_) => whole(),
        Type::Numeric(_) => whole() || is(Type::Numeric(None)),
        // What is computed is printed as `numeric`.
        Type::Float(_) => value.as_column().is_some() && is(value.ty.clone()),
        Type::Text(_) if element == "character" => true,
        Type::Text(_) => [TextType::Text, TextType::Varchar, TextType::Bpchar]
            .into_iter()
            .any(|of| is(Type::Text(of))),
        ty => is(ty.clone()),
    }
}

fn is_typed_over_time(function: &Function, args: &[Expr], ty: &Type) -> bool {
    let [first, rest @ ..] = args else { return false };
    match function {
        // What PostgreSQL gives, no other: functions of one type of time raise over another.
        Function::Shift { by: ShiftBy::Days(_), .. } => {
            rest.is_empty() && first.ty == Type::Date && *ty == Type::Date
        }
        Function::Shift { by: ShiftBy::Interval(_), .. } => {
            let moved = if first.ty == Type::Date { &Type::Timestamp } else { &first.ty };
            rest.is_empty() && first.ty.is_time() && ty == moved
        }
        Function::Cast => rest.is_empty() && cast_is_total(&first.ty, ty),
        _ => false,
    }
}

fn is_typed_case(args: &[Expr], ty: &Type) -> bool {
    args.len() >= 3
        && args.chunks(2).all(|pair| match pair {
            [condition, value] => {
                condition.ty == Type::Bool && (is_null(value) || alike(&value.ty, ty))
            }
            [default] => is_null(default) || alike(&default.ty, ty),
            [] | [_, _, _, ..] => false,
        })
}

/// Whether a cast between the types has a value for every value, as it is printed.
fn cast_is_total(from: &Type, to: &Type) -> bool {
    match to {
        // PostgreSQL casts a condition to `integer` only.
        Type::Int(size) => from.is_number() || (*from == Type::Bool && *size == 4),
        Type::Numeric(_) | Type::Float(_) => from.is_number(),
        Type::Date | Type::Timestamp | Type::TimestampTz => from.is_time(),
        Type::Text(_) => {
            from.is_text()
                || matches!(from, Type::Int(_) | Type::Numeric(_) | Type::Bool | Type::Date)
        }
        _ => false,
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr.node, Node::Constant(None))
}

/// Whether values of the two types can be compared, and stand in one column.
fn alike(a: &Type, b: &Type) -> bool {
    a == b
        || (a.is_number() && b.is_number())
        || (a.is_text() && b.is_text())
        || (a.is_time() && b.is_time())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
