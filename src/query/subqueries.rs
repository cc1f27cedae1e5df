//! EXISTS and IN over tables, beside the rows that they are asked for.
//!
//! That an EXISTS over private rows looks at rows of the same person alone is the core's to say.

use std::rc::Rc;

use noisegate_privacy::expr::{Exists, Expr, Function, Node, Type};
use noisegate_privacy::plan::Exposure;
use sqlparser::ast::{LimitClause, Query, Select, SelectItem, SetExpr};

use super::derive::is_ungrouped;
use super::keys::is_nullable;
use super::leaves::{has_window, is_aggregated};
use super::literals::whole_number;
use super::lower::{compare, lower};
use super::refusals::unsupported;
use super::scope::{Item, Rows, Scope};
use crate::error::Refusal;

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
    // PostgreSQL's three values: NULL if nothing is equal and something is unknown.
    let unknown = if public {
        let any = found(item.clone(), Vec::new());
        let some_null = found(item, vec![is_null(listed)]);
        let both = Expr::call(Function::And, vec![is_null(value), any], Type::Bool);
        Expr::call(Function::Or, vec![both, some_null], Type::Bool)
    } else {
        is_null(value)
    };
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
        SetExpr::Select(select) if query.limit_clause.is_none() && is_plain(select) => {
            let source = rows.block(select, &scope.scans, Some(Rc::new(scope.clone())))?;
            let mut list = Vec::new();
            for item in select.projection.iter().filter(|_| listed) {
                let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item
                else {
                    return Err(unsupported("this IN", None));
                };
                list.push(lower(expr, &source.scope)?);
            }
            Ok(Item { joins: source.joins, filter: source.filter, relations: Vec::new(), list })
        }
        _ => rows.query(query, &scope.scans),
    }
}

fn is_plain(select: &Select) -> bool {
    is_ungrouped(&select.group_by)
        && select.distinct.is_none()
        && !is_aggregated(select)
        && !has_window(select)
}
