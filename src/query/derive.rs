//! What a subquery computes for each unit: groups, windows, and rows of several parts.
//!
//! Each becomes one scan whose columns are plain, so that everything above it is lowered as over a
//! table. That each group and each window stays within one unit is the core's to say
//! ([`noisegate_privacy::derived::scan`]).

use std::collections::BTreeMap;

use noisegate_privacy::derived::{self, Derived, Rows as Body, has_one_look};
use noisegate_privacy::expr::{Column, Expr, Function, Node, Type};
use noisegate_privacy::plan::{Exposure, Joins, Scan};
use noisegate_privacy::range::{on_grid, range};
use sqlparser::ast::{
    self, Distinct, Expr as Ast, GroupByExpr, OrderBy, OrderByKind, Select, SelectItem, SetExpr,
    SetOperator, SetQuantifier,
};

use super::columns::decimal;
use super::grouped::Grouping;
use super::grouping::group_expressions;
use super::keys::is_nullable;
use super::leaves::{has_window, is_aggregated};
use super::lower::{lower, strip};
use super::refusals::{limit_below, per_unit, unsupported};
use super::scope::{Item, RowSource, Rows, Scans, Scope, folded};
use super::windowed::Windowing;
use crate::error::Refusal;

/// The largest column of a subquery.
const NODES_MAX: usize = 5_000;
/// Digits after the point of bounds that are computed.
const BOUNDS_SCALE: u32 = 10;

/// A subquery's rows and columns, with scans of its own.
pub(crate) struct Block {
    pub(crate) scans: Vec<Scan>,
    pub(crate) joins: Joins,
    pub(crate) filter: Vec<Expr>,
    pub(crate) columns: Vec<(Option<String>, Expr)>,
}

impl Block {
    /// The block among the scans around it.
    pub(crate) fn placed(mut self, scans: &Scans) -> Result<Item, Refusal> {
        let offset = scans.borrow().len();
        let shift = |scan: usize| scan.saturating_add(offset);
        self.joins.map_scans(&shift);
        self.filter.iter_mut().for_each(|filter| filter.map_scans(&shift));
        let mut named = BTreeMap::new();
        let mut list = Vec::new();
        for (name, mut expr) in self.columns {
            small(&expr)?;
            expr.map_scans(&shift);
            list.push(expr.clone());
            if let Some(name) = name {
                named.insert(name, expr);
            }
        }
        scans.borrow_mut().extend(self.scans);
        let relations = vec![(String::new(), named)];
        Ok(Item { joins: self.joins, filter: self.filter, relations, list })
    }
}

/// Columns are inlined where they are used, so `x + x AS x`, nested, doubles at each level.
fn small(expr: &Expr) -> Result<(), Refusal> {
    if expr.size() > NODES_MAX {
        return Err(unsupported("an expression this large", Some("Compute it in fewer steps.")));
    }
    Ok(())
}

impl<'a> Rows<'a> {
    /// The block that a subquery's body is.
    pub(crate) fn derived(
        &self,
        body: &SetExpr,
        order: Option<&OrderBy>,
    ) -> Result<Block, Refusal> {
        match body {
            SetExpr::Select(select) => self.computed(select, order),
            SetExpr::SetOperation {
                op: SetOperator::Union,
                set_quantifier: SetQuantifier::All,
                ..
            } => self.union(body),
            SetExpr::Query(query) => {
                let scans = Scans::default();
                let item = self.query(query, &scans)?;
                let names = item.relations.first().map(|(_, columns)| columns);
                let name = |expr: &Expr| {
                    let found = names?.iter().find(|(_, one)| *one == expr)?;
                    Some(found.0.clone())
                };
                let columns = item.list.iter().map(|expr| (name(expr), expr.clone())).collect();
                let scans = scans.borrow().clone();
                Ok(Block { scans, joins: item.joins, filter: item.filter, columns })
            }
            _ => Err(unsupported(
                "UNION, EXCEPT, INTERSECT or VALUES below an aggregate",
                Some("UNION ALL can be used; otherwise aggregate each part, then combine them."),
            )),
        }
    }

    fn computed(&self, select: &Select, order: Option<&OrderBy>) -> Result<Block, Refusal> {
        let mut source = self.select(select)?;
        let mut projection = projection(select)?;
        let aggregated = is_aggregated(select);
        let distinct = matches!(select.distinct, Some(Distinct::Distinct));
        if distinct && (aggregated || has_window(select)) {
            return Err(limit_below("DISTINCT over groups or windows"));
        }
        if aggregated || distinct {
            source = self.grouped(source, select, &mut projection)?;
        }
        let first = matches!(select.distinct, Some(Distinct::On(_)));
        if has_window(select) || first {
            return Self::windowed(&source, select, &projection, order);
        }
        let mut columns = Vec::new();
        for (name, expr) in projection {
            columns.push((name, lower(&expr, &source.scope)?));
        }
        let scans = source.all_scans();
        let joins = source.all_joins();
        Ok(Block { scans, joins, filter: source.filter, columns })
    }

