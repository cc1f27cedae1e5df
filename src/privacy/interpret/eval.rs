//! Expressions, with the three-valued logic of SQL.

use std::cmp::Ordering;

use dashu::integer::IBig;
use dashu::rational::RBig;

use super::value::{constant, round};
use super::{Unsupported, Value, unsupported};
use crate::expr::{Exists, Expr, Function, Node, Type};
use crate::functions::{Arg, Signature};

/// A row that expressions are over.
pub(super) trait Row {
    /// The value of a column of a scan.
    fn cell(&self, scan: usize, name: &str) -> Result<Value, Unsupported>;
    /// Whether there is such a row beside this one.
    fn exists(&self, exists: &Exists) -> Result<bool, Unsupported>;
}

type Columns<'a> = &'a dyn Row;

/// The value of an expression for the row that `columns` reads.
pub(super) fn eval(expr: &Expr, columns: Columns<'_>) -> Result<Value, Unsupported> {
    match &expr.node {
        Node::Column(column) => columns.cell(column.scan, &column.name),
        Node::Exists(exists) => columns.exists(exists).map(Value::Bool),
        Node::Constant(text) => constant(text.as_deref(), &expr.ty),
        Node::Parameter(_) => Err(unsupported("a parameter")),
        Node::Call(Function::Case, args) => case(args, columns),
        Node::Call(Function::NullIf, args) => null_if(args, columns),
        Node::Call(function, args) => {
            let mut values = Vec::with_capacity(args.len());
            for arg in args {
                let value = eval(arg, columns)?;
                let computed = is_arithmetic(function);
                values.push(if computed { within_bounds(arg, value)? } else { value });
            }
            call(function, &values, args, &expr.ty)
        }
    }
}

/// A column of unlimited size is held to its bounds wherever it is computed with.
pub(super) fn within_bounds(expr: &Expr, value: Value) -> Result<Value, Unsupported> {
    let (Type::Numeric(None) | Type::Float(_)) = expr.ty else { return Ok(value) };
    let Some((low, high)) = expr.as_column().and_then(|column| column.bounds.as_ref()) else {
        return Ok(value);
    };
    let bound = |text: &str| constant(Some(text), &Type::Numeric(None));
    Ok(match value {
        Value::Null => Value::Null,
        value => value.max(bound(low)?).min(bound(high)?),
    })
}

fn is_arithmetic(function: &Function) -> bool {
    matches!(
        function,
        Function::Add
            | Function::Sub
            | Function::Mul
            | Function::Div
            | Function::Mod
            | Function::Neg
            | Function::Listed(_)
            | Function::Case
            | Function::Coalesce
            | Function::Least
            | Function::Greatest
            | Function::Cast
    )
}

fn case(args: &[Expr], columns: Columns<'_>) -> Result<Value, Unsupported> {
    for pair in args.chunks(2) {
        match pair {
            [condition, value] if eval(condition, columns)? == Value::Bool(true) => {
                return within_bounds(value, eval(value, columns)?);
            }
            [default] => return within_bounds(default, eval(default, columns)?),
            _ => {}
        }
    }
    Ok(Value::Null)
}

/// The first as it is computed with, unless it equals the second as it is.
fn null_if(args: &[Expr], columns: Columns<'_>) -> Result<Value, Unsupported> {
    let [a, b] = args else { return Err(unsupported("NULLIF of these")) };
    let (first, second) = (eval(a, columns)?, eval(b, columns)?);
    if first == second { Ok(Value::Null) } else { within_bounds(a, first) }
}

