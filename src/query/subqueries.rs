//! EXISTS, IN and values over tables, beside the rows that they are asked for.
//!
//! That an EXISTS over private rows looks at rows of the same person alone is the core's to say.

use std::rc::Rc;

use noisegate_privacy::derived::{self, AggregateFunction, Derived, Rows as Body, has_one_look};
use noisegate_privacy::expr::{Column, Exists, Expr, Function, Node, Type};
use noisegate_privacy::plan::Exposure;
use sqlparser::ast::{LimitClause, Query, Select, SelectItem, SetExpr};

use super::aggregate_list::has_aggregate;
use super::derive::{is_ungrouped, rows_max};
use super::grouped::{self, Grouping};
use super::keys::is_nullable;
use super::leaves::{has_window, is_aggregated};
use super::literals::whole_number;
use super::lower::{compare, lower};
use super::refusals::{per_unit, unsupported};
use super::scope::{Item, Rows, Scans, Scope};
use crate::error::Refusal;

/// The largest IN that is taken apart into several EXISTS.
const COPIES_MAX: usize = 200;

/// `EXISTS (query)`.
pub(crate) fn exists(query: &Query, scope: &Scope<'_>) -> Result<Expr, Refusal> {
    // How many rows there are beyond the first makes no difference.
    let mut query = query.clone();
    if limit_above_zero(&query) {
        query.limit_clause = None;
    }
    let item = rows(&query, scope, false)?;
    Ok(found(item, Vec::new()))
}

fn limit_above_zero(query: &Query) -> bool {
    match &query.limit_clause {
        Some(LimitClause::LimitOffset { limit: Some(limit), offset: None, .. }) => {
            whole_number(limit).is_some_and(|limit| limit > 0)
        }
        _ => false,
    }
}

/// `value IN (query)`; with `condition`, that it is NULL means the same as that it is false.
pub(crate) fn is_in(
    value: Expr,
    query: &Query,
    scope: &Scope<'_>,
    condition: bool,
) -> Result<Expr, Refusal> {
    let item = rows(query, scope, true)?;
    let [listed] = item.list.as_slice() else {
        return Err(unsupported("IN with rows of several columns", None));
    };
    let listed = listed.clone();
    let equal = compare(Function::Eq, listed.clone(), value.clone())?;
    let shown = item.filter.iter().any(|one| {
        matches!(&one.node,
        Node::Call(Function::IsNotNull, args) if args.first() == Some(&listed))
    });
    let nullable = is_nullable(&listed) && !shown;
    let found_equal = found(item.clone(), vec![equal]);
    if condition || (!nullable && !is_nullable(&value)) {
        return Ok(found_equal);
    }
    let copied = item.filter.iter().map(Expr::size).fold(value.size(), usize::saturating_add);
    if copied > COPIES_MAX {
        return Err(unsupported("an IN this large", Some("Use EXISTS or NOT EXISTS.")));
    }
    let null = Expr { node: Node::Constant(None), ty: Type::Bool };
    let is_null = |expr: Expr| Expr::call(Function::IsNull, vec![expr], Type::Bool);
    let public = item.joins.scans().iter().all(|scan| {
        scope.scans.borrow().get(*scan).is_some_and(|scan| scan.exposure == Exposure::Public)
    });
    if nullable && !public {
        return Err(unsupported(
            "NOT IN with a column that can be NULL",
            Some("Use NOT EXISTS, or add … IS NOT NULL to the inner query."),
        ));
    }
    // What there is of other people must not matter, not even that there is something.
    let own = item.joins.scans();
    let follows = |one: &Expr| {
        let read = one.scans();
        matches!(&one.node, Node::Call(Function::Eq, _))
            && read.iter().any(|scan| own.contains(scan))
            && read.iter().any(|scan| !own.contains(scan))
    };
    if is_nullable(&value) && !public && !item.filter.iter().any(follows) {
        return Err(unsupported(
            "NOT IN of a value that can be NULL",
            Some("Use NOT EXISTS, or compare a declared key inside with that of the outer row."),
        ));
    }
    // PostgreSQL's three values: NULL if nothing is equal and something is unknown.
    let any = found(item.clone(), Vec::new());
    let mut unknown = Expr::call(Function::And, vec![is_null(value), any], Type::Bool);
    if public {
        let some_null = found(item, vec![is_null(listed)]);
        unknown = Expr::call(Function::Or, vec![unknown, some_null], Type::Bool);
    }
    let no = Expr::constant("false", Type::Bool);
    let yes = Expr::constant("true", Type::Bool);
    Ok(Expr::call(Function::Case, vec![found_equal, yes, unknown, null, no], Type::Bool))
}

fn found(item: Item, more: Vec<Expr>) -> Expr {
    let mut filter = item.filter;
    filter.extend(more);
    Expr { node: Node::Exists(Box::new(Exists { joins: item.joins, filter })), ty: Type::Bool }
}

