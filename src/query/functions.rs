//! Calls and casts over private rows: by the core's table, and a few that take any types.

use noisegate_privacy::expr::{Expr, Function, Node, TextType, Type};
use noisegate_privacy::functions::{self, Arg, Kind, Miss, Syntax};
use noisegate_privacy::total::is_small_printed;

use super::lower::{number_bounded, wider};
use super::refusals::{not_with_types, unknown_function, unsupported, wrong_argument};
use crate::error::Refusal;

/// A call by name, or a refusal.
pub(crate) fn call(name: &str, args: Vec<Expr>) -> Result<Expr, Refusal> {
    let first = args.first().map(|arg| arg.ty.clone());
    match (name, first) {
        ("coalesce" | "least" | "greatest", Some(_)) => same_type(name, args),
        ("nullif", Some(ty)) if args.len() == 2 => Ok(Expr::call(Function::NullIf, args, ty)),
        ("mod", Some(ty)) if ty.is_number() && args.len() == 2 => {
            args.iter().try_for_each(number_bounded)?;
            let ty = args.get(1).map_or(ty.clone(), |other| wider(&ty, &other.ty));
            Ok(Expr::call(Function::Mod, args, ty))
        }
        ("now" | "current_timestamp" | "transaction_timestamp" | "statement_timestamp", None) => {
            Ok(now())
        }
        ("current_date", None) => Ok(Expr::call(Function::Cast, vec![now()], Type::Date)),
        ("localtimestamp", None) => Ok(Expr::call(Function::Cast, vec![now()], Type::Timestamp)),
        // The parser is given TRIM as one of these, and PostgreSQL writes no cast inside of it.
        ("btrim" | "ltrim" | "rtrim", Some(Type::Text(_))) => {
            let args = args.into_iter().map(|arg| match arg.ty {
                Type::Text(TextType::Bpchar) => cast(arg, functions::TEXT),
                _ => Ok(arg),
            });
            listed(name, Syntax::Call, args.collect::<Result<_, _>>()?)
        }
        ("concat" | "concat_ws", _) => {
            listed(name, Syntax::Call, args.into_iter().map(as_text).collect())
        }
        _ => listed(name, Syntax::Call, args),
    }
}

/// A number that is put beside texts looks as it does when it is cast to one.
pub(crate) fn as_text(arg: Expr) -> Expr {
    match arg.ty {
        Type::Int(_) | Type::Numeric(_) => Expr::call(Function::Cast, vec![arg], functions::TEXT),
        _ => arg,
    }
}

/// A function or operator of the table, or a refusal.
pub(crate) fn listed(name: &str, syntax: Syntax, args: Vec<Expr>) -> Result<Expr, Refusal> {
    let said = match syntax {
        Syntax::Any | Syntax::All => "ANY or ALL",
        _ => name,
    };
    let types: Vec<String> = args.iter().map(|arg| type_name(&arg.ty)).collect();
    let found = functions::call(name, syntax, args).map_err(|miss| match miss {
        Miss::Name => unknown_function(said),
        Miss::Types(rows) => {
            let rows: Vec<String> = rows.iter().map(|row| row.shown()).collect();
            not_with_types(said, &types, &rows)
        }
        Miss::Argument(at, must) => wrong_argument(said, at, &must),
    })?;
    checked(found)
}

/// What the table takes, if its numbers have bounds and it is not too large when it is written.
fn checked(found: Expr) -> Result<Expr, Refusal> {
    if let Node::Call(Function::Listed(row), args) = &found.node {
        for (at, arg) in args.iter().enumerate() {
            if row.wide || row.arg(at) == Some(&Arg::Value(Kind::Numeric)) {
                number_bounded(arg)?;
            }
        }
    }
    if !functions::text_fits(&found) {
        return Err(unsupported(
            "a text that can get this long",
            Some("Put together fewer columns, or take the left part of each first."),
        ));
    }
    if !is_small_printed(&found) {
        return Err(unsupported(
            "an expression this large",
            Some("Nest fewer functions; each guard writes its argument again."),
        ));
    }
    Ok(found)
}

/// The statement's own time: parameter 0.
fn now() -> Expr {
    Expr { node: Node::Parameter(0), ty: Type::TimestampTz }
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

/// A cast that has a value for every value of the type (as it is emitted), or a refusal.
pub(crate) fn cast(arg: Expr, to: Type) -> Result<Expr, Refusal> {
    let total = match (&arg.ty, &to) {
        (from, to) if from == to => return Ok(arg),
        (Type::Int(_) | Type::Numeric(_), Type::Int(_) | Type::Numeric(None) | Type::Float(8))
        | (Type::Float(_), Type::Numeric(None)) => {
            number_bounded(&arg)?;
            true
        }
        (Type::Float(_), Type::Float(8)) => true,
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
        if let Some(found) = functions::cast(arg.clone(), &to) {
            return checked(found);
        }
        let mut refusal = unknown_function("cast").with_sentence(format!(
            "A cast from {} to {} could fail for some row, so it is not made over private rows.",
            type_name(&arg.ty),
            type_name(&to)
        ));
        "Compare the value in its own type, or cast the aggregate.".clone_into(&mut refusal.hint);
        return Err(refusal);
    }
    Ok(Expr::call(Function::Cast, vec![arg], to))
}

fn type_name(ty: &Type) -> String {
    ty.name().replace("pg_catalog.bpchar", "character")
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