fn call(
    function: &Function,
    values: &[Value],
    args: &[Expr],
    ty: &Type,
) -> Result<Value, Unsupported> {
    let first = values.first().ok_or_else(|| unsupported("a call without arguments"))?;
    let second = values.get(1).unwrap_or(&Value::Null);
    let is = |wanted: Option<bool>, yes: bool| {
        let found = if let Value::Bool(found) = first { Some(*found) } else { None };
        Ok(Value::Bool((found == wanted) == yes))
    };
    match function {
        Function::Eq => Ok(compared(first, second, |order| order == Ordering::Equal)),
        Function::Ne => Ok(compared(first, second, |order| order != Ordering::Equal)),
        Function::Lt => Ok(compared(first, second, |order| order == Ordering::Less)),
        Function::Le => Ok(compared(first, second, |order| order != Ordering::Greater)),
        Function::Gt => Ok(compared(first, second, |order| order == Ordering::Greater)),
        Function::Ge => Ok(compared(first, second, |order| order != Ordering::Less)),
        Function::Distinct => Ok(Value::Bool(first != second)),
        Function::NotDistinct => Ok(Value::Bool(first == second)),
        Function::And => Ok(all(values, false)),
        Function::Or => Ok(all(values, true)),
        Function::Not => Ok(not(first)),
        Function::IsNull => Ok(Value::Bool(*first == Value::Null)),
        Function::IsNotNull => Ok(Value::Bool(*first != Value::Null)),
        Function::IsTrue => is(Some(true), true),
        Function::IsNotTrue => is(Some(true), false),
        Function::IsFalse => is(Some(false), true),
        Function::IsNotFalse => is(Some(false), false),
        Function::In => Ok(among(values)),
        Function::NotIn => Ok(not(&among(values))),
        Function::Coalesce => {
            Ok(values.iter().find(|value| **value != Value::Null).cloned().unwrap_or_default())
        }
        Function::Least => Ok(present(values).min().cloned().unwrap_or_default()),
        Function::Greatest => Ok(present(values).max().cloned().unwrap_or_default()),
        Function::Cast => cast(first, args, ty),
        Function::Listed(row) if row.wide && beyond(args, values) => Ok(Value::Null),
        Function::Listed(row) if row.args.iter().all(is_exact) => listed(row, values),
        Function::Listed(row) => listed_other(row, first, second),
        _ if is_arithmetic(function) => arithmetic(function, values, ty),
        other => Err(unsupported(format!("{other}"))),
    }
}

fn present(values: &[Value]) -> impl Iterator<Item = &Value> {
    values.iter().filter(|value| **value != Value::Null)
}

fn compared(a: &Value, b: &Value, holds: impl Fn(Ordering) -> bool) -> Value {
    if *a == Value::Null || *b == Value::Null {
        return Value::Null;
    }
    Value::Bool(holds(a.cmp(b)))
}

/// OR where one `true` decides, AND where one `false` does.
fn all(values: &[Value], decides: bool) -> Value {
    if values.contains(&Value::Bool(decides)) {
        Value::Bool(decides)
    } else if values.contains(&Value::Null) {
        Value::Null
    } else {
        Value::Bool(!decides)
    }
}

fn not(value: &Value) -> Value {
    match value {
        Value::Bool(value) => Value::Bool(!value),
        _ => Value::Null,
    }
}

fn among(values: &[Value]) -> Value {
    let Some((first, rest)) = values.split_first() else { return Value::Null };
    let equal: Vec<Value> =
        rest.iter().map(|one| compared(first, one, |order| order == Ordering::Equal)).collect();
    all(&equal, true)
}

fn cast(value: &Value, args: &[Expr], to: &Type) -> Result<Value, Unsupported> {
    let from = args.first().map(|arg| &arg.ty);
    match (value, to) {
        (Value::Null, _) => Ok(Value::Null),
        (Value::Bool(value), Type::Int(_)) => Ok(Value::int(i64::from(*value))),
        (Value::Number(number), Type::Int(_)) => Ok(Value::Number(RBig::from(round(number)))),
        (Value::Number(_) | Value::NaN, Type::Int(_) | Type::Numeric(_)) => Ok(value.clone()),
        (Value::Text(_), Type::Text(_)) if from.is_some_and(Type::is_text) => Ok(value.clone()),
        (Value::Number(number), Type::Text(_)) if matches!(from, Some(Type::Int(_))) => {
            Ok(Value::Text(number.to_string()))
        }
        _ => Err(unsupported("this cast")),
    }
}