    /// The groups of a block as rows of a scan, and the projection over its columns.
    fn grouped(
        &self,
        source: RowSource<'a>,
        select: &Select,
        projection: &mut [(Option<String>, Ast)],
    ) -> Result<RowSource<'a>, Refusal> {
        let group: Vec<Ast> = if is_aggregated(select) {
            group_expressions(select)?
        } else {
            projection.iter().map(|(_, expr)| strip(expr).clone()).collect()
        };
        let mut grouping = Grouping::new(&source.scope, &group)?;
        let mut having = select.having.clone();
        for (_, expr) in projection.iter_mut() {
            grouping.rewrite(expr)?;
        }
        if let Some(having) = &mut having {
            grouping.rewrite(having)?;
        }
        let (keys, aggregates) = grouping.finish();
        if keys.iter().any(|key| !has_one_look(&key.ty)) {
            return Err(unsupported(
                "grouping by a column of this type inside a subquery",
                Some("Group by plain numbers, text, dates and times."),
            ));
        }
        let body =
            Body { scans: source.all_scans(), joins: source.all_joins(), filter: source.filter };
        let most = rows_max(&body);
        let mut columns = BTreeMap::new();
        for (at, key) in keys.iter().enumerate() {
            columns.insert(format!("k{}", at.saturating_add(1)), passed(key));
        }
        for (at, aggregate) in aggregates.iter().enumerate() {
            let (bounds, nullable) = super::grouped::bounds(aggregate, most);
            let name = format!("a{}", at.saturating_add(1));
            columns.insert(name, (aggregate.ty.clone(), bounds, nullable));
        }
        let scan = derived::scan(Derived::Grouped { rows: body, keys, aggregates })
            .map_err(|rejection| per_unit(&rejection))?;
        let columns = columns
            .into_iter()
            .map(|(name, (ty, bounds, nullable))| {
                let node = Node::Column(Column { scan: 0, name: name.clone(), bounds, nullable });
                (name, Expr { node, ty })
            })
            .collect();
        let scans = Scans::default();
        scans.borrow_mut().push(scan);
        let relations = vec![(super::grouped::ALIAS.to_owned(), columns)];
        let scope = Scope::new(relations, *self, &scans);
        let filter = having.iter().map(|having| lower(having, &scope)).collect::<Result<_, _>>()?;
        let scans = scans.borrow().clone();
        Ok(RowSource { scans, joins: Joins::Scan(0), filter, scope })
    }

    /// The rows of a block with what its windows compute.
    fn windowed(
        source: &RowSource<'a>,
        select: &Select,
        projection: &[(Option<String>, Ast)],
        order: Option<&OrderBy>,
    ) -> Result<Block, Refusal> {
        let mut windowing = Windowing::new(&source.scope, select);
        let first = match &select.distinct {
            Some(Distinct::On(on)) => Some(windowing.first(on, order_parts(order)?)?),
            _ => None,
        };
        let mut columns = Vec::new();
        for (name, expr) in projection {
            columns.push((name.clone(), windowing.column(expr)?));
        }
        let (passed, windows) = windowing.finish();
        let rows = Body {
            scans: source.all_scans(),
            joins: source.all_joins(),
            filter: source.filter.clone(),
        };
        let windowed = Derived::Windowed { rows, columns: passed, windows };
        if !windowed.tells_rows_apart() {
            return Err(unsupported(
                "a column of this type beside such a window",
                Some("Pass on plain numbers, text, dates and times, or parts of a JSON value."),
            ));
        }
        let scan = derived::scan(windowed).map_err(|rejection| per_unit(&rejection))?;
        let filter = first.into_iter().map(|number| {
            let one = Expr::constant("1", Type::Int(8));
            Expr::call(Function::Eq, vec![number, one], Type::Bool)
        });
        Ok(Block { scans: vec![scan], joins: Joins::Scan(0), filter: filter.collect(), columns })
    }

    /// The rows of all parts as one scan.
    fn union(&self, body: &SetExpr) -> Result<Block, Refusal> {
        let mut blocks = Vec::new();
        self.parts(body, &mut blocks)?;
        union_of(blocks)
    }

    fn parts(&self, body: &SetExpr, blocks: &mut Vec<Block>) -> Result<(), Refusal> {
        match body {
            SetExpr::SetOperation {
                op: SetOperator::Union,
                set_quantifier: SetQuantifier::All,
                left,
                right,
            } => {
                self.parts(left, blocks)?;
                self.parts(right, blocks)
            }
            other => {
                blocks.push(self.derived(other, None)?);
                Ok(())
            }
        }
    }
}

