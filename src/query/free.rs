//! What the policy alone answers: public keys without aggregates, and declared bounds.
//!
//! Neither depends on a row of a person, so there is no leaf, and nothing is charged.

use noisegate_privacy::expr::{Column, Node, Type};
use noisegate_privacy::plan::{Domain, Exposure, Key, Leaf};
use noisegate_privacy::range::parse_decimal;
use noisegate_privacy::unit::always_holds;
use sqlparser::ast::{Expr as Ast, SetExpr, TableWithJoins};

use super::aggregates::Rewriter;
use super::lower::lower;
use super::parse;
use super::refusals::{extreme_refused, unsupported};
use crate::catalog::snapshot::{ColumnInfo, Snapshot};
use crate::error::Refusal;
use crate::quote::{ident, literal, qualified};

/// What the analyst is told of public keys.
pub(crate) const KEYS_NOTE: &str = "cost nothing: the values are declared by the policy or come from \
     public tables, and are shown whether the data have them or not";

/// The public values of all keys of a leaf as a FROM clause under its alias; one row if there are
/// no keys. Nothing where they are found in the data, or depend on more than one public table.
pub(crate) fn public_keys(
    leaf: &Leaf,
    alias: &str,
) -> Option<Result<Vec<TableWithJoins>, Refusal>> {
    if leaf.keys.is_empty() {
        return Some(from(&format!("SELECT 1 FROM (SELECT 1 AS one) AS {alias}")));
    }
    let mut sources = Vec::new();
    let mut columns = Vec::new();
    let mut of_rows: Vec<(usize, &Key)> = Vec::new();
    for (at, key) in leaf.keys.iter().enumerate() {
        let (name, ty) = (format!("k{}", at.saturating_add(1)), key.expr.ty.name());
        let source = match &key.domain {
            Domain::Found => return None,
            Domain::PublicRows => {
                of_rows.push((at, key));
                columns.push(format!("rows.{name}"));
                continue;
            }
            Domain::Declared(values) => {
                let values: Vec<String> = values
                    .iter()
                    .map(|value| value.as_deref().map_or("NULL".to_owned(), literal))
                    .map(|value| format!("({value}::text)"))
                    .collect();
                // Values that are written apart can be equal.
                format!(
                    "SELECT DISTINCT (v.k)::{ty} AS {name} FROM (VALUES {}) AS v(k)",
                    values.join(", ")
                )
            }
            Domain::PublicColumn(schema, table, column) => format!(
                "SELECT DISTINCT (v.{column})::{ty} AS {name} FROM {} AS v \
                 WHERE v.{column} IS NOT NULL",
                qualified(schema, table),
                column = ident(column)
            ),
        };
        sources.push(format!("({source}) AS d{at}"));
        columns.push(format!("d{at}.{name}"));
    }
    if !of_rows.is_empty() {
        sources.push(format!("({}) AS rows", rows_of_one_table(leaf, &of_rows)?));
    }
    Some(from(&format!(
        "SELECT 1 FROM (SELECT {} FROM {}) AS {alias}",
        columns.join(", "),
        sources.join(" CROSS JOIN ")
    )))
}

/// The values of columns of one public table that no condition restricts on its own.
fn rows_of_one_table(leaf: &Leaf, keys: &[(usize, &Key)]) -> Option<String> {
    let mut columns = Vec::new();
    let mut scans = Vec::new();
    for (at, key) in keys {
        let column = key.expr.as_column()?;
        scans.push(column.scan);
        columns.push(format!("v.{} AS k{}", ident(&column.name), at.saturating_add(1)));
    }
    scans.dedup();
    let [scan] = scans.as_slice() else { return None };
    let public =
        |scan: &usize| leaf.scans.get(*scan).is_some_and(|scan| scan.exposure == Exposure::Public);
    let (present, conditions) = always_holds(leaf);
    let restricted = conditions.into_iter().any(|condition| {
        let read = condition.scans();
        read.contains(scan) && read.iter().all(public)
    });
    if restricted || !present.contains(scan) {
        return None;
    }
    let (schema, table) = leaf.scans.get(*scan)?.table()?;
    let table = qualified(schema, table);
    Some(format!("SELECT DISTINCT {} FROM {table} AS v", columns.join(", ")))
}

fn from(text: &str) -> Result<Vec<TableWithJoins>, Refusal> {
    match *parse::query(text)?.body {
        SetExpr::Select(select) => Ok(select.from),
        _ => Err(unsupported("this query", None)),
    }
}

impl Rewriter<'_> {
    /// What stands in the place of `min(x)` or `max(x)`: the bound that the policy declares.
    pub(super) fn extreme(&mut self, name: &str, arguments: &[&Ast]) -> Result<Ast, Refusal> {
        let [argument] = arguments else { return Err(extreme_refused(name)) };
        let value = lower(argument, self.scope)?;
        let Node::Column(column) = &value.node else { return Err(extreme_refused(name)) };
        let shown = |info: &&ColumnInfo| self.is_whole() && info.declared && !info.direct;
        let info = self.info(column).filter(shown);
        let Some((low, high)) = info.and_then(|info| info.bounds.clone()) else {
            return Err(extreme_refused(name));
        };
        let bound = if name == "min" { &low } else { &high };
        let sql = of_type(bound, &value.ty).ok_or_else(|| extreme_refused(name))?;
        let note = format!(
            "min and max of {} are the bounds that the policy declares, not values of rows",
            column.name
        );
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
        parse::expression(&sql)
    }

    fn info(&self, column: &Column) -> Option<&ColumnInfo> {
        let scan = self.scans.get(column.scan)?;
        let snapshot: &Snapshot = self.snapshot;
        let (schema, table) = scan.table()?;
        snapshot.relation(schema, table).filter(|one| one.is_private())?.column(&column.name)
    }
}

/// A declared bound as SQL of the column's type; nothing if it is none of that type.
fn of_type(bound: &str, ty: &Type) -> Option<String> {
    // Dates are written with the year first, numbers have their sign at most there.
    let moment =
        bound.get(1..).is_some_and(|rest| rest.contains('-')) && !bound.contains(['e', 'E']);
    match ty {
        Type::Date | Type::Timestamp | Type::TimestampTz if moment => {
            Some(format!("({})::{}", literal(bound), ty.name()))
        }
        Type::Int(size) if !moment => {
            let whole = parse_decimal(bound)?.floor();
            let bits = u32::from(*size).checked_mul(8)?.checked_sub(1)?;
            let most = noisegate_privacy::IBig::from(1_u8) << usize::try_from(bits).ok()?;
            (-most.clone() <= whole && whole < most)
                .then(|| format!("({})::{}", literal(&whole.to_string()), ty.name()))
        }
        Type::Numeric(Some((_, scale))) if !moment => {
            parse_decimal(bound)?;
            Some(format!("round(({})::numeric, {scale})", literal(bound)))
        }
        Type::Numeric(None) | Type::Float(_) if !moment => {
            parse_decimal(bound)?;
            Some(format!("({})::{}", literal(bound), ty.name()))
        }
        _ => None,
    }
}
