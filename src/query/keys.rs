//! Which values of a group key may be shown.

use noisegate_privacy::IBig;
use noisegate_privacy::expr::{Expr, Function, Node, Type};
use noisegate_privacy::functions::Null;
use noisegate_privacy::plan::{Domain, Exposure, Key, Scan};
use noisegate_privacy::range::{on_grid, range, scale};

use super::origin::origin;
use super::scope::RowSource;
use crate::catalog::snapshot::{KeyValues, Snapshot};

/// The most groups that declared keys may multiply to; above it groups are found in the data.
const DECLARED_GROUPS_MAX: usize = 10_000;

/// The most buckets of a histogram that are shown whether they have rows or not.
const BUCKETS_MAX: u32 = 1_000;

/// The keys with their domains. One key that must be found in the data makes all of them so,
/// because a group is shown or withheld as a whole.
pub(crate) fn with_domains(
    keys: Vec<Expr>,
    source: &RowSource<'_>,
    snapshot: &Snapshot,
) -> Vec<Key> {
    let keys: Vec<Key> = keys
        .into_iter()
        .map(|expr| Key { domain: domain(&expr, &source.scans, snapshot), expr })
        .collect();
    let groups = keys.iter().try_fold(1_usize, |groups, key| match &key.domain {
        Domain::Declared(values) => groups.checked_mul(values.len()),
        _ => Some(groups),
    });
    let few = groups.is_some_and(|groups| groups <= DECLARED_GROUPS_MAX);
    if few && keys.iter().all(|key| key.domain != Domain::Found) {
        return keys;
    }
    keys.into_iter().map(|key| Key { domain: Domain::Found, ..key }).collect()
}

fn domain(expr: &Expr, scans: &[Scan], snapshot: &Snapshot) -> Domain {
    let nullable = is_nullable(expr);
    if let Some(column) = expr.as_column()
        && let Some(info) = origin(column, scans, snapshot)
        && let Some(values) = &info.values
    {
        match values {
            KeyValues::List(values) => {
                let padded = values.iter().map(|value| Some(padded(value, &info.type_name)));
                let shown = padded.chain(nullable.then_some(None));
                return Domain::Declared(shown.collect());
            }
            KeyValues::Column(schema, table, column) if !nullable => {
                return Domain::PublicColumn(schema.clone(), table.clone(), column.clone());
            }
            KeyValues::Column(..) => return Domain::Found,
        }
    }
    let read = expr.scans();
    let public =
        |scan: &usize| scans.get(*scan).is_some_and(|scan| scan.exposure == Exposure::Public);
    if !read.is_empty() && !nullable && read.iter().all(public) {
        return Domain::PublicRows;
    }
    if let Some(values) = finite(expr, nullable).filter(|_| !read.is_empty()) {
        return Domain::Declared(values);
    }
    Domain::Found
}

/// How many values an expression can have, where that is public.
pub(crate) fn values_max(expr: &Expr, scans: &[Scan], snapshot: &Snapshot) -> Option<u32> {
    if let Domain::Declared(values) = domain(expr, scans, snapshot) {
        return u32::try_from(values.iter().flatten().count()).ok();
    }
    if let Node::Constant(_) | Node::Parameter(_) = expr.node {
        return Some(1);
    }
    let whole = scale(expr).filter(|scale| *scale == 0).and_then(|_| range(expr))?;
    let (low, high) = on_grid(&whole, 0)?;
    u32::try_from(high - low).ok()?.checked_add(1)
}

/// Whether the expression can be NULL, as far as its form says.
pub(crate) fn is_nullable(expr: &Expr) -> bool {
    match &expr.node {
        Node::Column(column) => column.nullable,
        Node::Constant(value) => value.is_none(),
        Node::Parameter(_) => true,
        Node::Exists(_) => false,
        Node::Call(function, args) => match function {
            Function::IsNull
            | Function::IsNotNull
            | Function::IsTrue
            | Function::IsNotTrue
            | Function::IsFalse
            | Function::IsNotFalse
            | Function::Distinct
            | Function::NotDistinct => false,
            Function::Coalesce | Function::Least | Function::Greatest => {
                args.iter().all(is_nullable)
            }
            Function::Case => {
                let last = args.len().saturating_sub(1);
                let value = |at: usize| at % 2 == 1 || at == last;
                args.iter().enumerate().any(|(at, arg)| value(at) && is_nullable(arg))
            }
            // NULL where PostgreSQL's own would raise.
            Function::Div | Function::Mod | Function::NullIf | Function::Shift { .. } => true,
            Function::Cast => match (args.first().map(|arg| &arg.ty), &expr.ty) {
                (Some(_), Type::Text(_)) | (Some(Type::Bool), _) => args.iter().any(is_nullable),
                (Some(Type::Int(from)), Type::Int(to)) if from <= to => {
                    args.iter().any(is_nullable)
                }
                (Some(Type::Int(_)), Type::Numeric(_) | Type::Float(8)) => {
                    args.iter().any(is_nullable)
                }
                _ => true,
            },
            Function::Listed(row) => match row.null {
                Null::Maybe => true,
                Null::Strict => args.iter().any(is_nullable),
                Null::Never => false,
            },
            _ => args.iter().any(is_nullable),
        },
    }
}

/// A declared value as the column holds it: `character(n)` pads with blanks.
fn padded(value: &str, type_name: &str) -> String {
    let width = type_name
        .strip_prefix("character(")
        .and_then(|rest| rest.strip_suffix(')'))
        .and_then(|width| width.parse::<usize>().ok())
        .unwrap_or(0);
    format!("{value:<width$}")
}

/// The numbers of the buckets of a histogram, all of which are shown. PostgreSQL has none for NaN,
/// so that only what is NULL itself has none here.
fn buckets(expr: &Expr) -> Option<Vec<Option<String>>> {
    let Node::Call(Function::Listed(row), args) = &expr.node else { return None };
    let value = args.first().filter(|_| row.name == "width_bucket")?;
    let (low, high) = on_grid(&range(expr)?, 0)?;
    let last = u32::try_from(&high - &low).ok().filter(|last| *last < BUCKETS_MAX)?;
    let numbers = (0..=last).map(|at| Some((&low + IBig::from(at)).to_string()));
    Some(numbers.chain(is_nullable(value).then_some(None)).collect())
}

/// The values of an expression that can only have a few: conditions, buckets, and CASE over
/// constants.
fn finite(expr: &Expr, nullable: bool) -> Option<Vec<Option<String>>> {
    if let Some(buckets) = buckets(expr) {
        return Some(buckets);
    }
    if expr.ty == Type::Bool {
        let both = ["false", "true"].map(|value| Some(value.to_owned()));
        return Some(both.into_iter().chain(nullable.then_some(None)).collect());
    }
    let Node::Call(Function::Case, args) = &expr.node else { return None };
    let last = args.len().checked_sub(1)?;
    let mut values: Vec<Option<String>> = Vec::new();
    for (at, arg) in args.iter().enumerate() {
        if at % 2 == 0 && at != last {
            continue;
        }
        let Node::Constant(value) = &arg.node else { return None };
        if !values.contains(value) {
            values.push(value.clone());
        }
    }
    Some(values)
}