/// One scan with the rows of all blocks, and columns named as those of the first.
pub(crate) fn union_of(blocks: Vec<Block>) -> Result<Block, Refusal> {
    let Some(first) = blocks.first() else { return Err(unsupported("an empty UNION", None)) };
    let mut columns = Vec::new();
    for (at, (name, expr)) in first.columns.iter().enumerate() {
        let all: Option<Vec<&Expr>> =
            blocks.iter().map(|block| block.columns.get(at).map(|(_, expr)| expr)).collect();
        let all = all.ok_or_else(|| unsupported("UNION ALL of different columns", None))?;
        let ty = expr.ty.clone();
        if all.iter().any(|one| one.ty != ty) {
            return Err(unsupported(
                "UNION ALL of columns of different types",
                Some("Cast the columns of each part to one type."),
            ));
        }
        let name_at = format!("c{}", at.saturating_add(1));
        let nullable = all.iter().any(|one| is_nullable(one));
        let bounds = all.iter().map(|one| column_bounds(one)).reduce(hull).flatten();
        let node = Node::Column(Column { scan: 0, name: name_at, bounds, nullable });
        columns.push((name.clone(), Expr { node, ty }));
    }
    let parts = blocks
        .into_iter()
        .map(|block| {
            let columns = block.columns.into_iter().map(|(_, expr)| expr).collect();
            (Body { scans: block.scans, joins: block.joins, filter: block.filter }, columns)
        })
        .collect();
    let scan = derived::scan(Derived::Union { parts }).map_err(|rejection| per_unit(&rejection))?;
    Ok(Block { scans: vec![scan], joins: Joins::Scan(0), filter: Vec::new(), columns })
}

type TextBounds = Option<(String, String)>;

fn hull(one: TextBounds, other: TextBounds) -> TextBounds {
    let (one, other) = (one?, other?);
    if one == other {
        return Some(one);
    }
    let number = |text: &str| noisegate_privacy::range::parse_decimal(text);
    let low = if number(&one.0)? <= number(&other.0)? { one.0 } else { other.0 };
    let high = if number(&one.1)? >= number(&other.1)? { one.1 } else { other.1 };
    Some((low, high))
}

/// The type, bounds and nullability of an expression that is passed on.
fn passed(expr: &Expr) -> (Type, TextBounds, bool) {
    (expr.ty.clone(), column_bounds(expr), is_nullable(expr))
}

/// The public bounds of an expression as those of a column.
pub(crate) fn column_bounds(expr: &Expr) -> TextBounds {
    if let Some(column) = expr.as_column() {
        return column.bounds.clone();
    }
    if !expr.ty.is_number() {
        return None;
    }
    text_bounds(&range(expr)?)
}

/// A range as decimal text, rounded outward.
pub(crate) fn text_bounds(range: &noisegate_privacy::range::Range) -> TextBounds {
    let (low, high) = on_grid(range, BOUNDS_SCALE)?;
    Some((decimal(&low, BOUNDS_SCALE), decimal(&high, BOUNDS_SCALE)))
}

/// Rows of one unit that count, as the policy says for the tables read.
pub(crate) fn rows_max(body: &Body) -> Option<u32> {
    let most = |scan: &Scan| match &scan.exposure {
        Exposure::Private { rows_max, .. } => Some(*rows_max),
        Exposure::Public => None,
    };
    body.joins.scans().into_iter().filter_map(|at| body.scans.get(at).and_then(most)).max()
}

fn projection(select: &Select) -> Result<Vec<(Option<String>, Ast)>, Refusal> {
    select
        .projection
        .iter()
        .map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } => Ok((Some(folded(alias)), expr.clone())),
            SelectItem::UnnamedExpr(expr) => Ok((last_name(expr), expr.clone())),
            _ => Err(unsupported("a column without a name", None)),
        })
        .collect()
}

/// The name that PostgreSQL gives an unnamed column: that of the column it is.
fn last_name(expr: &Ast) -> Option<String> {
    match expr {
        Ast::CompoundIdentifier(parts) => parts.last().map(folded),
        Ast::Identifier(name) => Some(folded(name)),
        _ => None,
    }
}

/// The parts of an ORDER BY.
fn order_parts(order: Option<&OrderBy>) -> Result<&[ast::OrderByExpr], Refusal> {
    match order.map(|order| &order.kind) {
        None => Ok(&[]),
        Some(OrderByKind::Expressions(parts)) => Ok(parts),
        Some(OrderByKind::All(_)) => Err(unsupported("ORDER BY ALL", None)),
    }
}

/// Whether a select groups by nothing.
pub(crate) fn is_ungrouped(group: &GroupByExpr) -> bool {
    matches!(group, GroupByExpr::Expressions(exprs, modifiers)
        if exprs.is_empty() && modifiers.is_empty())
}
