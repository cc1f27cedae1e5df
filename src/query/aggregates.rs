//! The aggregates of a leaf: what is computed for each, and what stands in their place.

use std::ops::ControlFlow;

use noisegate_privacy::IBig;
use noisegate_privacy::expr::{Column, Expr, Function, Type};
use noisegate_privacy::plan::{Scan, Statistic};
use noisegate_privacy::unit::is_unit_key;
use sqlparser::ast::{
    self, DuplicateTreatment, Expr as Ast, FunctionArg, FunctionArgExpr, FunctionArguments,
    OrderByKind, Query, Select, SelectItem, Visit, VisitMut, VisitorMut,
};

use super::aggregate_list::{Aggregate, Sums, filter_text, is_one, short, signature};
use super::bounds::bounds;
use super::columns::{ValueColumn, decimal};
use super::estimate::{Derived, Estimate};
use super::keys::{self, is_nullable};
use super::lower::{arguments, function_name, lower, lower_condition, strip};
use super::parse;
use super::quantiles::{self, Column as Quantile};
use super::refusals::{no_noisy_form, unsupported};
use super::scope::{RowSource, Scope};
use crate::catalog::snapshot::Snapshot;
use crate::error::{Code, Refusal};

/// Puts columns of `leaf_n` in the place of group keys and aggregates.
pub(crate) struct Rewriter<'a> {
    pub(super) alias: String,
    pub(super) scope: &'a Scope<'a>,
    pub(super) scans: &'a [Scan],
    pub(super) snapshot: &'a Snapshot,
    pub(super) keys: Vec<String>,
    /// The query shows totals of several groups: its aggregates are sums over the leaf's groups.
    pub(super) totals: bool,
    /// Arguments (with filters) of plain SUMs: an AVG of the same shares them.
    pub(super) sums: Vec<String>,
    pub(super) statistics: Vec<Statistic>,
    pub(super) values: Vec<ValueColumn>,
    derived: Vec<Derived>,
    pub(super) quantiles: Vec<Quantile>,
    pub(super) notes: Vec<String>,
    depth: u32,
    /// How deep the expression lies that is being visited.
    nesting: u32,
    /// How deep the one lies that was just put in the place of another.
    replaced: Option<u32>,
}

/// What a leaf has to compute, and what is made of it.
pub(crate) struct Computed {
    pub(crate) statistics: Vec<Statistic>,
    pub(crate) values: Vec<ValueColumn>,
    pub(crate) derived: Vec<Derived>,
    pub(crate) quantiles: Vec<Quantile>,
    /// What the analyst is to be told besides.
    pub(crate) notes: Vec<String>,
}

impl<'a> Rewriter<'a> {
    pub(crate) fn new(
        alias: String,
        source: &'a RowSource<'a>,
        snapshot: &'a Snapshot,
        keys: &[Ast],
        totals: bool,
        select: &Select,
    ) -> Self {
        let keys = keys.iter().map(|key| strip(key).to_string()).collect();
        let mut sums = Sums(Vec::new());
        let _ = select.visit(&mut sums);
        Self {
            alias,
            scope: &source.scope,
            scans: &source.scans,
            snapshot,
            keys,
            totals,
            sums: sums.0,
            statistics: Vec::new(),
            values: Vec::new(),
            derived: Vec::new(),
            quantiles: Vec::new(),
            notes: Vec::new(),
            depth: 0,
            nesting: 0,
            replaced: None,
        }
    }

    /// Whether a group's key is known to be one of one whole: there are no groups.
    pub(super) fn is_whole(&self) -> bool {
        self.keys.is_empty() && !self.totals
    }

    /// Rewrites all that is evaluated above the leaf.
    pub(crate) fn rewrite(
        &mut self,
        select: &mut Select,
        order: Option<&mut OrderByKind>,
    ) -> Result<(), Refusal> {
        select.projection.iter_mut().for_each(keep_name);
        let mut flow = VisitMut::visit(&mut select.projection, self);
        if flow.is_continue() && self.totals {
            flow = VisitMut::visit(&mut select.group_by, self);
        }
        if flow.is_continue() {
            flow = VisitMut::visit(&mut select.having, self);
        }
        if flow.is_continue() {
            flow = VisitMut::visit(&mut select.named_window, self);
        }
        if let (true, Some(sqlparser::ast::Distinct::On(_))) =
            (flow.is_continue(), &select.distinct)
        {
            flow = VisitMut::visit(&mut select.distinct, self);
        }
        if let (true, Some(order)) = (flow.is_continue(), order) {
            flow = VisitMut::visit(order, self);
        }
        match flow {
            ControlFlow::Break(refusal) => Err(refusal),
            ControlFlow::Continue(()) => Ok(()),
        }
    }

