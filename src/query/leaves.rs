//! Finds the leaves of a canonical query and cuts them out.
//!
//! A leaf is a query block that aggregates private rows. Each is replaced, in the tree, by
//! `unnest(arrays) AS leaf_n(k1, …, a1, …)`; HAVING becomes WHERE, and all that stands above stays
//! PostgreSQL's. What is left of the tree names no private table: that is checked at the end,
//! and whatever slipped through would meet the shadow's empty tables.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use noisegate_privacy::plan::Leaf;
use noisegate_privacy::unit::is_reference;
use sqlparser::ast::{
    Expr as Ast, GroupByExpr, LimitClause, ObjectName, OrderByKind, Query, Select, SelectItem,
    SetExpr, TableFactor, TableWithJoins, Visit, VisitMut, Visitor, VisitorMut,
};

use super::aggregates::{Rewriter, has_aggregate};
use super::columns::Columns;
use super::keys;
use super::lower::{lower, strip};
use super::parse;
use super::probe::{is_probe, limit};
use super::refusals::{one_person, rows_refused, unsupported};
use super::scope::{Rows, folded};
use super::virtual_table::VirtualTable;
use crate::catalog::snapshot::Snapshot;
use crate::error::Refusal;

/// A query, understood.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The leaves, in the order in which they are charged.
    pub leaves: Vec<BoundLeaf>,
    /// The tables of the `noisegate` schema that it reads, with their first array parameter.
    pub virtuals: Vec<(VirtualTable, usize)>,
    /// The query with each leaf cut out.
    pub query: Query,
    /// What kind of answer it gives.
    pub answer: Answer,
}

/// What kind of answer a query gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It reads no private table: the shadow answers it as it is.
    Public,
    /// It combines releases.
    Released,
    /// It shows rows of people. The shadow's empty tables give its columns.
    Rows {
        /// It cannot have a row: LIMIT 0, WHERE false.
        probe: bool,
        /// Its LIMIT, if that is a number.
        limit: Option<u64>,
    },
}

/// One leaf of a query.
#[derive(Clone, Debug)]
pub struct BoundLeaf {
    /// What is asked.
    pub leaf: Leaf,
    /// How its release becomes columns of the spliced query.
    pub columns: Columns,
}

/// Finds the leaves of `query`. Parameters of the client are `$1` to `$parameters`; the arrays of
/// the releases are numbered after them.
pub fn bind(query: Query, snapshot: &Snapshot, parameters: usize) -> Result<Bound, Refusal> {
    let mut binder = Binder {
        snapshot,
        leaves: Vec::new(),
        virtuals: Vec::new(),
        ctes: BTreeMap::new(),
        arrays: parameters,
        one_person: None,
    };
    let mut query = query;
    let kind = binder.query(&mut query)?;
    let answer = match kind {
        Kind::Public => Answer::Public,
        Kind::Released => Answer::Released,
        Kind::Rows => Answer::Rows { probe: is_probe(&query), limit: limit(&query) },
    };
    if kind != Kind::Rows {
        binder.nothing_private_left(&query)?;
    } else if let Some(refusal) = binder.one_person {
        return Err(refusal);
    }
    Ok(Bound { leaves: binder.leaves, virtuals: binder.virtuals, query, answer })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Public,
    Released,
    Rows,
}

struct Binder<'a> {
    snapshot: &'a Snapshot,
    leaves: Vec<BoundLeaf>,
    virtuals: Vec<(VirtualTable, usize)>,
    ctes: BTreeMap<String, (Kind, Query)>,
    arrays: usize,
    /// What is said if groups of one person each are shown.
    one_person: Option<Refusal>,
}

