//! What is read off a bound query's blocks, where its columns are widened.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Cte, Expr as Ast, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr,
    Ident, Select, SelectItem, SetExpr, TableAlias, TableFactor, TableWithJoins, VisitorMut,
};

use super::aggregate_list::has_aggregate;
use super::lower::{function_name, strip};
use super::scope::folded;

/// Whether the rows of a block stay what they are when it has more columns.
pub(super) fn transparent(select: &Select) -> bool {
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(exprs, modifiers)
        if exprs.is_empty() && modifiers.is_empty());
    !grouped
        && select.distinct.is_none()
        && select.having.is_none()
        && !select.projection.iter().filter_map(projected).any(has_aggregate)
}

/// `leaf.a3` as the alias and the index.
pub(super) fn leaf_column(parts: &[Ident]) -> Option<(&str, usize)> {
    let [alias, column] = parts else { return None };
    let number: usize = column.value.strip_prefix('a')?.parse().ok()?;
    Some((&alias.value, number.checked_sub(1)?))
}

/// Functions that keep the order of numbers and are what they are for constants beside them.
pub(super) fn rounds(function: &Function) -> bool {
    let constants = |list: &[FunctionArg]| {
        list.iter().skip(1).all(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => is_constant(expr),
            _ => false,
        })
    };
    function.over.is_none()
        && matches!(
            function_name(function).as_str(),
            "round" | "floor" | "ceil" | "ceiling" | "trunc"
        )
        && matches!(&function.args, FunctionArguments::List(list) if constants(&list.args))
}

pub(super) fn is_constant(expr: &Ast) -> bool {
    match strip(expr) {
        Ast::Value(_) => true,
        Ast::Cast { expr, .. } | Ast::UnaryOp { expr, .. } => is_constant(expr),
        _ => false,
    }
}

pub(super) fn first_argument(function: &Function) -> Option<&Ast> {
    match &function.args {
        FunctionArguments::List(list) => match list.args.first()? {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        },
        _ => None,
    }
}

/// The FROM item of this name, also among parentheses around joins.
pub(super) fn item_mut<'a>(
    from: &'a mut [TableWithJoins],
    name: &str,
) -> Option<&'a mut TableFactor> {
    let factors = from.iter_mut().flat_map(|item| {
        let joined = item.joins.iter_mut().map(|join| &mut join.relation);
        std::iter::once(&mut item.relation).chain(joined)
    });
    factors.into_iter().find_map(|factor| match factor {
        TableFactor::NestedJoin { table_with_joins, .. } => {
            item_mut(std::slice::from_mut(table_with_joins), name)
        }
        other => (named(other).as_deref() == Some(name)).then_some(other),
    })
}

/// The same to look at.
pub(super) fn item<'a>(from: &'a [TableWithJoins], name: &str) -> Option<&'a TableFactor> {
    let mut factors = from.iter().flat_map(|item| {
        std::iter::once(&item.relation).chain(item.joins.iter().map(|join| &join.relation))
    });
    factors.find_map(|factor| match factor {
        TableFactor::NestedJoin { table_with_joins, .. } => {
            item(std::slice::from_ref(table_with_joins), name)
        }
        other => (named(other).as_deref() == Some(name)).then_some(other),
    })
}

/// What a FROM item is called.
pub(super) fn named(factor: &TableFactor) -> Option<String> {
    match factor {
        TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::Table { alias: Some(alias), .. } => Some(folded(&alias.name)),
        TableFactor::Table { name, .. } => {
            name.0.last().and_then(|part| part.as_ident()).map(folded)
        }
        _ => None,
    }
}

/// The common table expression that a FROM item is.
pub(super) fn cte(factor: &TableFactor, ctes: &[Cte]) -> Option<usize> {
    let TableFactor::Table { name, args: None, .. } = factor else { return None };
    let [part] = name.0.as_slice() else { return None };
    let name = folded(part.as_ident()?);
    ctes.iter().position(|cte| folded(&cte.alias.name) == name)
}

/// Where an alias with a list of columns has this one.
pub(super) fn position(alias: &TableAlias, column: &Ident) -> Option<usize> {
    let name = folded(column);
    alias.columns.iter().position(|listed| folded(&listed.name) == name)
}

/// The name of a column of a subquery.
pub(super) fn output(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
        SelectItem::UnnamedExpr(Ast::CompoundIdentifier(parts)) => parts.last().map(folded),
        SelectItem::UnnamedExpr(Ast::Identifier(name)) => Some(folded(name)),
        // The name that PostgreSQL gives a cast is that of what is cast, and so on: not known here.
        _ => None,
    }
}

pub(super) fn projected(item: &SelectItem) -> Option<&Ast> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

/// The first block of a set operation, which names its columns.
pub(super) fn leftmost(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => leftmost(&query.body),
        SetExpr::SetOperation { left, .. } => leftmost(left),
        _ => None,
    }
}

/// Gives columns of one leaf other names.
pub(super) struct Rename<'a> {
    pub(super) alias: &'a str,
    pub(super) columns: Vec<(String, String)>,
}

impl VisitorMut for Rename<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Ast) -> ControlFlow<()> {
        if let Ast::CompoundIdentifier(parts) = expr
            && let [alias, column] = parts.as_mut_slice()
            && alias.value == self.alias
            && let Some((_, new)) = self.columns.iter().find(|(old, _)| *old == column.value)
        {
            column.value.clone_from(new);
        }
        ControlFlow::Continue(())
    }
}

/// Puts sources with more arrays into the places of the leaves' own.
pub(super) struct Widen<'a>(pub(super) &'a [(String, TableFactor)]);

impl VisitorMut for Widen<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if !matches!(factor, TableFactor::Derived { .. } | TableFactor::NestedJoin { .. }) {
            let text = factor.to_string();
            if let Some((_, wide)) = self.0.iter().find(|(plain, _)| *plain == text) {
                *factor = wide.clone();
            }
        }
        ControlFlow::Continue(())
    }
}
