//! What a leaf is given: values that are public before its rows are read.
//!
//! A subquery of a leaf that is a leaf itself (`WHERE total > (SELECT avg(total) FROM orders)`), or
//! reads public tables alone, is taken out of it. The shadow computes it from what was released
//! before, and the leaf reads its value as a parameter, or its rows as a public table of arrays.
//! PostgreSQL says of what types they are, so a query is bound once more when they are known.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use noisegate_privacy::expr::Type;
use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    BinaryOperator, Cte, Expr as Ast, Query, Select, SetExpr, SetOperator, SetQuantifier,
    TableFactor, VisitMut, VisitorMut, With, visit_relations,
};

use super::aggregate_list::is_aggregate;
use super::decorrelate::is_closed;
use super::leaves::{Binder, Kind, name_parts};
use super::lower::strip;
use super::refusals::any_or_all_rows;
use super::scope::folded;
use super::{parse, splice};
use crate::error::Refusal;

/// What is taken out of a leaf and computed on the shadow.
#[derive(Clone, Debug)]
pub struct Given {
    /// The index of the leaf that reads it.
    pub leaf: usize,
    /// The number of its first parameter on the source, where the client's come before.
    pub parameter: usize,
    /// The query, over the arrays of earlier leaves.
    pub text: String,
    /// Whether it is one value, not a table.
    pub scalar: bool,
    /// The names and types of its columns.
    pub columns: Vec<(String, Type)>,
}

/// The columns of queries, by their text, as PostgreSQL describes them.
pub type Described = BTreeMap<String, Vec<(String, Type)>>;

/// The name of a given table in a leaf, before its number.
const TABLE: &str = "noisegate_given_";

/// The given table of this name.
pub(crate) fn by_name<'a>(name: &str, given: &'a [Given]) -> Option<&'a Given> {
    let number: usize = name.strip_prefix(TABLE)?.parse().ok()?;
    given.get(number).filter(|given| !given.scalar)
}

impl Binder<'_> {
    /// Takes out of a block what its leaf is to be given.
    pub(super) fn give(&mut self, select: &mut Select) -> Result<(), Refusal> {
        let mut giving = Giving { binder: self, aggregates: 0, below: true };
        let mut flow = VisitMut::visit(&mut select.from, &mut giving);
        if flow.is_continue() {
            flow = VisitMut::visit(&mut select.selection, &mut giving);
        }
        // Above the leaf subqueries stay where they are, but for those inside its aggregates.
        giving.below = false;
        if flow.is_continue() {
            flow = VisitMut::visit(&mut select.projection, &mut giving);
        }
        if flow.is_continue() {
            flow = VisitMut::visit(&mut select.having, &mut giving);
        }
        match flow {
            ControlFlow::Break(refusal) => Err(refusal),
            ControlFlow::Continue(()) => Ok(()),
        }
    }

    /// The number of what a subquery gives; nothing if it is rows of people, or cannot be answered
    /// alone.
    fn given(&mut self, query: &Query, scalar: bool) -> Result<Option<usize>, Refusal> {
        // What follows the row around it has to be computed for each.
        if !is_closed(query) {
            return Ok(None);
        }
        let mark = self.mark();
        // Alone it has none of the WITH queries around it, so it takes along what it reads of them.
        let Some(mut query) = alone(query, &self.ctes) else { return Ok(None) };
        let around = std::mem::take(&mut self.ctes);
        let kind = self.query(&mut query);
        self.ctes = around;
        let wanted = match kind {
            Ok(Kind::Released) => true,
            // The source computes it, unless it is more than joins, filters and groups.
            Ok(Kind::Public) => {
                scalar || query.limit_clause.is_some() || !is_plain(query.body.as_ref())
            }
            Err(_) | Ok(Kind::Rows) => false,
        };
        if !wanted || self.virtuals_since(&mark) {
            self.reset(mark);
            return Ok(None);
        }
        // Rows of people would be none there.
        self.nothing_private_left(&query)?;
        let text = splice::text(query, &[])?;
        let Some(columns) = self.described.get(&text).cloned() else {
            self.unknown.push(text);
            self.reset(mark);
            return Ok(None);
        };
        let parameter = self.next_on_source(columns.len());
        let leaf = usize::MAX;
        self.given.push(Given { leaf, parameter, text, scalar, columns });
        Ok(Some(self.given.len().saturating_sub(1)))
    }
}

