//! A subquery over people that is asked anew for each row of a public table, `(SELECT avg(quantity)
//! FROM lines WHERE part = p.part)`, as one question for all: the groups of its own rows by what it
//! compares, and the row around looks its group up. The groups are a leaf like any other.
//!
//! One that follows rows of people is left as it is: it may compute things of the same person
//! (see `subqueries`).

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use noisegate_privacy::expr::Type;
use sqlparser::ast::{
    BinaryOperator, Expr as Ast, Query, Select, SelectItem, SetExpr, TableFactor, TableWithJoins,
    Visit, VisitMut, Visitor, VisitorMut,
};

use super::aggregate_list::{has_aggregate, is_aggregate};
use super::derive::is_ungrouped;
use super::leaves::{has_window, name_parts};
use super::lower::{function_name, strip};
use super::parse;
use super::scope::folded;
use crate::catalog::snapshot::{Relation, Snapshot, type_of_name};

/// The alias of the groups.
pub(super) const GROUPS: &str = "noisegate_groups";

/// Rewrites all of them in a query.
pub(super) fn decorrelate(query: &mut Query, snapshot: &Snapshot) {
    // A name of the client's must not be taken for that of the groups.
    if query.to_string().contains(GROUPS) {
        return;
    }
    let mut rewriter = Rewriter { snapshot, around: Vec::new() };
    let ControlFlow::Continue(()) = VisitMut::visit(query, &mut rewriter);
}

struct Rewriter<'a> {
    snapshot: &'a Snapshot,
    /// The names of the rows of the queries around, and whether they are public.
    around: Vec<BTreeMap<String, bool>>,
}

impl VisitorMut for Rewriter<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        let names = match query.body.as_ref() {
            SetExpr::Select(select) => self.names(select),
            _ => BTreeMap::new(),
        };
        self.around.push(names);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Self::Break> {
        self.around.pop();
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Ast) -> ControlFlow<Self::Break> {
        if let Ast::Subquery(query) = expr
            && let Some(rewritten) = self.rewritten(query)
        {
            *expr = rewritten;
        }
        ControlFlow::Continue(())
    }
}

