//! Groups inside a subquery: which of them are a unit's own, and the exact aggregates over them.

use std::ops::ControlFlow;

use noisegate_privacy::derived::{Aggregate, AggregateFunction};
use noisegate_privacy::expr::{Expr, Type};
use noisegate_privacy::range::{Range, Rational, range, scale};
use noisegate_privacy::total::digits_of_sum;
use sqlparser::ast::{
    self, DuplicateTreatment, Expr as Ast, FunctionArg, FunctionArgExpr, FunctionArguments, Query,
    VisitMut, VisitorMut,
};

use super::aggregate_list::is_aggregate;
use super::derive::{column_bounds, text_bounds};
use super::keys::is_nullable;
use super::lower::{function_name, lower, lower_condition, number_bounded, strip};
use super::parse;
use super::refusals::unsupported;
use super::scope::Scope;
use crate::error::Refusal;

/// The alias of the groups while the block is read.
pub(crate) const ALIAS: &str = "noisegate_group";

/// The places of a sum that are known at most.
const SCALE_MAX: u32 = 30;
/// Digits of a sum that are known at most.
const PRECISION: u32 = 1_000;

/// Puts columns of the groups in the place of keys and aggregates.
pub(crate) struct Grouping<'a> {
    scope: &'a Scope<'a>,
    texts: Vec<String>,
    keys: Vec<Expr>,
    aggregates: Vec<Aggregate>,
    depth: u32,
}

impl<'a> Grouping<'a> {
    pub(crate) fn new(scope: &'a Scope<'a>, group: &[Ast]) -> Result<Self, Refusal> {
        let keys = group.iter().map(|key| lower(key, scope)).collect::<Result<_, _>>()?;
        let texts = group.iter().map(|key| strip(key).to_string()).collect();
        Ok(Self { scope, texts, keys, aggregates: Vec::new(), depth: 0 })
    }

    /// Rewrites an expression over the groups.
    pub(crate) fn rewrite(&mut self, expr: &mut Ast) -> Result<(), Refusal> {
        match VisitMut::visit(expr, self) {
            ControlFlow::Break(refusal) => Err(refusal),
            ControlFlow::Continue(()) => Ok(()),
        }
    }

    pub(crate) fn finish(self) -> (Vec<Expr>, Vec<Aggregate>) {
        (self.keys, self.aggregates)
    }

    /// The column that stands for an expression, if one does.
    fn stand_in(&mut self, expr: &Ast) -> Result<Option<Ast>, Refusal> {
        let text = strip(expr).to_string();
        if let Some(at) = self.texts.iter().position(|key| *key == text) {
            return named("k", at).map(Some);
        }
        match expr {
            Ast::Function(function) if is_aggregate(function) => {
                let aggregate = aggregate(function, self.scope)?;
                let at = match self.aggregates.iter().position(|one| *one == aggregate) {
                    Some(at) => at,
                    None => {
                        self.aggregates.push(aggregate);
                        self.aggregates.len().saturating_sub(1)
                    }
                };
                named("a", at).map(Some)
            }
            // PostgreSQL has let it pass, so it follows from a key that is the table's own.
            Ast::CompoundIdentifier(parts)
                if parts.first().is_none_or(|first| first.value != ALIAS) =>
            {
                self.keys.push(lower(expr, self.scope)?);
                self.texts.push(text);
                named("k", self.texts.len().saturating_sub(1)).map(Some)
            }
            _ => Ok(None),
        }
    }
}

fn named(prefix: &str, at: usize) -> Result<Ast, Refusal> {
    parse::expression(&format!("{ALIAS}.{prefix}{}", at.saturating_add(1)))
}

impl VisitorMut for Grouping<'_> {
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
        if self.depth > 0 {
            return ControlFlow::Continue(());
        }
        match self.stand_in(expr) {
            Ok(Some(column)) => {
                *expr = column;
                ControlFlow::Continue(())
            }
            Ok(None) => ControlFlow::Continue(()),
            Err(refusal) => ControlFlow::Break(refusal),
        }
    }
}

