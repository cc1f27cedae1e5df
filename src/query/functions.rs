//! The list of functions and casts that may stand over private rows, and why each is total.

use noisegate_privacy::expr::{Expr, Function, Node, TextType, Type};

use noisegate_privacy::total::{TEXT_FUNCTIONS, TRUNC_UNITS};

use super::lower::{number_bounded, wider};
use super::refusals::unknown_function;
use crate::error::Refusal;

/// A call by name, or a refusal.
pub(crate) fn call(name: &str, mut args: Vec<Expr>) -> Result<Expr, Refusal> {
    let refused = || unknown_function(name);
    let first = args.first().map(|arg| arg.ty.clone());
    let text = Type::Text(TextType::Text);
    let listed = TEXT_FUNCTIONS.iter().find(|known| **known == name && name != "length");
    if let Some(known) = listed {
        return match (first, args.len()) {
            (Some(ty), 1) if ty.is_text() => {
                Ok(Expr::call(Function::TextFunction(known), args, text))
            }
            _ => Err(refused()),
        };
    }
    match (name, first) {
        ("length" | "char_length" | "character_length", Some(ty)) if ty.is_text() => {
            Ok(Expr::call(Function::TextFunction("length"), args, Type::Int(4)))
        }
        ("coalesce" | "least" | "greatest", Some(_)) => same_type(name, args),
        ("nullif", Some(ty)) if args.len() == 2 => Ok(Expr::call(Function::NullIf, args, ty)),
        ("abs", Some(ty)) if ty.is_number() && args.len() == 1 => {
            args.iter().try_for_each(number_bounded)?;
            Ok(Expr::call(Function::Abs, args, ty))
        }
        ("floor" | "ceil" | "ceiling", Some(ty)) if ty.is_number() && args.len() == 1 => {
            args.iter().try_for_each(number_bounded)?;
            let function = if name == "floor" { Function::Floor } else { Function::Ceil };
            Ok(Expr::call(function, args, ty))
        }
        ("round" | "trunc", Some(ty)) if ty.is_number() => {
            let places =
                if args.len() == 2 { args.pop().and_then(|at| small(&at)) } else { Some(0) };
            let places = places.filter(|places| (-20..=20).contains(places)).ok_or_else(refused)?;
            if args.len() != 1 {
                return Err(refused());
            }
            args.iter().try_for_each(number_bounded)?;
            let function =
                if name == "round" { Function::Round(places) } else { Function::Trunc(places) };
            Ok(Expr::call(function, args, ty))
        }
        ("mod", Some(ty)) if ty.is_number() && args.len() == 2 => {
            args.iter().try_for_each(number_bounded)?;
            let ty = args.get(1).map_or(ty.clone(), |other| wider(&ty, &other.ty));
            Ok(Expr::call(Function::Mod, args, ty))
        }
        ("left" | "right", Some(ty)) if ty.is_text() && args.len() == 2 => {
            let count = args.pop().and_then(|count| small(&count)).ok_or_else(refused)?;
            let function =
                if name == "left" { Function::Left(count) } else { Function::Right(count) };
            Ok(Expr::call(function, args, text))
        }
        ("substr" | "substring", Some(ty)) if ty.is_text() => {
            let numbers: Option<Vec<i32>> = args.iter().skip(1).map(small).collect();
            match numbers.as_deref() {
                Some([from]) => {
                    args.truncate(1);
                    Ok(Expr::call(Function::Substring(*from, None), args, text))
                }
                Some([from, length]) if *length >= 0 => {
                    args.truncate(1);
                    Ok(Expr::call(Function::Substring(*from, Some(*length)), args, text))
                }
                _ => Err(refused()),
            }
        }
        ("date_trunc", Some(ty)) if ty.is_text() && args.len() == 2 => date_trunc(args),
        ("now" | "current_timestamp" | "transaction_timestamp" | "statement_timestamp", None) => {
            Ok(now())
        }
        ("current_date", None) => Ok(Expr::call(Function::Cast, vec![now()], Type::Date)),
        ("localtimestamp", None) => Ok(Expr::call(Function::Cast, vec![now()], Type::Timestamp)),
        _ => Err(refused()),
    }
}