impl Rewriter<'_> {
    /// The names of what a block reads, with whether it is a public table.
    fn names(&self, select: &Select) -> BTreeMap<String, bool> {
        let mut names = BTreeMap::new();
        select.from.iter().for_each(|item| self.item(item, &mut names));
        names
    }

    fn item(&self, item: &TableWithJoins, names: &mut BTreeMap<String, bool>) {
        self.factor(&item.relation, names);
        item.joins.iter().for_each(|join| self.factor(&join.relation, names));
    }

    fn factor(&self, factor: &TableFactor, names: &mut BTreeMap<String, bool>) {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let parts = name_parts(name);
                let relation = match parts.as_slice() {
                    [schema, table] => self.snapshot.relation(schema, table),
                    _ => None,
                };
                let shown = alias.as_ref().map(|alias| folded(&alias.name));
                if let Some(name) = shown.or_else(|| parts.last().cloned()) {
                    names.insert(name, relation.is_some_and(|one| !one.is_private()));
                }
            }
            TableFactor::Derived { alias: Some(alias), .. } => {
                names.insert(folded(&alias.name), false);
            }
            TableFactor::NestedJoin { table_with_joins, .. } => self.item(table_with_joins, names),
            _ => {}
        }
    }

    /// Whether a name means a public table of a query around.
    fn is_public(&self, name: &str) -> bool {
        self.around.iter().rev().find_map(|names| names.get(name)).copied().unwrap_or(false)
    }

    /// What stands for a subquery; nothing if it is none of these.
    fn rewritten(&self, query: &Query) -> Option<Ast> {
        let SetExpr::Select(select) = query.body.as_ref() else { return None };
        let [SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. }] =
            select.projection.as_slice()
        else {
            return None;
        };
        let plain = query.with.is_none()
            && query.order_by.is_none()
            && query.limit_clause.is_none()
            && query.fetch.is_none()
            && is_ungrouped(&select.group_by)
            && select.distinct.is_none()
            && select.having.is_none()
            && !has_window(select);
        if !plain || !has_aggregate(value) || !self.reads_people(select) {
            return None;
        }
        let own = self.names(select);
        let (mut keys, mut around, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for condition in conjuncts(select.selection.as_ref()?) {
            match self.sides(condition, &own) {
                Some((key, other)) => {
                    keys.push(key);
                    around.push(other);
                }
                None => rest.push(condition),
            }
        }
        let alone = |expr: &Ast| free(expr).iter().all(|name| own.contains_key(name));
        let left_alone = rest.iter().all(|one| alone(one)) && alone(value);
        if keys.is_empty() || !left_alone {
            return None;
        }
        let over_no_rows = over_no_rows(value)?;
        let lookup = lookup(select, value, &keys, &around, &rest);
        let text = match over_no_rows {
            None => lookup,
            Some(value) => format!("COALESCE({lookup}, {value})"),
        };
        parse::expression(&text).ok()
    }

    fn reads_people(&self, select: &Select) -> bool {
        struct Find<'a>(&'a Snapshot);
        impl Visitor for Find<'_> {
            type Break = ();
            fn pre_visit_relation(&mut self, name: &sqlparser::ast::ObjectName) -> ControlFlow<()> {
                match name_parts(name).as_slice() {
                    [schema, table]
                        if self.0.relation(schema, table).is_some_and(Relation::is_private) =>
                    {
                        ControlFlow::Break(())
                    }
                    _ => ControlFlow::Continue(()),
                }
            }
        }
        select.from.visit(&mut Find(self.snapshot)).is_break()
    }

    /// What of the own rows is equal to what of public rows around.
    fn sides<'a>(
        &self,
        condition: &'a Ast,
        own: &BTreeMap<String, bool>,
    ) -> Option<(&'a Ast, &'a Ast)> {
        let Ast::BinaryOp { left, op: BinaryOperator::Eq, right } = strip(condition) else {
            return None;
        };
        let is_own = |expr: &Ast| {
            let names = free(expr);
            !names.is_empty() && names.iter().all(|name| own.contains_key(name))
        };
        let is_around = |expr: &Ast| {
            let names = free(expr);
            !names.is_empty()
                && names.iter().all(|name| !own.contains_key(name) && self.is_public(name))
        };
        match (left.as_ref(), right.as_ref()) {
            (key, other) | (other, key) if is_own(key) && is_around(other) => Some((key, other)),
            _ => None,
        }
    }
}

/// The subquery that looks the value of the group of the row around up. There is one group at most,
/// so its greatest value is its value.
fn lookup(select: &Select, value: &Ast, keys: &[&Ast], around: &[&Ast], rest: &[&Ast]) -> String {
    let numbered = |all: &[&Ast], text: &dyn Fn(usize, &Ast) -> String, between: &str| {
        let parts: Vec<String> =
            all.iter().enumerate().map(|(at, one)| text(at.saturating_add(1), one)).collect();
        parts.join(between)
    };
    let key = numbered(keys, &|at, key| format!("{key} AS k{at}"), ", ");
    let by = numbered(keys, &|_, key| key.to_string(), ", ");
    let on = numbered(around, &|at, one| format!("{GROUPS}.k{at} = ({one})"), " AND ");
    let filter = match rest {
        [] => String::new(),
        rest => format!(" WHERE {}", numbered(rest, &|_, one| format!("({one})"), " AND ")),
    };
    let from: Vec<String> = select.from.iter().map(ToString::to_string).collect();
    format!(
        "(SELECT max({GROUPS}.a) AS max FROM (SELECT {key}, {value} AS a FROM {}{filter} GROUP BY \
         {by}) {GROUPS} WHERE {on})",
        from.join(", ")
    )
}

