//! Finds the leaves of a canonical query and cuts them out.
//!
//! A leaf is a query block that aggregates private rows. Each is replaced, in the tree, by
//! `unnest(arrays) AS leaf_n(k1, …, a1, …)`; HAVING becomes WHERE, and all that stands above stays
//! PostgreSQL's. What is left of the tree names no private table: that is checked at the end,
//! and whatever slipped through would meet the shadow's empty tables.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

use noisegate_privacy::expr::Expr;
use noisegate_privacy::plan::{Leaf, Statistic};
use noisegate_privacy::unit::{is_reference, keys_follow_unit};
use sqlparser::ast::{
    Expr as Ast, GroupByExpr, LimitClause, ObjectName, OrderByKind, Query, Select, SelectItem,
    SetExpr, TableFactor, TableWithJoins, Visit, VisitMut, Visitor, VisitorMut,
};

use super::aggregate_list::has_aggregate;
use super::aggregates::Rewriter;
use super::columns::Columns;
use super::decorrelate::decorrelate;
use super::free;
use super::given::{Described, Given};
use super::grouping::Groups;
use super::keys;
use super::lower::lower;
use super::parse;
use super::probe::{is_probe, limit};
use super::quantiles;
use super::refusals::{one_person, rows_refused, totals_of_people, unsupported};
use super::scope::{Rows, folded, named_columns};
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
    /// What leaves are given by the shadow.
    pub given: Vec<Given>,
    /// The query with each leaf cut out.
    pub query: Query,
    /// What kind of answer it gives.
    pub answer: Answer,
    /// What the analyst is to be told of parts that the policy answers.
    pub notes: Vec<String>,
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
///
/// Some subqueries have to be described by PostgreSQL first; `described` holds those that were.
pub fn bind(
    query: Query,
    snapshot: &Snapshot,
    parameters: usize,
    described: &Described,
) -> Result<Bound, Unbound> {
    let mut binder = Binder {
        described,
        unknown: Vec::new(),
        given: Vec::new(),
        steps: 0,
        on_source: parameters,
        snapshot,
        leaves: Vec::new(),
        virtuals: Vec::new(),
        ctes: BTreeMap::new(),
        arrays: parameters,
        one_person: None,
        notes: Vec::new(),
    };
    let mut query = query;
    names_are_free(&query)?;
    quantiles::medians(&mut query);
    decorrelate(&mut query, snapshot);
    let kind = binder.query(&mut query);
    if !binder.unknown.is_empty() {
        return Err(Unbound::Describe(binder.unknown));
    }
    let kind = kind?;
    let answer = match kind {
        Kind::Public => Answer::Public,
        Kind::Released => Answer::Released,
        Kind::Rows => Answer::Rows { probe: is_probe(&query), limit: limit(&query) },
    };
    if kind != Kind::Rows {
        binder.nothing_private_left(&query)?;
    } else if let Some(refusal) = binder.one_person {
        return Err(refusal.into());
    }
    let Binder { leaves, virtuals, given, notes, .. } = binder;
    Ok(Bound { leaves, virtuals, given, query, answer, notes })
}

/// Refuses aliases that a released leaf has for itself.
fn names_are_free(query: &Query) -> Result<(), Refusal> {
    struct Aliases;
    impl Visitor for Aliases {
        type Break = String;
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
            let alias = match factor {
                TableFactor::Table { alias, .. }
                | TableFactor::Derived { alias, .. }
                | TableFactor::Function { alias, .. }
                | TableFactor::UNNEST { alias, .. }
                | TableFactor::NestedJoin { alias, .. } => alias.as_ref(),
                _ => None,
            };
            let taken = |name: &String| {
                let number = name.strip_prefix("leaf_");
                number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
            };
            match alias.map(|alias| folded(&alias.name)).filter(taken) {
                Some(name) => ControlFlow::Break(name),
                None => ControlFlow::Continue(()),
            }
        }
    }
    match query.visit(&mut Aliases) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(name) => {
            let refusal = unsupported("an alias such as leaf_1", Some("Give it another name."));
            Err(refusal.near(&name))
        }
    }
}

/// Why a query is not bound.
#[derive(Debug)]
pub enum Unbound {
    /// It is refused.
    Refusal(Refusal),
    /// The columns of these queries are to be known first.
    Describe(Vec<String>),
}