/// The statement's own time: parameter 0.
fn now() -> Expr {
    Expr { node: Node::Parameter(0), ty: Type::TimestampTz }
}

fn small(expr: &Expr) -> Option<i32> {
    match &expr.node {
        Node::Constant(Some(text)) => text.parse().ok(),
        _ => None,
    }
}

fn same_type(name: &str, args: Vec<Expr>) -> Result<Expr, Refusal> {
    let mut types = args.iter().map(|arg| arg.ty.clone());
    let Some(first) = types.next() else { return Err(unknown_function(name)) };
    let ty =
        types.fold(
            first,
            |ty, next| {
                if ty.is_number() && next.is_number() { wider(&ty, &next) } else { ty }
            },
        );
    let function = match name {
        "coalesce" => Function::Coalesce,
        "least" => Function::Least,
        _ => Function::Greatest,
    };
    Ok(Expr::call(function, args, ty))
}

fn date_trunc(mut args: Vec<Expr>) -> Result<Expr, Refusal> {
    let time = args.pop();
    let unit = args.pop().and_then(|unit| match unit.node {
        Node::Constant(unit) => unit.map(|unit| unit.to_ascii_lowercase()),
        _ => None,
    });
    match (unit, time) {
        (Some(unit), Some(time))
            if TRUNC_UNITS.contains(&unit.as_str())
                && matches!(time.ty, Type::Timestamp | Type::TimestampTz) =>
        {
            let ty = time.ty.clone();
            Ok(Expr::call(Function::DateTrunc(unit), vec![time], ty))
        }
        _ => Err(unknown_function("date_trunc")),
    }
}

/// A cast that has a value for every value of the type (as it is emitted), or a refusal.
pub(crate) fn cast(arg: Expr, to: Type) -> Result<Expr, Refusal> {
    let total = match (&arg.ty, &to) {
        (from, to) if from == to => return Ok(arg),
        (Type::Int(_) | Type::Numeric(_), Type::Int(_) | Type::Numeric(None) | Type::Float(8))
        | (Type::Float(_), Type::Numeric(None) | Type::Float(8)) => {
            number_bounded(&arg)?;
            true
        }
        (Type::Date, Type::Timestamp | Type::TimestampTz)
        | (Type::Timestamp, Type::TimestampTz | Type::Date)
        | (Type::TimestampTz, Type::Timestamp | Type::Date) => true,
        (from, Type::Text(TextType::Text | TextType::Varchar)) => {
            from.is_text()
                || matches!(from, Type::Int(_) | Type::Numeric(_) | Type::Bool | Type::Date)
        }
        (from, Type::Text(TextType::Bpchar)) => from.is_text(),
        (Type::Bool, Type::Int(4)) => true,
        _ => false,
    };
    if !total {
        let name = |ty: &Type| ty.name().replace("pg_catalog.bpchar", "character");
        let mut refusal = unknown_function("cast").with_sentence(format!(
            "A cast from {} to {} could fail for some row, so it is not made over private rows.",
            name(&arg.ty),
            name(&to)
        ));
        "Compare the value in its own type, or cast the aggregate.".clone_into(&mut refusal.hint);
        return Err(refusal);
    }
    Ok(Expr::call(Function::Cast, vec![arg], to))
}

/// Whether the text is an interval of a few plain fields within a thousand years or so.
pub(crate) fn bounded_interval(text: &str) -> bool {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let field = |word: &str| {
        let digits = word.strip_prefix('-').unwrap_or(word);
        !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let clock = |word: &str| {
        word.len() <= 9 && word.bytes().all(|byte| byte.is_ascii_digit() || b":-".contains(&byte))
    };
    let unit = |word: &str| {
        let word = word.trim_end_matches('s');
        matches!(word, "day" | "mon" | "month" | "year" | "week" | "hour" | "minute" | "min")
    };
    let pairs = match words.len() % 2 {
        0 => words.as_slice(),
        _ => match words.split_last() {
            Some((last, rest)) if clock(last) && last.contains(':') => rest,
            _ => return false,
        },
    };
    !words.is_empty()
        && words.len() <= 7
        && pairs.chunks(2).all(|pair| match pair {
            [number, name] => field(number) && unit(name),
            _ => false,
        })
}
