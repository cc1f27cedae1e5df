//! Columns for the intervals of noisy columns, beside them in the outermost block.
//!
//! Each end of an interval is the column's own expression over other arrays: an end of a count is
//! that count a half-width lower or higher, an end of an average is the quotient of a corner. So
//! the ends have the column's type, its rounding and its clamping. This is done to a query whose
//! leaves are cut out already; what is asked of the source, and what it costs, is the same.
//!
//! A column has an interval if it is a count, a sum or an average, also cast to a type of numbers,
//! rounded, or with a constant added or multiplied, also passed up from a subquery or a common table expression as it is. Of anything
//! else that is made of noisy numbers nothing is said but that.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator as Op, Cte, Expr as Ast, FunctionArg, FunctionArgExpr, FunctionArguments, Ident,
    Query, Select, SelectItem, SetExpr, TableFactor, TableWithJoins, Visit, VisitMut, Visitor,
};

use super::blocks::{
    Rename, Widen, cte, first_argument, item, item_mut, leaf_column, leftmost, output, position,
    projected, rounds, transparent,
};
use super::estimate::Derived;
use super::leaves::{Bound, BoundLeaf};
use super::lower::strip;
use super::parse;
use super::scope::folded;
use crate::catalog::snapshot::type_of_name;
use crate::error::Refusal;

/// The longest name that PostgreSQL keeps.
const NAME_BYTES_MAX: usize = 63;

/// What an interval is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A noisy column, by its index in the leaf's columns; one array for each end.
    Value(usize),
    /// An average, by its index; for each end the sum's array and the count's.
    Average(usize),
}

/// The arrays of one interval.
#[derive(Clone, Debug)]
pub struct Interval {
    /// The leaf.
    pub leaf: usize,
    /// What of it.
    pub of: Of,
    /// The number of the first array parameter.
    pub first_parameter: usize,
}

/// What was added to a query.
#[derive(Clone, Debug, Default)]
pub struct Intervals {
    /// The arrays that it takes besides those of the leaves.
    pub arrays: Vec<Interval>,
    /// Columns made of noisy numbers that have no interval.
    pub without: Vec<String>,
}

/// Adds `<column>_low` and `<column>_high` to the query and to the names of its columns.
/// Parameters of the client are `$1` to `$parameters`.
pub fn add(
    bound: &mut Bound,
    names: &mut Vec<String>,
    parameters: usize,
) -> Result<Intervals, Refusal> {
    let mut first = bound
        .leaves
        .iter()
        .fold(parameters.saturating_add(1), |sum, leaf| sum.saturating_add(leaf.columns.width()));
    for (table, _) in &bound.virtuals {
        first = first.saturating_add(table.columns().len());
    }
    let mut adder = Adder { leaves: &bound.leaves, arrays: Vec::new(), first, hidden: 0 };
    let without = adder.outermost(&mut bound.query, names);
    let arrays = adder.arrays;
    let mut sources = Vec::new();
    for (number, leaf) in bound.leaves.iter().enumerate() {
        let extra: Vec<(usize, String)> = arrays
            .iter()
            .enumerate()
            .filter(|(_, interval)| interval.leaf == number)
            .flat_map(|(at, interval)| {
                (0..interval.of.width())
                    .map(move |end| (interval.first_parameter.saturating_add(end), name(at, end)))
            })
            .collect();
        let plain = leaf.columns.unnested(&[])?.pop().map(|item| item.relation.to_string());
        let wide = leaf.columns.unnested(&extra)?.pop().map(|item| item.relation);
        sources.extend(plain.zip(wide));
    }
    let _ = VisitMut::visit(&mut bound.query, &mut Widen(&sources));
    Ok(Intervals { arrays, without })
}

impl Of {
    /// How many arrays it takes: those of the low end, then as many of the high one.
    pub fn width(self) -> usize {
        match self {
            Self::Value(_) => 2,
            Self::Average(_) => 4,
        }
    }
}

/// The column of a leaf that holds one array of an interval.
fn name(interval: usize, array: usize) -> String {
    format!("i{}_{}", interval.saturating_add(1), array.saturating_add(1))
}

/// Both ends of an interval, as expressions.
type Ends = (Ast, Ast);

