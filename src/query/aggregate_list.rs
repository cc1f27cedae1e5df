//! Which functions are aggregates, which of them have a noisy form, and what they share.

use std::ops::ControlFlow;

use noisegate_privacy::expr::{Expr, Node, Type};
use sqlparser::ast::{self, Expr as Ast, Query, Visit, Visitor};

use super::lower::{arguments, function_name, strip};

/// Aggregates that are computed from noisy counts and sums of first powers.
const PLAIN: &[&str] = &["count", "sum", "avg"];
/// Those that take sums of squares or products besides.
const MOMENTS: &[&str] = &[
    "corr",
    "covar_pop",
    "covar_samp",
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
    "var_pop",
    "var_samp",
    "variance",
];
/// Extremes: the declared bounds, if anything.
const EXTREMES: &[&str] = &["max", "min"];
/// PostgreSQL's other aggregates.
const OTHERS: &[&str] = &[
    "any_value",
    "array_agg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "cume_dist",
    "dense_rank",
    "every",
    "json_agg",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_object_agg",
    "mode",
    "percent_rank",
    "percentile_cont",
    "percentile_disc",
    "range_agg",
    "range_intersect_agg",
    "rank",
    "string_agg",
    "xmlagg",
];

/// What kind of aggregate a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregate {
    /// A count, a sum or an average.
    Plain,
    /// A variance, a correlation and the like.
    Moment,
    /// `min` or `max`.
    Extreme,
    /// One without a noisy form.
    Other,
}

impl Aggregate {
    /// The kind of a call, if it is one of an aggregate. With OVER it is a window's.
    pub(crate) fn of(function: &ast::Function) -> Option<Self> {
        if function.over.is_some() {
            return None;
        }
        let name = function_name(function);
        let kinds = [
            (PLAIN, Self::Plain),
            (MOMENTS, Self::Moment),
            (EXTREMES, Self::Extreme),
            (OTHERS, Self::Other),
        ];
        kinds.into_iter().find(|(names, _)| names.contains(&name.as_str())).map(|(_, kind)| kind)
    }
}

/// Whether a call is one of an aggregate.
pub(crate) fn is_aggregate(function: &ast::Function) -> bool {
    Aggregate::of(function).is_some()
}

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
                Ast::Function(function) if self.0 == 0 && Aggregate::of(function).is_some() => {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expr.visit(&mut Find(0)).is_break()
}

/// The arguments of plain SUMs.
pub(super) struct Sums(pub(super) Vec<String>);

impl Visitor for Sums {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Ast) -> ControlFlow<()> {
        if let Ast::Function(function) = expr
            && Aggregate::of(function) == Some(Aggregate::Plain)
            && function_name(function) == "sum"
            && let Some([argument]) = arguments(function).as_deref()
        {
            self.0.push(signature(argument, &filter_text(function)));
        }
        ControlFlow::Continue(())
    }
}

/// What a SUM and an AVG share: the argument and the filter.
pub(super) fn signature(argument: &Ast, filter: &str) -> String {
    format!("{} {filter}", strip(argument))
}

pub(super) fn filter_text(function: &ast::Function) -> String {
    function.filter.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// Whether it is the number 1.
pub(super) fn is_one(value: &Expr) -> bool {
    matches!((&value.node, &value.ty), (Node::Constant(Some(text)), Type::Int(4)) if text == "1")
}

/// An aggregate's text, short enough for a notice.
pub(super) fn short(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    if text.chars().count() <= CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(CHARS_MAX).chain(['…']).collect()
}