    /// What was asked. There are no statistics if nothing but keys was. They are in an order of
    /// their own, so that the same aggregates in another order are the same question.
    pub(crate) fn finish(self) -> Computed {
        let Self { statistics, mut values, derived, mut quantiles, notes, .. } = self;
        let mut sorted: Vec<(usize, Statistic)> = statistics.into_iter().enumerate().collect();
        sorted.sort_by_cached_key(|(_, statistic)| format!("{statistic:?}"));
        let place = |before: usize| sorted.iter().position(|(at, _)| *at == before).unwrap_or(0);
        for column in &mut values {
            column.statistic = place(column.statistic);
            if let Some((count, _)) = &mut column.centre {
                *count = place(*count);
            }
        }
        for column in &mut quantiles {
            column.statistic = place(column.statistic);
        }
        let statistics = sorted.into_iter().map(|(_, statistic)| statistic).collect();
        Computed { statistics, values, derived, quantiles, notes }
    }

    fn aggregate(&mut self, function: &ast::Function, kind: Aggregate) -> Result<Ast, Refusal> {
        let name = function_name(function);
        if quantiles::is_quantile(&name) && kind == Aggregate::Other {
            return self.quantile(&name, function);
        }
        if kind == Aggregate::Other {
            return Err(no_noisy_form(&name));
        }
        let FunctionArguments::List(list) = &function.args else {
            return Err(no_noisy_form(&name));
        };
        if !list.clauses.is_empty() || !function.within_group.is_empty() {
            return Err(unsupported("ORDER BY inside an aggregate", None).near(&name));
        }
        let filter = function
            .filter
            .as_ref()
            .map(|filter| lower_condition(filter, self.scope))
            .transpose()?;
        let label = short(&function.to_string());
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        let plain = arguments(function).filter(|_| !distinct);
        match (kind, plain) {
            // What the policy declares is free; what it does not is estimated.
            (Aggregate::Extreme, Some(arguments)) if filter.is_none() => {
                return self.extreme(&name, &arguments).or_else(|_| self.quantile(&name, function));
            }
            (Aggregate::Moment, Some(arguments)) => {
                let text = filter_text(function);
                return self.moment(&name, &arguments, filter, &text, label);
            }
            // The least of distinct numbers is the least.
            (Aggregate::Extreme, _) => return self.quantile(&name, function),
            _ => {}
        }
        let argument = match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] => None,
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] => Some(expr),
            // The canonical form writes `c.count` as count(c.*).
            [FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(_))] => {
                return Err(unsupported("an aggregate of a whole row", None).near(&name));
            }
            [] if name == "count" => None,
            _ => return Err(no_noisy_form(&name)),
        };
        match (name.as_str(), argument, distinct) {
            ("count", None, false) => {
                let at =
                    self.column(Statistic::Rows { filter, present: None }, 0, None, Some(&label));
                self.cast(at, "bigint")
            }
            ("count", Some(argument), false) => {
                let statistic = self.counted(argument, filter)?;
                let at = self.column(statistic, 0, None, Some(&label));
                self.cast(at, "bigint")
            }
            ("count", Some(argument), true) => {
                let statistic = self.distinct(argument, filter)?;
                let at = self.column(statistic, 0, None, Some(&label));
                self.cast(at, "bigint")
            }
            ("sum", Some(argument), false) => self.sum(argument, filter, &label),
            ("avg", Some(argument), false) => self.average(argument, filter, function),
            _ => Err(unsupported(
                &format!("{name}(DISTINCT …)"),
                Some(
                    "Use the aggregate without DISTINCT, or count(DISTINCT …); to have each value \
                     count once, group by it and aggregate the groups in an outer query.",
                ),
            )
            .near(&name)),
        }
    }

    /// What stands in the place of an aggregate; an average notes it.
    fn noted(&mut self, function: &ast::Function, kind: Aggregate) -> Result<Ast, Refusal> {
        let before = self.derived.len();
        let replacement = self.aggregate(function, kind)?;
        if let Some(derived) = self.derived.get_mut(before) {
            derived.text = strip(&replacement).to_string();
        }
        Ok(replacement)
    }

    fn counted(&self, argument: &Ast, filter: Option<Expr>) -> Result<Statistic, Refusal> {
        let value = lower(argument, self.scope)?;
        let nullable = is_nullable(&value);
        Ok(Statistic::Rows { filter, present: nullable.then_some(value) })
    }

    /// Different values; of the person's key they are persons.
    fn distinct(&self, argument: &Ast, filter: Option<Expr>) -> Result<Statistic, Refusal> {
        let value = lower(argument, self.scope)?;
        let is_key = |column: &&Column| {
            self.scans.get(column.scan).is_some_and(|scan| is_unit_key(scan, &column.name))
        };
        let Some(column) = value.as_column().filter(is_key) else {
            let most = keys::values_max(&value, self.scans, self.scope.rows.snapshot);
            return Ok(Statistic::Distinct { filter, value, most });
        };
        if !column.nullable {
            return Ok(Statistic::Units { filter });
        }
        let present = Expr::call(Function::IsNotNull, vec![value.clone()], Type::Bool);
        let filter = match filter {
            Some(filter) => Expr::call(Function::And, vec![filter, present], Type::Bool),
            None => present,
        };
        Ok(Statistic::Units { filter: Some(filter) })
    }

    fn sum(&mut self, argument: &Ast, filter: Option<Expr>, label: &str) -> Result<Ast, Refusal> {
        let value = lower(argument, self.scope)?;
        if is_one(&value) {
            // One for each row counts the rows, and shares their count.
            let rows = Statistic::Rows { filter, present: None };
            let at = self.column(rows, 0, None, Some(label));
            return self.cast(at, "bigint");
        }
        let ty = match value.ty {
            Type::Int(2 | 4) => "bigint",
            Type::Int(_) | Type::Numeric(_) => "numeric",
            Type::Float(4) => "real",
            Type::Float(_) => "double precision",
            _ => return Err(unsupported("the sum of something that is no number", None)),
        };
        let bounds = bounds(&value, false)?;
        let scale = bounds.scale;
        let sum = Statistic::Sum { filter, value, bounds };
        let at = self.column(sum, scale, None, Some(label));
        self.cast(at, ty)
    }

    fn average(
        &mut self,
        argument: &Ast,
        filter: Option<Expr>,
        function: &ast::Function,
    ) -> Result<Ast, Refusal> {
        let value = lower(argument, self.scope)?;
        if !value.ty.is_number() {
            return Err(unsupported("the average of something that is no number", None));
        }
        let ty = if matches!(value.ty, Type::Float(_)) { "double precision" } else { "numeric" };
        let shared = self.sums.contains(&signature(argument, &filter_text(function)));
        let bounds = bounds(&value, !shared)?;
        let (low, high, scale) = (bounds.low.clone(), bounds.high.clone(), bounds.scale);
        let centre = bounds.centre.clone();
        let counted = self.counted(argument, filter.clone())?;
        let count = self.column(counted, 0, None, None);
        let counter = self.values.get(count).map_or(0, |column| column.statistic);
        let centre = (centre != IBig::ZERO).then_some((counter, centre));
        let sum = self.column(Statistic::Sum { filter, value, bounds }, scale, centre, None);
        let label = short(&function.to_string());
        self.derive(Derived {
            label,
            parts: vec![("the sum", sum), ("the count", count)],
            estimate: Estimate::Column(sum).over(Estimate::Column(count)),
            text: String::new(),
        });
        let (low, high) = (decimal(&low, scale), decimal(&high, scale));
        let (counted, count) = (self.cell(count, "bigint"), self.cell(count, ty));
        let sum = self.cell(sum, ty);
        parse::expression(&format!(
            "(CASE WHEN {counted} > 0 THEN LEAST(GREATEST({sum} / {count}, ({low})::{ty}), \
             ({high})::{ty}) END)"
        ))
    }

    /// Notes what is made of several columns, once.
    pub(super) fn derive(&mut self, derived: Derived) {
        let same = |one: &Derived| {
            (&one.label, &one.parts, &one.estimate)
                == (&derived.label, &derived.parts, &derived.estimate)
        };
        if !self.derived.iter().any(same) {
            self.derived.push(derived);
        }
    }

    /// The index of the column that shows this statistic. Without decimal places it is a whole
    /// number of 64 bits.
    pub(super) fn column(
        &mut self,
        statistic: Statistic,
        scale: u32,
        centre: Option<(usize, IBig)>,
        label: Option<&str>,
    ) -> usize {
        self.place(
            statistic,
            ValueColumn {
                statistic: 0,
                scale,
                centre,
                whole: scale == 0,
                label: label.map(str::to_owned),
            },
        )
    }

    /// The same for a column that is only computed with, and can be larger.
    pub(super) fn numeric_column(
        &mut self,
        statistic: Statistic,
        scale: u32,
        centre: Option<(usize, IBig)>,
    ) -> usize {
        let column = ValueColumn { statistic: 0, scale, centre, whole: false, label: None };
        self.place(statistic, column)
    }

    fn place(&mut self, statistic: Statistic, column: ValueColumn) -> usize {
        let at = match self.statistics.iter().position(|one| *one == statistic) {
            Some(at) => at,
            None => {
                self.statistics.push(statistic);
                self.statistics.len().saturating_sub(1)
            }
        };
        let same = |one: &ValueColumn| one.statistic == at && one.centre == column.centre;
        if let Some(found) = self.values.iter().position(same) {
            if let Some(one) = self.values.get_mut(found) {
                one.label = one.label.take().or(column.label);
                one.whole |= column.whole;
            }
            return found;
        }
        self.values.push(ValueColumn { statistic: at, ..column });
        self.values.len().saturating_sub(1)
    }

    /// A column's number as SQL: that of a group, or the sum over the groups of a total. Over no
    /// groups at all that is zero.
    pub(super) fn cell(&self, column: usize, ty: &str) -> String {
        let one = format!("{}.a{}", self.alias, column.saturating_add(1));
        match (self.totals, ty) {
            (false, _) => format!("({one})::{ty}"),
            (true, "bigint") => format!(
                "(LEAST(GREATEST(COALESCE(sum(({one})::numeric), 0), {}), {}))::bigint",
                i64::MIN,
                i64::MAX
            ),
            (true, _) => format!("(COALESCE(sum(({one})::numeric), 0))::{ty}"),
        }
    }

    fn cast(&self, column: usize, ty: &str) -> Result<Ast, Refusal> {
        parse::expression(&self.cell(column, ty))
    }
}