fn binary(left: Ast, op: &Op, right: Ast) -> Ast {
    let nested = |side: Ast| Box::new(Ast::Nested(Box::new(side)));
    Ast::BinaryOp { left: nested(left), op: op.clone(), right: nested(right) }
}

/// Whether it is a number that is written out.
fn is_constant(expr: &Ast) -> bool {
    match strip(expr) {
        Ast::Value(_) => true,
        Ast::Cast { expr, .. } | Ast::UnaryOp { expr, .. } => is_constant(expr),
        _ => false,
    }
}

struct Adder<'a> {
    leaves: &'a [BoundLeaf],
    arrays: Vec<Interval>,
    /// The number of the next array parameter.
    first: usize,
    /// Columns added to subqueries so far.
    hidden: usize,
}

impl Adder<'_> {
    /// Widens the outermost block; the names of noisy columns that got no interval.
    fn outermost(&mut self, query: &mut Query, names: &mut Vec<String>) -> Vec<String> {
        let mut none = Vec::new();
        let ctes = query.with.as_mut().map_or(&mut none, |with| &mut with.cte_tables);
        let select = match query.body.as_mut() {
            SetExpr::Select(select) => select,
            SetExpr::Query(inner) if ctes.is_empty() => return self.outermost(inner, names),
            body => {
                let first = leftmost(body);
                let noisy = |at: usize| {
                    let item = first.and_then(|select| select.projection.get(at));
                    item.and_then(projected).is_none_or(|expr| self.noisy(expr, first, ctes))
                };
                let named = names.iter().enumerate().filter(|(at, _)| noisy(*at));
                return named.map(|(_, name)| name.clone()).collect();
            }
        };
        let plain = transparent(select);
        let mut without = Vec::new();
        let (mut projection, mut wide) = (Vec::new(), Vec::new());
        let written = std::mem::take(&mut select.projection);
        for (item, name) in written.into_iter().zip(std::mem::take(names)) {
            let expr = projected(&item).cloned();
            let ends = expr.as_ref().filter(|_| plain);
            let ends = ends.and_then(|expr| self.ends(expr, &mut select.from, ctes));
            if ends.is_none() && expr.is_some_and(|expr| self.noisy(&expr, Some(select), ctes)) {
                without.push(name.clone());
            }
            projection.push(item);
            if let Some((low, high)) = ends {
                wide.extend([name.clone(), ended(&name, "_low"), ended(&name, "_high")]);
                projection.extend([SelectItem::UnnamedExpr(low), SelectItem::UnnamedExpr(high)]);
            } else {
                wide.push(name);
            }
        }
        select.projection = projection;
        *names = wide;
        without
    }

    /// The ends of an expression, if it is a noisy column or a plain form of one.
    fn ends(
        &mut self,
        expr: &Ast,
        from: &mut [TableWithJoins],
        ctes: &mut Vec<Cte>,
    ) -> Option<Ends> {
        if let Some(ends) = self.noisy_column(expr) {
            return Some(ends);
        }
        match strip(expr) {
            Ast::CompoundIdentifier(parts) => match parts.as_slice() {
                [alias, column] => self.passed(alias, column, from, ctes),
                _ => None,
            },
            Ast::Cast { expr: inner, data_type, .. }
                if type_of_name(&data_type.to_string()).is_number() =>
            {
                let (low, high) = self.ends(inner, from, ctes)?;
                let around = |end: Ast| {
                    let mut outer = strip(expr).clone();
                    if let Ast::Cast { expr, .. } = &mut outer {
                        **expr = end;
                    }
                    outer
                };
                Some((around(low), around(high)))
            }
            Ast::Function(function) if rounds(function) => {
                let (low, high) = self.ends(first_argument(function)?, from, ctes)?;
                let around = |end: Ast| {
                    let mut function = function.clone();
                    if let FunctionArguments::List(list) = &mut function.args
                        && let Some(first) = list.args.first_mut()
                    {
                        *first = FunctionArg::Unnamed(FunctionArgExpr::Expr(end));
                    }
                    Ast::Function(function)
                };
                Some((around(low), around(high)))
            }
            Ast::BinaryOp { left, op, right } => {
                let (left, op, right) = (left.as_ref(), op.clone(), right.as_ref());
                let (low, high) = match op {
                    Op::Plus | Op::Minus | Op::Multiply | Op::Divide if is_constant(right) => {
                        let (low, high) = self.ends(left, from, ctes)?;
                        (binary(low, &op, right.clone()), binary(high, &op, right.clone()))
                    }
                    Op::Plus | Op::Minus | Op::Multiply if is_constant(left) => {
                        let (low, high) = self.ends(right, from, ctes)?;
                        (binary(left.clone(), &op, low), binary(left.clone(), &op, high))
                    }
                    _ => return None,
                };
                // Which end is which depends on the sign of the constant.
                let of = |which: &str| parse::expression(&format!("{which}({low}, {high})")).ok();
                Some((of("LEAST")?, of("GREATEST")?))
            }
            Ast::Subquery(query) => self.scalar(query),
            _ => None,
        }
    }

    /// A count, a sum or an average of a leaf.
    fn noisy_column(&mut self, expr: &Ast) -> Option<Ends> {
        let text = strip(expr).to_string();
        let value = match strip(expr) {
            Ast::Cast { expr: inner, .. } => match strip(inner) {
                Ast::CompoundIdentifier(parts) => leaf_column(parts),
                _ => None,
            },
            _ => None,
        };
        let (leaf, of) = self.leaves.iter().enumerate().find_map(|(number, leaf)| {
            let columns = &leaf.columns;
            if let Some((alias, at)) = value
                && alias == columns.alias
            {
                let known = at < columns.values.len();
                return known.then_some((number, Of::Value(at)));
            }
            let average = |one: &Derived| one.text == text && one.average().is_some();
            let at = columns.derived.iter().position(average)?;
            Some((number, Of::Average(at)))
        })?;
        let columns = &self.leaves.get(leaf)?.columns;
        let read = match of {
            Of::Value(at) => vec![at],
            Of::Average(at) => {
                let (sum, count) = columns.derived.get(at)?.average()?;
                vec![sum, count]
            }
        };
        let interval = self.interval(leaf, of);
        let end = |shift: usize| {
            let replaced = read.iter().enumerate().map(|(array, at)| {
                let old = format!("a{}", at.saturating_add(1));
                (old, name(interval, array.saturating_add(shift)))
            });
            let mut end = expr.clone();
            let mut rename = Rename { alias: &columns.alias, columns: replaced.collect() };
            let _ = VisitMut::visit(&mut end, &mut rename);
            end
        };
        Some((end(0), end(read.len())))
    }

    /// The number of the interval, new or known.
    fn interval(&mut self, leaf: usize, of: Of) -> usize {
        let same = |one: &Interval| one.leaf == leaf && one.of == of;
        if let Some(known) = self.arrays.iter().position(same) {
            return known;
        }
        self.arrays.push(Interval { leaf, of, first_parameter: self.first });
        self.first = self.first.saturating_add(of.width());
        self.arrays.len().saturating_sub(1)
    }

    /// A column of a subquery: its ends become columns of the subquery too.
    fn passed(
        &mut self,
        alias: &Ident,
        column: &Ident,
        from: &mut [TableWithJoins],
        ctes: &mut Vec<Cte>,
    ) -> Option<Ends> {
        let factor = item_mut(from, &folded(alias))?;
        let (low, high) = match factor {
            TableFactor::Derived { subquery, alias: Some(known), .. } => {
                let position = position(known, column);
                self.append(subquery, column, position, ctes)?
            }
            factor @ TableFactor::Table { .. } => {
                let at = cte(factor, ctes)?;
                let mut inner = ctes.get(at)?.query.clone();
                let TableFactor::Table { alias: known, .. } = &*factor else { return None };
                let listed = known.as_ref().and_then(|known| position(known, column));
                let listed = listed.or_else(|| position(&ctes.get(at)?.alias, column));
                let ends = self.append(&mut inner, column, listed, ctes)?;
                ctes.get_mut(at)?.query = inner;
                ends
            }
            _ => return None,
        };
        let of = |name: String| Ast::CompoundIdentifier(vec![alias.clone(), Ident::new(name)]);
        Some((of(low), of(high)))
    }

    /// Adds the ends of a subquery's column to it, after all others, and says their names.
    fn append(
        &mut self,
        query: &mut Query,
        column: &Ident,
        position: Option<usize>,
        outer: &mut Vec<Cte>,
    ) -> Option<(String, String)> {
        let ctes = match &mut query.with {
            Some(with) => &mut with.cte_tables,
            None => outer,
        };
        let SetExpr::Select(select) = query.body.as_mut() else { return None };
        if !transparent(select) {
            return None;
        }
        let name = folded(column);
        let item = match position {
            Some(at) => select.projection.get(at)?,
            None => select.projection.iter().find(|item| output(item).as_ref() == Some(&name))?,
        };
        let expr = projected(item)?.clone();
        let (low, high) = self.ends(&expr, &mut select.from, ctes)?;
        self.hidden = self.hidden.saturating_add(1);
        let names =
            [format!("noisegate_low_{}", self.hidden), format!("noisegate_high_{}", self.hidden)];
        let [low_name, high_name] = names;
        for (expr, name) in [(low, &low_name), (high, &high_name)] {
            let alias = Ident::new(name.clone());
            select.projection.push(SelectItem::ExprWithAlias { expr, alias });
        }
        Some((low_name, high_name))
    }

    /// A subquery of one column: each end is such a subquery too.
    fn scalar(&mut self, query: &Query) -> Option<Ends> {
        let mut query = query.clone();
        let mut none = Vec::new();
        let ctes = query.with.as_mut().map_or(&mut none, |with| &mut with.cte_tables);
        let SetExpr::Select(select) = query.body.as_mut() else { return None };
        let [item] = select.projection.as_slice() else { return None };
        let expr = projected(item)?.clone();
        if !transparent(select) {
            return None;
        }
        let (low, high) = self.ends(&expr, &mut select.from, ctes)?;
        let with = |end: Ast| {
            let mut query = query.clone();
            if let SetExpr::Select(select) = query.body.as_mut() {
                select.projection = vec![SelectItem::UnnamedExpr(end)];
            }
            Ast::Subquery(Box::new(query))
        };
        Some((with(low), with(high)))
    }

    /// Whether an expression is made of noisy numbers.
    fn noisy(&self, expr: &Ast, select: Option<&Select>, ctes: &[Cte]) -> bool {
        let mut search = Noisy { adder: self, select, ctes };
        Visit::visit(expr, &mut search).is_break()
    }
}