/// An aggregate over rows of one unit.
pub(crate) fn aggregate(function: &ast::Function, scope: &Scope<'_>) -> Result<Aggregate, Refusal> {
    let name = function_name(function);
    let refused = || {
        unsupported(
            &format!("{name} inside a subquery"),
            Some("Use count, sum, avg, min, max, bool_and or bool_or there."),
        )
        .near(&name)
    };
    let known = by_name(&name).ok_or_else(refused)?;
    let FunctionArguments::List(list) = &function.args else { return Err(refused()) };
    if !list.clauses.is_empty() || !function.within_group.is_empty() {
        return Err(unsupported("ORDER BY inside an aggregate", None).near(&name));
    }
    let argument = match list.args.as_slice() {
        [] | [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]
            if known == AggregateFunction::Count =>
        {
            None
        }
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] => Some(lower(expr, scope)?),
        _ => return Err(refused()),
    };
    let filter =
        function.filter.as_ref().map(|filter| lower_condition(filter, scope)).transpose()?;
    let ty = value_type(known, argument.as_ref()).ok_or_else(refused)?;
    if matches!(known, AggregateFunction::Sum | AggregateFunction::Avg) {
        argument.iter().try_for_each(number_bounded)?;
    }
    let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    Ok(Aggregate { function: known, distinct, argument, filter, ty })
}

fn by_name(name: &str) -> Option<AggregateFunction> {
    Some(match name {
        "count" => AggregateFunction::Count,
        "sum" => AggregateFunction::Sum,
        "avg" => AggregateFunction::Avg,
        "min" => AggregateFunction::Min,
        "max" => AggregateFunction::Max,
        "bool_and" | "every" => AggregateFunction::BoolAnd,
        "bool_or" => AggregateFunction::BoolOr,
        _ => return None,
    })
}

/// The type of an aggregate's value, as PostgreSQL has it.
fn value_type(function: AggregateFunction, argument: Option<&Expr>) -> Option<Type> {
    if function == AggregateFunction::Count {
        return Some(Type::Int(8));
    }
    let ty = &argument?.ty;
    match function {
        AggregateFunction::Count => None,
        AggregateFunction::Sum => match ty {
            Type::Int(2 | 4) => Some(Type::Int(8)),
            // As many places as the summands have; fewer digits than any limit.
            Type::Int(_) | Type::Numeric(_) => {
                let scale = argument.and_then(scale).filter(|scale| *scale <= SCALE_MAX);
                let digits = argument.and_then(digits_of_sum).filter(|digits| *digits <= PRECISION);
                Some(Type::Numeric(digits.zip(scale)))
            }
            Type::Float(size) => Some(Type::Float(*size)),
            _ => None,
        },
        AggregateFunction::Avg => match ty {
            Type::Int(_) | Type::Numeric(_) => Some(Type::Numeric(None)),
            Type::Float(_) => Some(Type::Float(8)),
            _ => None,
        },
        AggregateFunction::Min | AggregateFunction::Max => {
            let ordered = ty.is_number() || ty.is_text() || ty.is_time();
            ordered.then(|| ty.clone())
        }
        AggregateFunction::BoolAnd | AggregateFunction::BoolOr => {
            (*ty == Type::Bool).then_some(Type::Bool)
        }
    }
}

/// The public bounds of an aggregate over at most `rows_max` rows, and whether it can be NULL.
pub(crate) fn bounds(
    aggregate: &Aggregate,
    rows_max: Option<u32>,
) -> (Option<(String, String)>, bool) {
    let times = |range: Range| {
        let rows = Rational::from(rows_max?);
        let (low, high) = (range.low * &rows, range.high * &rows);
        Some(Range { low: low.min(Rational::ZERO), high: high.max(Rational::ZERO) })
    };
    let argument = aggregate.argument.as_ref();
    let bounds = match aggregate.function {
        AggregateFunction::Count => rows_max.map(|most| ("0".to_owned(), most.to_string())),
        AggregateFunction::Sum => {
            argument.and_then(range).and_then(times).as_ref().and_then(text_bounds)
        }
        AggregateFunction::Avg | AggregateFunction::Min | AggregateFunction::Max => {
            argument.and_then(column_bounds)
        }
        AggregateFunction::BoolAnd | AggregateFunction::BoolOr => None,
    };
    // A group has a row; a filter may leave none.
    let nullable = aggregate.filter.is_some() || argument.is_none_or(is_nullable);
    (bounds, nullable && aggregate.function != AggregateFunction::Count)
}