fn arithmetic(function: &Function, values: &[Value], ty: &Type) -> Result<Value, Unsupported> {
    if values.contains(&Value::Null) {
        return Ok(Value::Null);
    }
    let numbers: Option<Vec<&RBig>> = values
        .iter()
        .map(|value| if let Value::Number(number) = value { Some(number) } else { None })
        .collect();
    let by_zero = matches!(function, Function::Div | Function::Mod)
        && values.get(1) == Some(&Value::Number(RBig::ZERO));
    if by_zero {
        return Ok(Value::Null);
    }
    let Some(numbers) = numbers else { return Ok(Value::NaN) };
    let number = match (function, numbers.as_slice()) {
        (Function::Add, [a, b]) => *a + *b,
        (Function::Sub, [a, b]) => *a - *b,
        (Function::Mul, [a, b]) => *a * *b,
        (Function::Div, [a, b]) if matches!(ty, Type::Int(_)) => RBig::from(truncated(&(*a / *b))),
        (Function::Mod, [a, b]) => *a - RBig::from(truncated(&(*a / *b))) * *b,
        (Function::Neg, [a]) => -(*a).clone(),
        _ => return Err(unsupported(format!("{function} of these"))),
    };
    Ok(Value::Number(number))
}

/// Whether a whole number is larger than its type, as what is computed can be.
fn beyond(args: &[Expr], values: &[Value]) -> bool {
    args.iter().zip(values).any(|(arg, value)| match (&arg.ty, value) {
        (Type::Int(bytes), Value::Number(number)) => {
            let most =
                RBig::from(IBig::ONE << usize::from(*bytes).saturating_mul(8).saturating_sub(1));
            *number >= most || *number < -most
        }
        _ => false,
    })
}

/// Whether it is printed as `numeric` or is a whole number: binary ones are not held to bounds.
fn is_exact(arg: &Arg) -> bool {
    matches!(arg.kind().ty(), Type::Int(_) | Type::Numeric(_))
}

/// The rows of the table that the tests of the core use, over numbers.
fn listed(row: &Signature, values: &[Value]) -> Result<Value, Unsupported> {
    if values.contains(&Value::Null) {
        return Ok(Value::Null);
    }
    let [first, rest @ ..] = values else { return Err(unsupported("a call without arguments")) };
    let places = match rest {
        [] => Some(0),
        [Value::Number(places)] => i32::try_from(places.clone().floor()).ok(),
        _ => None,
    };
    let known = matches!(row.name, "abs" | "floor" | "ceil" | "round" | "trunc");
    let (a, places) = match (first, places) {
        (Value::NaN, _) if known => return Ok(Value::NaN),
        (Value::Number(a), Some(places)) => (a, places),
        _ => return Err(unsupported(format!("{row:?} of these"))),
    };
    Ok(Value::Number(match row.name {
        "abs" => a.clone().max(-a.clone()),
        "floor" => RBig::from(a.clone().floor()),
        "ceil" => RBig::from(a.clone().ceil()),
        "round" => at_places(a, places, round),
        "trunc" => at_places(a, places, truncated),
        _ => return Err(unsupported(format!("{row:?}"))),
    }))
}

/// Those over other values.
fn listed_other(row: &Signature, first: &Value, second: &Value) -> Result<Value, Unsupported> {
    match (row.name, first, second) {
        ("||", Value::Text(a), Value::Text(b)) => Ok(Value::Text(format!("{a}{b}"))),
        ("length", Value::Text(text), _) => {
            Ok(Value::int(i64::try_from(text.chars().count()).unwrap_or(0)))
        }
        ("-", Value::Date(a), Value::Date(b)) => Ok(Value::int(a - b)),
        ("||" | "length" | "-", ..) => Ok(Value::Null),
        _ => Err(unsupported(format!("{row:?}"))),
    }
}

fn truncated(number: &RBig) -> IBig {
    if *number < RBig::ZERO { number.clone().ceil() } else { number.clone().floor() }
}

fn at_places(number: &RBig, places: i32, to: impl Fn(&RBig) -> IBig) -> RBig {
    let power = IBig::from(10).pow(usize::try_from(places.unsigned_abs()).unwrap_or(0));
    let power = RBig::from(power);
    let power = if places < 0 { RBig::ONE / power } else { power };
    RBig::from(to(&(number * &power))) / power
}