struct Noisy<'a> {
    adder: &'a Adder<'a>,
    select: Option<&'a Select>,
    ctes: &'a [Cte],
}

impl Visitor for Noisy<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Ast) -> ControlFlow<()> {
        let Ast::CompoundIdentifier(parts) = expr else { return ControlFlow::Continue(()) };
        let leaf = leaf_column(parts).is_some_and(|(alias, _)| {
            self.adder.leaves.iter().any(|leaf| leaf.columns.alias == alias)
        });
        if leaf {
            return ControlFlow::Break(());
        }
        let ([alias, column], Some(select)) = (parts.as_slice(), self.select) else {
            return ControlFlow::Continue(());
        };
        if let Some(factor) = item(&select.from, &folded(alias)) {
            let (query, known) = match factor {
                TableFactor::Derived { subquery, alias, .. } => (subquery, alias.as_ref()),
                _ => match cte(factor, self.ctes).and_then(|at| self.ctes.get(at)) {
                    Some(cte) => (&cte.query, Some(&cte.alias)),
                    None => return ControlFlow::Continue(()),
                },
            };
            let Some(inner) = leftmost(&query.body) else { return ControlFlow::Continue(()) };
            let listed = known.and_then(|known| position(known, column));
            let name = folded(column);
            let item = match listed {
                Some(at) => inner.projection.get(at),
                None => inner.projection.iter().find(|item| output(item).as_ref() == Some(&name)),
            };
            // What the query inside calls its own, it finds first.
            let own = query.with.as_ref().map(|with| with.cte_tables.as_slice());
            let ctes = own.unwrap_or(self.ctes);
            if item.and_then(projected).is_some_and(|e| self.adder.noisy(e, Some(inner), ctes)) {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

/// A name with an end that PostgreSQL does not cut off.
fn ended(name: &str, end: &str) -> String {
    let mut kept = name.to_owned();
    while kept.len().saturating_add(end.len()) > NAME_BYTES_MAX && kept.pop().is_some() {}
    kept + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_their_end() {
        assert_eq!(ended("n", "_low"), "n_low");
        let long = ended(&"é".repeat(40), "_high");
        assert_eq!(long, "é".repeat(29) + "_high");
        assert_eq!(ended("", "_low"), "_low");
    }
}
