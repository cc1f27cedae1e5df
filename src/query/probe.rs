//! Whether a query that shows rows says itself how many, or that it has none.

use sqlparser::ast::{BinaryOperator as Op, Expr as Ast, LimitClause, Query, SetExpr, Value};

use super::lower::strip;

/// The LIMIT of a query, if it is a plain number.
pub(crate) fn limit(query: &Query) -> Option<u64> {
    let Some(LimitClause::LimitOffset { limit: Some(limit), .. }) = &query.limit_clause else {
        return None;
    };
    let number = match strip(limit) {
        Ast::Cast { expr, .. } => strip(expr),
        other => other,
    };
    match number {
        Ast::Value(value) => match &value.value {
            Value::Number(digits, _) | Value::SingleQuotedString(digits) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the query says itself that it has no row.
pub(crate) fn is_probe(query: &Query) -> bool {
    if limit(query) == Some(0) {
        return true;
    }
    match query.body.as_ref() {
        SetExpr::Select(select) => select.selection.as_ref().is_some_and(is_false),
        SetExpr::Query(query) => is_probe(query),
        _ => false,
    }
}

pub(crate) fn is_false(expr: &Ast) -> bool {
    match strip(expr) {
        Ast::Value(value) => value.value == Value::Boolean(false),
        Ast::BinaryOp { left, op: Op::And, right } => is_false(left) || is_false(right),
        Ast::BinaryOp { left, op, right } => match (strip(left), strip(right)) {
            (Ast::Value(a), Ast::Value(b)) => {
                let equal = a.value == b.value;
                (*op == Op::NotEq && equal) || (*op == Op::Eq && !equal)
            }
            _ => false,
        },
        _ => false,
    }
}