impl Binder<'_> {
    fn query(&mut self, query: &mut Query) -> Result<Kind, Refusal> {
        let outer = self.ctes.clone();
        if let Some(with) = &mut query.with {
            let mut kept = Vec::new();
            for mut cte in std::mem::take(&mut with.cte_tables) {
                let original = cte.query.as_ref().clone();
                let name = folded(&cte.alias.name);
                if outer.contains_key(&name) {
                    // Queries are inlined by name where a leaf uses them, so a name is one query.
                    return Err(unsupported(
                        "a second WITH query of the same name",
                        Some("Give each WITH query a name of its own."),
                    )
                    .near(&name));
                }
                // A recursive term sees itself; it can only be public or refused.
                if with.recursive {
                    self.ctes.insert(name.clone(), (Kind::Public, original.clone()));
                }
                let kind = self.query(&mut cte.query)?;
                if with.recursive && kind != Kind::Public {
                    return Err(unsupported("WITH RECURSIVE", None));
                }
                self.ctes.insert(name, (kind, original));
                // Rows of people are inlined where a leaf uses them, and are gone from the rest.
                if kind != Kind::Rows {
                    kept.push(cte);
                }
            }
            with.cte_tables = kept;
        }
        let kind = self.body(query)?;
        // The rows of a common table expression may have been all that the block read.
        if query.with.as_ref().is_some_and(|with| with.cte_tables.is_empty()) {
            query.with = None;
        }
        self.ctes = outer;
        Ok(kind)
    }

    fn body(&mut self, query: &mut Query) -> Result<Kind, Refusal> {
        let Query { body, order_by, limit_clause, .. } = query;
        let kind = match body.as_mut() {
            SetExpr::Select(select) => {
                let order = order_by.as_mut().map(|order| &mut order.kind);
                self.select(select, order)?
            }
            other => self.set(other)?,
        };
        if let Some(LimitClause::LimitOffset { limit: Some(limit), .. }) = limit_clause {
            self.nested(limit)?;
        }
        Ok(kind)
    }

    fn set(&mut self, body: &mut SetExpr) -> Result<Kind, Refusal> {
        match body {
            SetExpr::Select(select) => self.select(select, None),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => Ok(self.set(left)?.max(self.set(right)?)),
            SetExpr::Values(values) => self.nested(values),
            _ => Err(unsupported("this kind of query", None)),
        }
    }

    fn select(
        &mut self,
        select: &mut Select,
        order: Option<&mut OrderByKind>,
    ) -> Result<Kind, Refusal> {
        let written = select.clone();
        let mut kind = Kind::Public;
        let mut released = false;
        for item in &mut select.from {
            for part in self.item(item)? {
                released |= part == Kind::Released;
                kind = kind.max(part);
            }
        }
        if kind != Kind::Rows {
            kind = kind.max(self.expressions(select)?);
            return Ok(kind);
        }
        let distinct = matches!(select.distinct, Some(sqlparser::ast::Distinct::Distinct));
        let asks_values = distinct && !has_window(&written);
        if !is_aggregated(&written) && !asks_values {
            return Ok(Kind::Rows);
        }
        if self.is_per_unit(&written) {
            self.one_person = Some(one_person());
            return Ok(Kind::Rows);
        }
        if released {
            return Err(unsupported(
                "a join of private rows with an aggregate of private rows",
                Some("Aggregate both sides first, then join the aggregates."),
            ));
        }
        *select = written;
        self.leaf(select, order)?;
        self.expressions(select)?;
        Ok(Kind::Released)
    }

    /// Whether each group is a part of one person's rows, which are to be aggregated further.
    fn is_per_unit(&self, select: &Select) -> bool {
        let ctes = self.written_ctes();
        let rows = Rows { snapshot: self.snapshot, ctes: &ctes, depth: 0 };
        let refers = || {
            let group = if is_aggregated(select) {
                group_expressions(select).ok()?
            } else {
                select.projection.iter().filter_map(projected).cloned().collect()
            };
            let source = rows.select(select).ok()?;
            Some(group.iter().filter_map(|key| lower(key, &source.scope).ok()).any(|key| {
                let column = key.as_column();
                column.is_some_and(|column| {
                    let scan = source.scans.get(column.scan);
                    scan.is_some_and(|scan| is_reference(scan, &column.name))
                })
            }))
        };
        refers().unwrap_or(false)
    }

    fn written_ctes(&self) -> BTreeMap<String, Query> {
        self.ctes.iter().map(|(name, (_, query))| (name.clone(), query.clone())).collect()
    }

    /// The kinds of what a FROM item reads.
    fn item(&mut self, item: &mut TableWithJoins) -> Result<Vec<Kind>, Refusal> {
        let mut kinds = vec![self.factor(&mut item.relation)?];
        for join in &mut item.joins {
            kinds.push(self.factor(&mut join.relation)?);
        }
        Ok(kinds)
    }

    fn factor(&mut self, factor: &mut TableFactor) -> Result<Kind, Refusal> {
        if let TableFactor::Table { name, args: None, alias, .. } = factor
            && let Some(table) = VirtualTable::named(&name_parts(name))
        {
            let alias = alias.as_ref().map_or(table.name().to_owned(), |alias| folded(&alias.name));
            *factor = self.virtual_table(table, &alias)?;
            return Ok(Kind::Released);
        }
        match factor {
            TableFactor::Table { name, args, .. } => {
                if args.is_some() {
                    return Ok(Kind::Public);
                }
                Ok(self.table(name))
            }
            TableFactor::Derived { subquery, .. } => self.query(subquery),
            TableFactor::NestedJoin { table_with_joins, .. } => {
                let kinds = self.item(table_with_joins)?;
                Ok(kinds.into_iter().max().unwrap_or(Kind::Public))
            }
            _ => Ok(Kind::Public),
        }
    }

    /// A subquery over arrays in the place of a table of the `noisegate` schema.
    fn virtual_table(&mut self, table: VirtualTable, alias: &str) -> Result<TableFactor, Refusal> {
        let first = self.arrays.saturating_add(1);
        let columns = table.columns();
        self.arrays = self.arrays.saturating_add(columns.len());
        self.virtuals.push((table, first));
        let numbered = |text: &dyn Fn(usize, &(&str, &str)) -> String| {
            let parts: Vec<String> =
                columns.iter().enumerate().map(|(at, column)| text(at, column)).collect();
            parts.join(", ")
        };
        let select = numbered(&|at, (name, ty)| match *ty {
            "timestamp with time zone" => {
                format!("to_timestamp((v.a{at})::double precision) AS {name}")
            }
            ty => format!("(v.a{at})::{ty} AS {name}"),
        });
        let arrays = numbered(&|at, _| format!("${}::text[]", first.saturating_add(at)));
        let names = numbered(&|at, _| format!("a{at}"));
        let alias = alias.replace('"', "\"\"");
        let query = parse::query(&format!(
            "SELECT 1 FROM (SELECT {select} FROM unnest({arrays}) AS v({names})) AS \"{alias}\""
        ))?;
        match *query.body {
            SetExpr::Select(select) => select
                .from
                .into_iter()
                .next()
                .map(|item| item.relation)
                .ok_or_else(|| unsupported("this table", None)),
            _ => Err(unsupported("this table", None)),
        }
    }

    fn table(&self, name: &ObjectName) -> Kind {
        let parts = name_parts(name);
        match parts.as_slice() {
            [name] => self.ctes.get(name).map_or(Kind::Public, |(kind, _)| *kind),
            [schema, name] => match self.snapshot.relation(schema, name) {
                Some(relation) if relation.is_private() => Kind::Rows,
                _ => Kind::Public,
            },
            _ => Kind::Public,
        }
    }

    /// The subqueries inside a block's expressions.
    fn expressions(&mut self, select: &mut Select) -> Result<Kind, Refusal> {
        let mut kind = self.nested(&mut select.projection)?;
        kind = kind.max(self.nested(&mut select.selection)?);
        kind = kind.max(self.nested(&mut select.having)?);
        for join in select.from.iter_mut().flat_map(|item| item.joins.iter_mut()) {
            kind = kind.max(self.nested(&mut join.join_operator)?);
        }
        Ok(kind)
    }

    /// The subqueries inside something.
    fn nested(&mut self, part: &mut impl VisitMut) -> Result<Kind, Refusal> {
        let mut nested = Nested { binder: self, kind: Kind::Public };
        match part.visit(&mut nested) {
            ControlFlow::Break(refusal) => Err(refusal),
            ControlFlow::Continue(()) => Ok(nested.kind),
        }
    }

    /// Cuts one leaf out.
    fn leaf(
        &mut self,
        select: &mut Select,
        order: Option<&mut OrderByKind>,
    ) -> Result<(), Refusal> {
        let ctes = self.written_ctes();
        let rows = Rows { snapshot: self.snapshot, ctes: &ctes, depth: 0 };
        let source = rows.select(select)?;
        let mut group = group_expressions(select)?;
        if group.is_empty()
            && matches!(select.distinct, Some(sqlparser::ast::Distinct::Distinct))
            && !is_aggregated(select)
        {
            // DISTINCT over rows asks which values there are: the same as grouping by them.
            group = select.projection.iter().filter_map(projected).cloned().collect();
        }
        let mut keys = Vec::new();
        for expr in &group {
            keys.push(lower(expr, &source.scope)?);
        }
        let number = self.leaves.len().saturating_add(1);
        let mut rewriter = Rewriter::new(format!("leaf_{number}"), &source, &group, select);
        rewriter.rewrite(select, order)?;
        let quantiles = rewriter.take_quantiles();
        let (statistics, values) = rewriter.finish();
        let keys = keys::with_domains(keys, &source, self.snapshot);
        let leaf = Leaf {
            scans: source.all_scans(),
            joins: source.joins,
            filter: source.filter,
            keys,
            statistics,
        };
        super::direct::check(&leaf, self.snapshot)?;
        super::quantiles::check_size(&leaf)?;
        let columns = Columns::new(number, self.arrays, &leaf, values).with_quantiles(quantiles);
        self.arrays = self.arrays.saturating_add(columns.width());
        select.from = columns.unnested()?;
        select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
        select.selection = select.having.take();
        self.leaves.push(BoundLeaf { leaf, columns });
        Ok(())
    }

    fn nothing_private_left(&self, query: &Query) -> Result<(), Refusal> {
        let mut search = Search { snapshot: self.snapshot };
        match query.visit(&mut search) {
            ControlFlow::Break(name) => Err(rows_refused().near(&name)),
            ControlFlow::Continue(()) => Ok(()),
        }
    }
}