/// The common table expressions that a query reads, directly or through others, each after those
/// that it reads itself; nothing if one reads itself.
fn ctes_read(
    query: &Query,
    ctes: &BTreeMap<String, (Kind, Query)>,
    around: &mut Vec<String>,
    found: &mut Vec<Cte>,
) -> Option<()> {
    let mut read = Vec::new();
    let _ = visit_relations(query, |name| {
        read.extend(name_parts(name).pop().filter(|_| name.0.len() == 1));
        ControlFlow::<()>::Continue(())
    });
    for name in read {
        let Some((_, written)) = ctes.get(&name) else { continue };
        if around.contains(&name) {
            return None;
        }
        if found.iter().any(|cte| folded(&cte.alias.name) == name) {
            continue;
        }
        around.push(name.clone());
        ctes_read(written, ctes, around, found)?;
        around.pop();
        let text = format!("WITH \"{}\" AS ({written}) SELECT 1", name.replace('"', "\"\""));
        found.append(&mut parse::query(&text).ok()?.with?.cte_tables);
    }
    Some(())
}

/// A query that stands alone: with the common table expressions around it that it reads.
fn alone(query: &Query, ctes: &BTreeMap<String, (Kind, Query)>) -> Option<Query> {
    let mut read = Vec::new();
    ctes_read(query, ctes, &mut Vec::new(), &mut read)?;
    let mut query = query.clone();
    if !read.is_empty() {
        let own = query.with.take();
        if own.as_ref().is_some_and(|own| own.recursive) {
            return None;
        }
        read.extend(own.into_iter().flat_map(|own| own.cte_tables));
        let (with_token, recursive) = (AttachedToken::empty(), false);
        query.with = Some(With { with_token, recursive, cte_tables: read });
    }
    Some(query)
}

/// Whether the source reads such rows itself: blocks, also one after the other.
fn is_plain(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(_) => true,
        SetExpr::Query(query) => query.limit_clause.is_none() && is_plain(&query.body),
        SetExpr::SetOperation { op: SetOperator::Union, set_quantifier, left, right } => {
            *set_quantifier == SetQuantifier::All && is_plain(left) && is_plain(right)
        }
        _ => false,
    }
}

/// Whether it is the rows of a given table, put there before.
fn is_given(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    let [item] = select.from.as_slice() else { return false };
    let TableFactor::Table { name, .. } = &item.relation else { return false };
    name_parts(name).last().is_some_and(|name| name.starts_with(TABLE))
}

/// The rows of a given table, under the names that it had.
fn rows_of(number: usize, columns: &[(String, Type)]) -> String {
    let columns: Vec<String> = (columns.iter().enumerate())
        .map(|(at, (name, _))| {
            format!("g.c{} AS \"{}\"", at.saturating_add(1), name.replace('"', "\"\""))
        })
        .collect();
    format!("SELECT {} FROM {TABLE}{number} AS g", columns.join(", "))
}

struct Giving<'a, 'b> {
    binder: &'a mut Binder<'b>,
    /// How many aggregates are around.
    aggregates: u32,
    /// Whether all of it is below the leaf.
    below: bool,
}

