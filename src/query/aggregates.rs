//! The aggregates of a leaf: what is computed for each, and what stands in their place.

use std::ops::ControlFlow;

use noisegate_privacy::IBig;
use noisegate_privacy::expr::{Column, Expr, Function, Type};
use noisegate_privacy::plan::{Scan, Statistic};
use noisegate_privacy::unit::is_unit_key;
use sqlparser::ast::{
    self, DuplicateTreatment, Expr as Ast, FunctionArg, FunctionArgExpr, FunctionArguments,
    OrderByKind, Query, Select, SelectItem, Visit, VisitMut, Visitor, VisitorMut,
};

use super::bounds::bounds;
use super::columns::{Average, ValueColumn, decimal};
use super::keys::{self, is_nullable};
use super::lower::{function_name, lower, strip};
use super::parse;
use super::quantiles::{self, Column as Quantile};
use super::refusals::{no_noisy_form, unsupported};
use super::scope::{RowSource, Scope};
use crate::error::{Code, Refusal};

/// PostgreSQL's aggregates that have no noisy form here.
const OTHERS: &[&str] = &[
    "array_agg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "covar_pop",
    "covar_samp",
    "cume_dist",
    "dense_rank",
    "every",
    "json_agg",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_object_agg",
    "max",
    "min",
    "mode",
    "percent_rank",
    "percentile_cont",
    "percentile_disc",
    "range_agg",
    "range_intersect_agg",
    "rank",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "var_pop",
    "var_samp",
    "variance",
    "xmlagg",
    "any_value",
];

