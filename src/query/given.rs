//! What a leaf is given: values that are public before its rows are read.
//!
//! A subquery of a leaf that is a leaf itself (`WHERE total > (SELECT avg(total) FROM orders)`), or
//! reads public tables alone, is taken out of it. The shadow computes it from what was released
//! before, and the leaf reads its value as a parameter, or its rows as a public table of arrays.
//! PostgreSQL says of what types they are, so a query is bound once more when they are known.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use noisegate_privacy::expr::Type;
use sqlparser::ast::{Expr as Ast, Query, Select, SetExpr, TableFactor, VisitMut, VisitorMut};

use super::aggregate_list::is_aggregate;
use super::decorrelate::is_closed;
use super::leaves::{Binder, Kind};
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
        let mut query = query.clone();
        let kind = self.query(&mut query);
        let wanted = match kind {
            Ok(Kind::Released) => true,
            // The source computes it, unless it is more than joins, filters and groups.
            Ok(Kind::Public) => scalar || query.limit_clause.is_some(),
            Err(_) | Ok(Kind::Rows) => false,
        };
        if !wanted || self.virtuals_since(&mark) {
            self.reset(mark);
            return Ok(None);
        }
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
        match expr {
            Ast::Subquery(query) => {
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
            Ast::AnyOp { right, .. } | Ast::AllOp { right, .. } => {
                if let Ast::Subquery(subquery) = right.as_mut() {
                    self.rows(subquery)?;
                }
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
                let Some(query) = self.binder.released_cte(name) else { return Ok(()) };
                let (name, query) = query;
                let Some(number) = self.binder.given(&query, false)? else { return Ok(()) };
                let Some(given) = self.binder.given.get(number) else { return Ok(()) };
                let alias = alias.as_ref().map_or(name, |alias| folded(&alias.name));
                let text = format!(
                    "SELECT 1 FROM ({}) AS \"{}\"",
                    rows_of(number, &given.columns),
                    alias.replace('"', "\"\"")
                );
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
