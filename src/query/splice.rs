//! The spliced query: the canonical one with each leaf replaced by its release.

use std::ops::ControlFlow;

use noisegate_privacy::IBig;
use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::release::{Release, ReleasedRow};
use sqlparser::ast::{
    Expr as Ast, Ident, Query, Select, SelectItem, SetExpr, VisitMut, VisitorMut,
};

use super::columns::{Columns, ValueColumn, decimal};
use super::leaves::BoundLeaf;
use super::literals::whole_number;
use super::lower::{arguments, strip};
use super::parse;
use crate::error::Refusal;

/// One array parameter of the spliced query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Array {
    /// Group keys, in the binary form of their type; the type's name says which.
    Keys {
        /// The element type's name.
        type_name: String,
        /// The elements.
        elements: Vec<Option<Vec<u8>>>,
    },
    /// Noisy numbers as text.
    Numbers(Vec<String>),
    /// What the proxy itself has to say, as text.
    Texts(Vec<Option<String>>),
}

/// The text of the spliced query, with the column names that the client was promised, and `$n`
/// where the canonical form had `noisegate.param`.
pub fn text(mut query: Query, names: &[String]) -> Result<String, Refusal> {
    rename(&mut query.body, names);
    if let ControlFlow::Break(refusal) = query.visit(&mut Parameters) {
        return Err(refusal);
    }
    Ok(query.to_string())
}

/// The arrays of one release, in the order of its parameters.
pub fn arrays(bound: &BoundLeaf, analyzed: &Analyzed, release: &Release) -> Vec<Array> {
    let Columns { keys, values, quantiles, .. } = &bound.columns;
    let mut arrays = Vec::with_capacity(bound.columns.width());
    for (at, type_name) in keys.iter().enumerate() {
        let elements =
            release.rows().iter().map(|row| row.key.get(at).cloned().flatten()).collect();
        arrays.push(Array::Keys { type_name: type_name.clone(), elements });
    }
    for column in values {
        let numbers = release.rows().iter().map(|row| shown(column, steps(column, row))).collect();
        arrays.push(Array::Numbers(numbers));
    }
    for column in quantiles {
        let margin = column.margin(&bound.leaf, analyzed);
        let of = |row: &ReleasedRow| column.text(&bound.leaf, margin, &row.values);
        arrays.push(Array::Texts(release.rows().iter().map(of).collect()));
    }
    arrays
}

/// What a noisy column says of one group, in steps.
pub(crate) fn steps(column: &ValueColumn, row: &ReleasedRow) -> IBig {
    let value = |index: usize| row.values.get(index);
    let at = |index: usize| value(index).map(|value| value.get().clone()).unwrap_or_default();
    let mut steps = at(column.statistic);
    if let Some((count, centre)) = &column.centre {
        steps += at(*count) * centre;
    }
    steps
}

/// Steps of a noisy column as text.
pub(crate) fn shown(column: &ValueColumn, mut steps: IBig) -> String {
    // A whole number becomes a bigint in the query, so it has to fit: noise could carry it over.
    if column.whole {
        steps = steps.clamp(IBig::from(i64::MIN), IBig::from(i64::MAX));
    }
    decimal(&steps, column.scale)
}

/// Gives the outermost columns their names back: the canonical form had to number them.
pub(crate) fn rename(body: &mut SetExpr, names: &[String]) {
    match body {
        SetExpr::Select(select) => rename_select(select, names),
        SetExpr::Query(query) => rename(&mut query.body, names),
        SetExpr::SetOperation { left, .. } => rename(left, names),
        _ => {}
    }
}

fn rename_select(select: &mut Select, names: &[String]) {
    for (item, name) in select.projection.iter_mut().zip(names) {
        let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = &*item
        else {
            continue;
        };
        *item = SelectItem::ExprWithAlias {
            expr: expr.clone(),
            alias: Ident::with_quote('"', name.clone()),
        };
    }
}

struct Parameters;

impl VisitorMut for Parameters {
    type Break = Refusal;

    fn pre_visit_expr(&mut self, expr: &mut Ast) -> ControlFlow<Refusal> {
        let Ast::Function(function) = &*expr else { return ControlFlow::Continue(()) };
        if function.name.to_string() != "noisegate.param" {
            return ControlFlow::Continue(());
        }
        let parsed = arguments(function).and_then(|args| match args.as_slice() {
            [number, example] => match (whole_number(number), strip(example)) {
                (Some(number), Ast::Cast { data_type, .. }) => {
                    Some(parse::expression(&format!("(${number})::{data_type}")))
                }
                _ => None,
            },
            _ => None,
        });
        match parsed {
            Some(Ok(replacement)) => {
                *expr = replacement;
                ControlFlow::Continue(())
            }
            Some(Err(refusal)) => ControlFlow::Break(refusal),
            None => ControlFlow::Continue(()),
        }
    }
}