struct Nested<'a, 'b> {
    binder: &'a mut Binder<'b>,
    kind: Kind,
}

impl VisitorMut for Nested<'_, '_> {
    type Break = Refusal;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Refusal> {
        match self.binder.query(query) {
            Ok(Kind::Rows) => ControlFlow::Break(rows_refused()),
            Ok(kind) => {
                self.kind = self.kind.max(kind);
                ControlFlow::Continue(())
            }
            Err(refusal) => ControlFlow::Break(refusal),
        }
    }
}

struct Search<'a> {
    snapshot: &'a Snapshot,
}

impl Visitor for Search<'_> {
    type Break = String;

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<String> {
        match name_parts(name).as_slice() {
            [schema, name]
                if self
                    .snapshot
                    .relation(schema, name)
                    .is_some_and(super::super::catalog::snapshot::Relation::is_private) =>
            {
                ControlFlow::Break(name.clone())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

fn name_parts(name: &ObjectName) -> Vec<String> {
    name.0.iter().filter_map(|part| part.as_ident()).map(folded).collect()
}

pub(crate) fn is_aggregated(select: &Select) -> bool {
    !matches!(&select.group_by, GroupByExpr::Expressions(exprs, modifiers)
        if exprs.is_empty() && modifiers.is_empty())
        || select.having.is_some()
        || select.projection.iter().filter_map(projected).any(has_aggregate)
}

pub(crate) fn has_window(select: &Select) -> bool {
    struct Find;
    impl Visitor for Find {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Ast) -> ControlFlow<()> {
            match expr {
                Ast::Function(function) if function.over.is_some() => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    select.projection.visit(&mut Find).is_break()
}

fn projected(item: &SelectItem) -> Option<&Ast> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

pub(crate) fn group_expressions(select: &Select) -> Result<Vec<Ast>, Refusal> {
    let GroupByExpr::Expressions(exprs, modifiers) = &select.group_by else {
        return Err(unsupported("GROUP BY ALL", None));
    };
    let sets = exprs.iter().any(|expr| {
        matches!(strip(expr), Ast::Rollup(_) | Ast::Cube(_) | Ast::GroupingSets(_) | Ast::Tuple(_))
    });
    if sets || !modifiers.is_empty() {
        return Err(unsupported(
            "GROUPING SETS, ROLLUP or CUBE",
            Some("Ask for each grouping in a query of its own."),
        ));
    }
    Ok(exprs.iter().map(strip).cloned().collect())
}