/// What an expression over aggregates is over no rows, where counts are zero and all else is NULL:
/// with counts alone its text, with none nothing, since arithmetic with NULL is NULL. None if
/// neither is so.
#[expect(clippy::option_option, reason = "whether it is known, and what it is")]
fn over_no_rows(value: &Ast) -> Option<Option<String>> {
    #[derive(Default)]
    struct Zeros {
        counts: usize,
        others: usize,
        /// How many aggregates are around.
        inside: usize,
    }
    impl VisitorMut for Zeros {
        type Break = ();
        fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
        fn pre_visit_expr(&mut self, expr: &mut Ast) -> ControlFlow<()> {
            if matches!(expr, Ast::Function(function) if is_aggregate(function)) {
                self.inside = self.inside.saturating_add(1);
            }
            ControlFlow::Continue(())
        }
        fn post_visit_expr(&mut self, expr: &mut Ast) -> ControlFlow<()> {
            match expr {
                Ast::Function(function) if is_aggregate(function) => {
                    self.inside = self.inside.saturating_sub(1);
                    if function_name(function) == "count" {
                        self.counts = self.counts.saturating_add(1);
                        match parse::expression("(0)::bigint") {
                            Ok(zero) => *expr = zero,
                            Err(_) => return ControlFlow::Break(()),
                        }
                    } else {
                        self.others = self.others.saturating_add(1);
                    }
                }
                _ if self.inside > 0 => {}
                // NULL if one side is, whatever the other.
                Ast::Nested(_) | Ast::Value(_) | Ast::TypedString { .. } => {}
                // What is looked up has to have a greatest value.
                Ast::Cast { data_type, .. }
                    if matches!(
                        type_of_name(&data_type.to_string()),
                        Type::Int(_) | Type::Numeric(_) | Type::Float(_) | Type::Text(_)
                    ) => {}
                Ast::BinaryOp { op, .. } if is_arithmetic(op) => {}
                Ast::Function(function) if STRICT.contains(&function_name(function).as_str()) => {}
                _ => return ControlFlow::Break(()),
            }
            ControlFlow::Continue(())
        }
    }
    let mut zeros = Zeros::default();
    let mut text = value.clone();
    if VisitMut::visit(&mut text, &mut zeros).is_break() {
        return None;
    }
    match (zeros.counts, zeros.others) {
        (0, _) => Some(None),
        (_, 0) => Some(Some(text.to_string())),
        _ => None,
    }
}

/// Functions around aggregates that are NULL of NULL.
const STRICT: &[&str] = &["abs", "ceil", "ceiling", "floor", "round", "trunc"];

fn is_arithmetic(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
    )
}

/// What all have to hold.
fn conjuncts(expr: &Ast) -> Vec<&Ast> {
    let mut found = Vec::new();
    let mut left = vec![expr];
    while let Some(one) = left.pop() {
        match strip(one) {
            Ast::BinaryOp { left: a, op: BinaryOperator::And, right: b } => {
                left.push(b);
                left.push(a);
            }
            other => found.push(other),
        }
    }
    found
}

/// Whether a query reads no column of a query around it. Canonical queries name the rows of each
/// column below the outermost.
pub(super) fn is_closed(query: &Query) -> bool {
    free(query).iter().all(String::is_empty)
}

/// The names of rows that columns are read from and that are not rows of its own; empty names for
/// columns without.
fn free(node: &impl Visit) -> Vec<String> {
    #[derive(Default)]
    struct Names {
        read: Vec<String>,
        own: Vec<String>,
    }
    impl Visitor for Names {
        type Break = std::convert::Infallible;
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Self::Break> {
            match factor {
                TableFactor::Table { alias: Some(alias), .. }
                | TableFactor::Function { alias: Some(alias), .. }
                | TableFactor::UNNEST { alias: Some(alias), .. }
                | TableFactor::Derived { alias: Some(alias), .. }
                | TableFactor::NestedJoin { alias: Some(alias), .. } => {
                    self.own.push(folded(&alias.name));
                }
                TableFactor::Table { name, .. } => self.own.extend(name_parts(name).pop()),
                _ => {}
            }
            ControlFlow::Continue(())
        }
        fn pre_visit_expr(&mut self, expr: &Ast) -> ControlFlow<Self::Break> {
            match expr {
                Ast::CompoundIdentifier(parts) => self.read.extend(parts.first().map(folded)),
                Ast::Identifier(_) => self.read.push(String::new()),
                _ => {}
            }
            ControlFlow::Continue(())
        }
    }
    let mut names = Names::default();
    let ControlFlow::Continue(()) = node.visit(&mut names);
    let Names { mut read, own } = names;
    read.retain(|name| !own.contains(name));
    read
}