impl From<Refusal> for Unbound {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Public,
    Released,
    Rows,
}

/// The most queries that one text may be bound as: blocks of a leaf are looked at twice.
const STEPS_MAX: u32 = 1_000;

pub(super) struct Binder<'a> {
    snapshot: &'a Snapshot,
    pub(super) described: &'a Described,
    pub(super) unknown: Vec<String>,
    pub(super) given: Vec<Given>,
    steps: u32,
    /// Parameters of leaves on the source: the client's, then what leaves are given.
    on_source: usize,
    leaves: Vec<BoundLeaf>,
    virtuals: Vec<(VirtualTable, usize)>,
    /// The common table expressions in sight, as written.
    pub(super) ctes: BTreeMap<String, (Kind, Query)>,
    arrays: usize,
    notes: Vec<String>,
    /// What is said if groups of one person each are shown.
    one_person: Option<Refusal>,
}

/// How far a binder has come.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    leaves: usize,
    virtuals: usize,
    given: usize,
    arrays: usize,
    on_source: usize,
}

impl Binder<'_> {
    pub(super) fn mark(&self) -> Mark {
        Mark {
            leaves: self.leaves.len(),
            virtuals: self.virtuals.len(),
            given: self.given.len(),
            arrays: self.arrays,
            on_source: self.on_source,
        }
    }

    /// Forgets what came after `mark`.
    pub(super) fn reset(&mut self, mark: Mark) {
        self.leaves.truncate(mark.leaves);
        self.virtuals.truncate(mark.virtuals);
        self.given.truncate(mark.given);
        self.arrays = mark.arrays;
        self.on_source = mark.on_source;
    }

    /// Whether what came after `mark` reads a table of the `noisegate` schema.
    pub(super) fn virtuals_since(&self, mark: &Mark) -> bool {
        self.virtuals.len() > mark.virtuals
    }

    /// The number of the first of `count` parameters of the spliced query.
    pub(super) fn next_parameters(&mut self, count: usize) -> usize {
        let first = self.arrays.saturating_add(1);
        self.arrays = self.arrays.saturating_add(count);
        first
    }

    /// The number of the first of `count` parameters of a leaf on the source.
    pub(super) fn next_on_source(&mut self, count: usize) -> usize {
        let first = self.on_source.saturating_add(1);
        self.on_source = self.on_source.saturating_add(count);
        first
    }

    /// A common table expression: its name, its kind, and the query as written.
    pub(super) fn written_cte(&self, name: &ObjectName) -> Option<(String, Kind, Query)> {
        let parts = name_parts(name);
        let [name] = parts.as_slice() else { return None };
        let (kind, query) = self.ctes.get(name)?;
        Some((name.clone(), *kind, query.clone()))
    }

    pub(super) fn query(&mut self, query: &mut Query) -> Result<Kind, Refusal> {
        self.steps = self.steps.saturating_add(1);
        if self.steps > STEPS_MAX {
            return Err(unsupported("a query of this many parts", None));
        }
        let outer = self.ctes.clone();
        if let Some(with) = &mut query.with {
            let mut kept = Vec::new();
            for mut cte in std::mem::take(&mut with.cte_tables) {
                let original = named_columns(&cte);
                let name = folded(&cte.alias.name);
                if name.starts_with("noisegate_") {
                    return Err(unsupported(
                        "a WITH query whose name begins with noisegate_",
                        Some("Give it another name."),
                    )
                    .near(&name));
                }
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
        let mark = self.mark();
        let mut kind = Kind::Public;
        for item in &mut select.from {
            kind = kind.max(self.item(item)?);
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
        self.reset(mark);
        let first_given = self.given.len();
        let mut given = written;
        self.give(&mut given)?;
        if self.is_per_unit(&given) {
            self.reset(mark);
            self.one_person = Some(one_person());
            return Ok(Kind::Rows);
        }
        *select = given;
        let leaves = self.leaves.len();
        self.leaf(select, order)?;
        // Values that are public anyway need no leaf, and then it is given nothing.
        if self.leaves.len() > leaves {
            let given = self.given.iter_mut().skip(first_given);
            given.filter(|one| one.leaf == usize::MAX).for_each(|one| one.leaf = leaves);
        }
        self.expressions(select)?;
        Ok(Kind::Released)
    }

    /// Whether each group is a part of one person's rows, which are to be aggregated further.
    fn is_per_unit(&self, select: &Select) -> bool {
        let ctes = self.written_ctes();
        let read = Cell::new(0);
        let rows = Rows::new(self.snapshot, &ctes, &self.given, &read);
        let refers = || {
            let group = if is_aggregated(select) {
                Groups::of(&mut select.clone()).ok()?.keys
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

    /// The kind of what a FROM item reads.
    fn item(&mut self, item: &mut TableWithJoins) -> Result<Kind, Refusal> {
        let mut kind = self.factor(&mut item.relation)?;
        for join in &mut item.joins {
            kind = kind.max(self.factor(&mut join.relation)?);
        }
        Ok(kind)
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
            TableFactor::NestedJoin { table_with_joins, .. } => self.item(table_with_joins),
            _ => Ok(Kind::Public),
        }
    }

    /// A subquery over arrays in the place of a table of the `noisegate` schema.
    fn virtual_table(&mut self, table: VirtualTable, alias: &str) -> Result<TableFactor, Refusal> {
        let columns = table.columns();
        let first = self.next_parameters(columns.len());
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
        let read = Cell::new(0);
        let rows = Rows::new(self.snapshot, &ctes, &self.given, &read);
        let source = rows.select(select)?;
        let Groups { mut keys, totals } = Groups::of(select)?;
        if matches!(select.distinct, Some(sqlparser::ast::Distinct::Distinct))
            && !is_aggregated(select)
        {
            // DISTINCT over rows asks which values there are: the same as grouping by them.
            keys = select.projection.iter().filter_map(projected).cloned().collect();
        }
        let mut grouped = Vec::new();
        for key in keys {
            let expr = lower(&key, &source.scope)?;
            // What reads no row makes no groups, and stays where it is.
            if !expr.scans().is_empty() {
                grouped.push((key, expr));
            }
        }
        // In an order of their own: the same keys in another order are the same question.
        grouped.sort_by_cached_key(|(_, expr)| format!("{expr:?}"));
        let (group, lowered): (Vec<Ast>, Vec<Expr>) = grouped.into_iter().unzip();
        let alias = format!("leaf_{}", self.leaves.len().saturating_add(1));
        let mut rewriter =
            Rewriter::new(alias.clone(), &source, self.snapshot, &group, totals, select);
        rewriter.rewrite(select, order)?;
        let mut computed = rewriter.finish();
        self.notes.append(&mut computed.notes);
        let mut leaf = Leaf {
            keys: keys::with_domains(lowered, &source, self.snapshot),
            scans: source.all_scans(),
            joins: source.all_joins(),
            filter: source.filter,
            statistics: std::mem::take(&mut computed.statistics),
        };
        super::unused::drop_unused(&mut leaf);
        super::direct::check(&leaf, self.snapshot)?;
        super::quantiles::check_size(&leaf)?;
        let of_people = |one: &Statistic| matches!(one, Statistic::Units { .. });
        let apart = !leaf.statistics.iter().all(Statistic::is_additive);
        let people = leaf.statistics.iter().any(of_people) && !keys_follow_unit(&leaf);
        if totals && (apart || people) {
            return Err(totals_of_people());
        }
        let free = if leaf.statistics.is_empty() { free::public_keys(&leaf, &alias) } else { None };
        select.from = if let Some(from) = free {
            if !leaf.keys.is_empty() {
                self.notes.push(free::KEYS_NOTE.to_owned());
            }
            from?
        } else {
            if leaf.statistics.is_empty() {
                leaf.statistics.push(Statistic::Units { filter: None });
            }
            let columns = Columns::new(alias, self.arrays, &leaf, computed, totals);
            self.arrays = self.arrays.saturating_add(columns.width());
            let from = columns.unnested(&[])?;
            self.leaves.push(BoundLeaf { leaf, columns });
            from
        };
        select.selection = None;
        if !totals {
            select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
            select.selection = select.having.take();
        }
        Ok(())
    }

    pub(super) fn nothing_private_left(&self, query: &Query) -> Result<(), Refusal> {
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

pub(super) fn name_parts(name: &ObjectName) -> Vec<String> {
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