/// The rows of a subquery, whose conditions may read the rows around it.
fn rows(query: &Query, scope: &Scope<'_>, listed: bool) -> Result<Item, Refusal> {
    let outer = scope.rows;
    let ctes = outer.with(query);
    let rows = Rows { ctes: &ctes, depth: outer.depth.saturating_add(1), ..outer };
    match query.body.as_ref() {
        SetExpr::Select(select) if is_unlimited(query) && is_plain(select) => {
            let source = rows.block(select, &scope.scans, Some(Rc::new(scope.clone())))?;
            let mut list = Vec::new();
            for item in select.projection.iter().filter(|_| listed) {
                let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item
                else {
                    return Err(unsupported("this IN", None));
                };
                list.push(lower(expr, &source.scope)?);
            }
            let joins = source.all_joins();
            Ok(Item { joins, filter: source.filter, relations: Vec::new(), list })
        }
        _ => rows.query(query, &scope.scans),
    }
}

fn is_unlimited(query: &Query) -> bool {
    query.limit_clause.is_none() && query.fetch.is_none()
}

fn is_plain(select: &Select) -> bool {
    is_ungrouped(&select.group_by)
        && select.distinct.is_none()
        && !is_aggregated(select)
        && !has_window(select)
}

/// Where the scans around a subquery that is computed apart begin.
const AROUND: usize = 1 << 32;

/// A value that is computed of other rows of the same person: `(SELECT avg(x) FROM orders i WHERE
/// i.person = o.person)`. It is looked up among groups by what it compares with the row around it.
pub(crate) fn scalar(query: &Query, scope: &Scope<'_>) -> Result<Expr, Refusal> {
    let refused = || {
        unsupported(
            "this subquery inside an expression",
            Some(
                "It can be one aggregate over rows that have a declared key equal to that of the \
                 outer row, or an aggregate of all rows that does not refer to the outer row.",
            ),
        )
    };
    let SetExpr::Select(select) = query.body.as_ref() else { return Err(refused()) };
    let [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] =
        select.projection.as_slice()
    else {
        return Err(refused());
    };
    let plain = is_ungrouped(&select.group_by)
        && select.distinct.is_none()
        && select.having.is_none()
        && is_unlimited(query)
        && !has_window(select);
    if !plain || !has_aggregate(value) {
        return Err(refused());
    }
    let ctes = scope.rows.with(query);
    let depth = scope.rows.depth.saturating_add(1);
    let rows = Rows { ctes: &ctes, depth, ..scope.rows };
    let own = Scans::default();
    let source = rows.block(select, &own, Some(Rc::new(scope.apart(AROUND))))?;
    let (keys, around, filter) = correlated(&source.filter).ok_or_else(refused)?;
    let mut value = value.clone();
    let mut grouping = Grouping::new(&source.scope, &[])?;
    grouping.rewrite(&mut value)?;
    let (others, aggregates) = grouping.finish();
    if !others.is_empty() || keys.iter().any(|key| !has_one_look(&key.ty)) {
        return Err(refused());
    }
    let body = Body { scans: source.all_scans(), joins: source.all_joins(), filter };
    let most = rows_max(&body);
    let at = scope.scans.borrow().len();
    let column = |name: String, ty: &Type, bounds| {
        let node = Node::Column(Column { scan: at, name, bounds, nullable: true });
        Expr { node, ty: ty.clone() }
    };
    let on = keys.iter().zip(around).enumerate().map(|(number, (key, around))| {
        let key = column(format!("k{}", number.saturating_add(1)), &key.ty, None);
        compare(Function::Eq, key, around)
    });
    let on: Vec<Expr> = on.collect::<Result<_, _>>()?;
    let columns = aggregates.iter().enumerate().map(|(number, aggregate)| {
        let name = format!("a{}", number.saturating_add(1));
        let found = column(name.clone(), &aggregate.ty, grouped::bounds(aggregate, most).0);
        // Over no rows a count is zero, and all else NULL.
        let found = match aggregate.function {
            AggregateFunction::Count => {
                let zero = Expr::constant("0", aggregate.ty.clone());
                Expr::call(Function::Coalesce, vec![found, zero], aggregate.ty.clone())
            }
            _ => found,
        };
        (name, found)
    });
    let columns = columns.collect();
    let scan = derived::scan(Derived::Grouped { rows: body, keys, aggregates })
        .map_err(|rejection| per_unit(&rejection))?;
    scope.scans.borrow_mut().push(scan);
    let value = lower(&value, &scope.also(grouped::ALIAS, columns))?;
    scope.lookups.borrow_mut().push((at, on));
    Ok(value)
}

/// The equalities with the row around: what of the own row, and what of that; and the conditions
/// on the own row alone. None if there are others.
fn correlated(filter: &[Expr]) -> Option<(Vec<Expr>, Vec<Expr>, Vec<Expr>)> {
    let (mut keys, mut around, mut own) = (Vec::new(), Vec::new(), Vec::new());
    let outside = |expr: &Expr| expr.scans().iter().all(|scan| *scan >= AROUND);
    let inside = |expr: &Expr| expr.scans().iter().all(|scan| *scan < AROUND);
    for condition in filter {
        if inside(condition) {
            own.push(condition.clone());
            continue;
        }
        let Node::Call(Function::Eq, args) = &condition.node else { return None };
        let [a, b] = args.as_slice() else { return None };
        let (key, other) = if inside(a) && outside(b) { (a, b) } else { (b, a) };
        if !inside(key) || !outside(other) || key.scans().is_empty() {
            return None;
        }
        let mut other = other.clone();
        other.map_scans(&|scan| scan.saturating_sub(AROUND));
        keys.push(key.clone());
        around.push(other);
    }
    (!keys.is_empty()).then_some((keys, around, own))
}