impl VisitorMut for Rewriter<'_> {
    type Break = Refusal;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<Refusal> {
        self.depth = self.depth.saturating_add(1);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Refusal> {
        self.depth = self.depth.saturating_sub(1);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Ast) -> ControlFlow<Refusal> {
        self.nesting = self.nesting.saturating_add(1);
        if self.replaced.is_some() {
            return ControlFlow::Continue(());
        }
        let text = strip(expr).to_string();
        let replacement = if let Some(at) = self.keys.iter().position(|key| *key == text) {
            parse::expression(&format!("{}.k{}", self.alias, at.saturating_add(1)))
        } else if self.depth > 0 {
            return ControlFlow::Continue(());
        } else if let Ast::Function(function) = &*expr
            && let Some(kind) = Aggregate::of(function)
        {
            self.noted(function, kind)
        } else {
            return Self::untouched(expr);
        };
        match replacement {
            Ok(replacement) => {
                *expr = replacement;
                self.replaced = Some(self.nesting);
                ControlFlow::Continue(())
            }
            Err(refusal) => ControlFlow::Break(refusal),
        }
    }

    fn post_visit_expr(&mut self, _: &mut Ast) -> ControlFlow<Refusal> {
        if self.replaced == Some(self.nesting) {
            self.replaced = None;
        }
        self.nesting = self.nesting.saturating_sub(1);
        ControlFlow::Continue(())
    }
}

impl Rewriter<'_> {
    /// What is neither a key nor an aggregate may not name a column of a row.
    fn untouched(expr: &Ast) -> ControlFlow<Refusal> {
        match expr {
            Ast::CompoundIdentifier(parts) => {
                let name = parts.last().map(|last| last.value.clone()).unwrap_or_default();
                ControlFlow::Break(
                    Refusal::new(
                        Code::Rows,
                        format!("\"{name}\" would show a value of one person's row."),
                        "Put the column into GROUP BY, or aggregate it.",
                    )
                    .near(&name),
                )
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// A column without an alias is known outside by its own name, which its replacement has not.
fn keep_name(item: &mut SelectItem) {
    if let SelectItem::UnnamedExpr(expr) = item
        && let Ast::CompoundIdentifier(parts) = &*expr
        && let Some(name) = parts.last()
    {
        let (expr, alias) = (expr.clone(), name.clone());
        *item = SelectItem::ExprWithAlias { expr, alias };
    }
}