/// Whether the expression contains an aggregate of its own block.
pub(crate) fn has_aggregate(expr: &Ast) -> bool {
    struct Find(u32);
    impl Visitor for Find {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.0 = self.0.saturating_add(1);
            ControlFlow::Continue(())
        }
        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.0 = self.0.saturating_sub(1);
            ControlFlow::Continue(())
        }
        fn pre_visit_expr(&mut self, expr: &Ast) -> ControlFlow<()> {
            match expr {
                Ast::Function(function) if self.0 == 0 && is_aggregate(function) => {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expr.visit(&mut Find(0)).is_break()
}

pub(crate) fn is_aggregate(function: &ast::Function) -> bool {
    let name = function_name(function);
    function.over.is_none()
        && (matches!(name.as_str(), "count" | "sum" | "avg") || OTHERS.contains(&name.as_str()))
}

/// Puts columns of `leaf_n` in the place of group keys and aggregates.
pub(crate) struct Rewriter<'a> {
    pub(super) alias: String,
    pub(super) scope: &'a Scope<'a>,
    scans: &'a [Scan],
    pub(super) keys: Vec<String>,
    /// Arguments (with filters) of plain SUMs: an AVG of the same shares them.
    sums: Vec<String>,
    pub(super) statistics: Vec<Statistic>,
    values: Vec<ValueColumn>,
    averages: Vec<Average>,
    pub(super) quantiles: Vec<Quantile>,
    depth: u32,
}

impl<'a> Rewriter<'a> {
    pub(crate) fn new(
        alias: String,
        source: &'a RowSource<'a>,
        keys: &[Ast],
        select: &Select,
    ) -> Self {
        let keys = keys.iter().map(|key| strip(key).to_string()).collect();
        let mut sums = Sums(Vec::new());
        let _ = select.visit(&mut sums);
        Self {
            alias,
            scope: &source.scope,
            scans: &source.scans,
            keys,
            sums: sums.0,
            statistics: Vec::new(),
            values: Vec::new(),
            averages: Vec::new(),
            quantiles: Vec::new(),
            depth: 0,
        }
    }

    /// Rewrites all that is evaluated above the leaf.
    pub(crate) fn rewrite(
        &mut self,
        select: &mut Select,
        order: Option<&mut OrderByKind>,
    ) -> Result<(), Refusal> {
        select.projection.iter_mut().for_each(keep_name);
        let mut flow = VisitMut::visit(&mut select.projection, self);
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

    /// The statistics and the columns made from them.
    pub(crate) fn finish(mut self) -> (Vec<Statistic>, (Vec<ValueColumn>, Vec<Average>)) {
        if self.statistics.is_empty() {
            self.statistics.push(Statistic::Units { filter: None });
        }
        (self.statistics, (self.values, self.averages))
    }

    fn aggregate(&mut self, function: &ast::Function) -> Result<Ast, Refusal> {
        let name = function_name(function);
        if quantiles::is_quantile(&name) {
            return self.quantile(&name, function);
        }
        if OTHERS.contains(&name.as_str()) {
            return Err(no_noisy_form(&name));
        }
        let FunctionArguments::List(list) = &function.args else {
            return Err(no_noisy_form(&name));
        };
        if !list.clauses.is_empty() || !function.within_group.is_empty() {
            return Err(unsupported("ORDER BY inside an aggregate", None).near(&name));
        }
        let filter =
            function.filter.as_ref().map(|filter| lower(filter, self.scope)).transpose()?;
        let label = short(&function.to_string());
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
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
        let shared = self.sums.contains(&signature(function));
        let bounds = bounds(&value, !shared)?;
        let (low, high, scale) = (bounds.low.clone(), bounds.high.clone(), bounds.scale);
        let centre = bounds.centre.clone();
        let counted = self.counted(argument, filter.clone())?;
        let count = self.column(counted, 0, None, None);
        let counter = self.values.get(count).map_or(0, |column| column.statistic);
        let centre = (centre != IBig::ZERO).then_some((counter, centre));
        let sum = self.column(Statistic::Sum { filter, value, bounds }, scale, centre, None);
        let label = short(&function.to_string());
        self.averages.push(Average { sum, count, label });
        let (low, high) = (decimal(&low, scale), decimal(&high, scale));
        let alias = &self.alias;
        let (sum, count) = (sum.saturating_add(1), count.saturating_add(1));
        parse::expression(&format!(
            "(CASE WHEN ({alias}.a{count})::bigint > 0 THEN LEAST(GREATEST(({alias}.a{sum})::{ty} \
             / ({alias}.a{count})::{ty}, ({low})::{ty}), ({high})::{ty}) END)"
        ))
    }

    /// The index of the column that shows this statistic.
    fn column(
        &mut self,
        statistic: Statistic,
        scale: u32,
        centre: Option<(usize, IBig)>,
        label: Option<&str>,
    ) -> usize {
        let at = match self.statistics.iter().position(|one| *one == statistic) {
            Some(at) => at,
            None => {
                self.statistics.push(statistic);
                self.statistics.len().saturating_sub(1)
            }
        };
        let label = label.map(str::to_owned);
        let same = |one: &ValueColumn| one.statistic == at && one.centre == centre;
        if let Some(found) = self.values.iter().position(same) {
            if let Some(column) = self.values.get_mut(found) {
                column.label = column.label.take().or(label);
            }
            return found;
        }
        self.values.push(ValueColumn { statistic: at, scale, centre, label });
        self.values.len().saturating_sub(1)
    }

    fn cast(&self, column: usize, ty: &str) -> Result<Ast, Refusal> {
        parse::expression(&format!("({}.a{})::{ty}", self.alias, column.saturating_add(1)))
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
        let text = strip(expr).to_string();
        if let Some(at) = self.keys.iter().position(|key| *key == text) {
            return match parse::expression(&format!("{}.k{}", self.alias, at.saturating_add(1))) {
                Ok(key) => {
                    *expr = key;
                    ControlFlow::Continue(())
                }
                Err(refusal) => ControlFlow::Break(refusal),
            };
        }
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        match expr {
            Ast::Function(function) if is_aggregate(function) => match self.aggregate(function) {
                Ok(replacement) => {
                    *expr = replacement;
                    ControlFlow::Continue(())
                }
                Err(refusal) => ControlFlow::Break(refusal),
            },
            Ast::CompoundIdentifier(parts) => {
                let ours = parts.first().is_some_and(|first| first.value == self.alias);
                if ours {
                    return ControlFlow::Continue(());
                }
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

/// The arguments of plain SUMs.
struct Sums(Vec<String>);

impl Visitor for Sums {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Ast) -> ControlFlow<()> {
        if let Ast::Function(function) = expr
            && is_aggregate(function)
            && function_name(function) == "sum"
        {
            self.0.push(signature(function));
        }
        ControlFlow::Continue(())
    }
}

/// What a SUM and an AVG share: the argument and the filter.
fn signature(function: &ast::Function) -> String {
    let filter = function.filter.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{} {filter}", function.args)
}

/// An aggregate's text, short enough for a notice.
pub(super) fn short(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    if text.chars().count() <= CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(CHARS_MAX).chain(['…']).collect()
}