impl Giving<'_, '_> {
    fn expression(&mut self, expr: &mut Ast) -> Result<(), Refusal> {
        if let Some(member) = membership(expr)? {
            *expr = member;
        }
        match expr {
            Ast::Subquery(query) if !is_given(query) => {
                if let Some(number) = self.binder.given(query, true)?
                    && let Some(given) = self.binder.given.get(number)
                    && let [(_, ty)] = given.columns.as_slice()
                {
                    let text = format!("noisegate.param({}, NULL::{})", given.parameter, ty.name());
                    *expr = parse::expression(&text)?;
                }
            }
            Ast::InSubquery { subquery, .. } | Ast::Exists { subquery, .. } => {
                self.rows(subquery)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn rows(&mut self, query: &mut Box<Query>) -> Result<(), Refusal> {
        if let Some(number) = self.binder.given(query, false)?
            && let Some(given) = self.binder.given.get(number)
        {
            **query = parse::query(&rows_of(number, &given.columns))?;
        }
        Ok(())
    }

    fn factor(&mut self, factor: &mut TableFactor) -> Result<(), Refusal> {
        match factor {
            TableFactor::Derived { subquery, .. } => self.rows(subquery),
            TableFactor::Table { name, alias, args: None, .. } => {
                let Some((name, kind, query)) = self.binder.written_cte(name) else {
                    return Ok(());
                };
                let rows = if kind == Kind::Rows {
                    // What its rows are compared with is given where it is used.
                    query.to_string()
                } else {
                    let Some(number) = self.binder.given(&query, false)? else { return Ok(()) };
                    let Some(given) = self.binder.given.get(number) else { return Ok(()) };
                    rows_of(number, &given.columns)
                };
                let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
                let mut written = quoted(&alias.as_ref().map_or(name, |a| folded(&a.name)));
                let columns = alias.iter().flat_map(|alias| &alias.columns);
                let columns: Vec<String> =
                    columns.map(|column| quoted(&folded(&column.name))).collect();
                if !columns.is_empty() {
                    written.push_str(&format!("({})", columns.join(", ")));
                }
                let text = format!("SELECT 1 FROM ({rows}) AS {written}");
                if let SetExpr::Select(select) = *parse::query(&text)?.body
                    && let Some(item) = select.from.into_iter().next()
                {
                    *factor = item.relation;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// `= ANY` and `<> ALL` over the rows of a subquery, as IN and NOT IN; others are refused.
fn membership(expr: &Ast) -> Result<Option<Ast>, Refusal> {
    let (Ast::AnyOp { left, compare_op, right, .. } | Ast::AllOp { left, compare_op, right }) =
        expr
    else {
        return Ok(None);
    };
    let Ast::Subquery(subquery) = strip(right) else { return Ok(None) };
    let negated = match (expr, compare_op) {
        (Ast::AnyOp { .. }, BinaryOperator::Eq) => false,
        (Ast::AllOp { .. }, BinaryOperator::NotEq) => true,
        _ => return Err(any_or_all_rows()),
    };
    let (expr, subquery) = (left.clone(), subquery.clone());
    Ok(Some(Ast::InSubquery { expr, subquery, negated }))
}

impl VisitorMut for Giving<'_, '_> {
    type Break = Refusal;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Refusal> {
        if !self.below && self.aggregates == 0 {
            return ControlFlow::Continue(());
        }
        flow(self.factor(factor))
    }

    fn pre_visit_expr(&mut self, expr: &mut Ast) -> ControlFlow<Refusal> {
        if matches!(expr, Ast::Function(function) if is_aggregate(function)) {
            self.aggregates = self.aggregates.saturating_add(1);
        }
        if !self.below && self.aggregates == 0 {
            return ControlFlow::Continue(());
        }
        flow(self.expression(expr))
    }

    fn post_visit_expr(&mut self, expr: &mut Ast) -> ControlFlow<Refusal> {
        if matches!(expr, Ast::Function(function) if is_aggregate(function)) {
            self.aggregates = self.aggregates.saturating_sub(1);
        }
        ControlFlow::Continue(())
    }
}

fn flow(result: Result<(), Refusal>) -> ControlFlow<Refusal> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(refusal) => ControlFlow::Break(refusal),
    }
}
