//! What the names in a FROM clause stand for, with subqueries inlined.

use std::collections::BTreeMap;

use noisegate_privacy::expr::{Column, Expr, Node};
use noisegate_privacy::plan::{JoinKind, Joins, Scan};
use sqlparser::ast::{
    self, GroupByExpr, Ident, JoinConstraint, JoinOperator, Query, Select, SelectItem, SetExpr,
    TableFactor, TableWithJoins,
};

use super::joins::{combine, conjunction, flatten, map_joins, push_down};
use super::lower::lower;
use super::refusals::{limit_below, unsupported};
use crate::catalog::snapshot::{Relation, Snapshot};
use crate::error::{Code, Refusal};

/// The relations that an expression can name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    relations: Vec<(String, BTreeMap<String, Expr>)>,
}

impl Scope {
    /// The expression that `alias.column` stands for.
    pub(crate) fn column(&self, parts: &[Ident]) -> Result<Expr, Refusal> {
        let (alias, name) = match parts {
            [alias, name] => (Some(folded(alias)), folded(name)),
            [name] => (None, folded(name)),
            _ => return Err(unsupported("a name of more than two parts", None)),
        };
        let mut found = self.relations.iter().filter_map(|(relation, columns)| {
            alias.as_ref().is_none_or(|alias| alias == relation).then(|| columns.get(&name))?
        });
        match (found.next(), found.next()) {
            (Some(expr), None) => Ok(expr.clone()),
            _ => Err(Refusal::new(
                Code::Unsupported,
                format!("\"{name}\" is no column of the tables that this block aggregates."),
                "An inner query over private rows cannot refer to the outer one (join them and \
                 use GROUP BY), and system columns are not available.",
            )
            .near(&name)),
        }
    }
}

/// Rows of tables, joined and filtered, with nothing aggregated.
#[derive(Clone, Debug)]
pub(crate) struct RowSource {
    pub(crate) scans: Vec<Scan>,
    pub(crate) joins: Joins,
    pub(crate) filter: Vec<Expr>,
    pub(crate) scope: Scope,
}

/// Builds row sources.
pub(crate) struct Rows<'a> {
    pub(crate) snapshot: &'a Snapshot,
    /// Common table expressions in scope, as written, by name.
    pub(crate) ctes: &'a BTreeMap<String, Query>,
    pub(crate) depth: u32,
}

/// The deepest nesting of subqueries.
const DEPTH_MAX: u32 = 32;
/// The most tables of one leaf.
const SCANS_MAX: usize = 32;
/// The largest column of a subquery.
const NODES_MAX: usize = 5_000;

impl Rows<'_> {
    /// The rows of a FROM clause with its WHERE.
    pub(crate) fn select(&self, select: &Select) -> Result<RowSource, Refusal> {
        if self.depth > DEPTH_MAX {
            return Err(unsupported("nesting this deep", None));
        }
        let mut items = Vec::new();
        let mut scans = Vec::new();
        for item in &select.from {
            items.push(self.joined(item, &mut scans)?);
        }
        let scope = Scope { relations: items.iter().flat_map(|i| i.relations.clone()).collect() };
        let mut conjuncts = Vec::new();
        if let Some(selection) = &select.selection {
            conjunction(lower(selection, &scope)?, &mut conjuncts);
        }
        conjuncts.extend(items.iter().flat_map(|item| item.filter.clone()));
        // Inner joins may be made in any order; the one that follows the unit is found below.
        let mut parts = Vec::new();
        for item in items {
            flatten(item.joins, &mut parts, &mut conjuncts);
        }
        let joins =
            combine(parts, &conjuncts).ok_or_else(|| unsupported("a query without FROM", None))?;
        let mut source = RowSource { scans, joins, filter: Vec::new(), scope };
        for conjunct in conjuncts {
            if let Some(rest) = push_down(&mut source.joins, conjunct) {
                source.filter.push(rest);
            }
        }
        Ok(source)
    }

    fn joined(&self, item: &TableWithJoins, scans: &mut Vec<Scan>) -> Result<Item, Refusal> {
        let mut left = self.factor(&item.relation, scans)?;
        for join in &item.joins {
            let right = self.factor(&join.relation, scans)?;
            left = match &join.join_operator {
                JoinOperator::Join(on) | JoinOperator::Inner(on) | JoinOperator::CrossJoin(on) => {
                    join_items(JoinKind::Inner, left, right, on)?
                }
                JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => {
                    join_items(JoinKind::Left, left, right, on)?
                }
                JoinOperator::Right(on) | JoinOperator::RightOuter(on) => {
                    join_items(JoinKind::Left, right, left, on)?
                }
                _ => {
                    return Err(unsupported(
                        "this kind of join",
                        Some("Use an inner or a left join."),
                    ));
                }
            };
        }
        Ok(left)
    }

    fn factor(&self, factor: &TableFactor, scans: &mut Vec<Scan>) -> Result<Item, Refusal> {
        if scans.len() >= SCANS_MAX {
            return Err(unsupported("a query over this many tables", None));
        }
        match factor {
            TableFactor::Table { name, alias, args: None, sample: None, .. } => {
                let mut parts = Vec::new();
                for part in &name.0 {
                    match part {
                        ast::ObjectNamePart::Identifier(ident) => parts.push(folded(ident)),
                        ast::ObjectNamePart::Function(_) => {
                            return Err(unsupported("this table name", None));
                        }
                    }
                }
                self.named(&parts, alias.as_ref(), scans)
            }
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let columns = self.query(subquery, scans)?;
                Ok(columns.aliased(alias.as_ref()))
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                self.joined(table_with_joins, scans)
            }
            TableFactor::Table { sample: Some(_), .. } => Err(limit_below("TABLESAMPLE")),
            _ => Err(unsupported(
                "a table function, LATERAL or an aliased join",
                Some("Join tables and subqueries only."),
            )),
        }
    }

    fn named(
        &self,
        parts: &[String],
        alias: Option<&ast::TableAlias>,
        scans: &mut Vec<Scan>,
    ) -> Result<Item, Refusal> {
        match parts {
            [name] => {
                let query = self.ctes.get(name).ok_or_else(|| {
                    unsupported(
                        &format!("the relation \"{name}\" beside private tables"),
                        Some("Use tables that the policy lists."),
                    )
                    .near(name)
                })?;
                let columns = self.query(query, scans)?;
                Ok(if alias.is_some() { columns.aliased(alias) } else { columns.named(name) })
            }
            [schema, name] => {
                let relation = self.snapshot.relation(schema, name).ok_or_else(|| {
                    unsupported(
                        &format!("the relation \"{schema}.{name}\" beside private tables"),
                        Some("Use tables that the policy lists."),
                    )
                    .near(name)
                })?;
                let columns = scan(relation, scans);
                Ok(columns.named(name).aliased(alias))
            }
            _ => Err(unsupported("a table name of three parts", None)),
        }
    }

    /// The rows of a subquery without aggregation.
    fn query(&self, query: &Query, scans: &mut Vec<Scan>) -> Result<Item, Refusal> {
        if query.limit_clause.is_some() || query.fetch.is_some() {
            return Err(limit_below("LIMIT or OFFSET"));
        }
        if !query.locks.is_empty() {
            return Err(unsupported("FOR UPDATE inside a subquery", None));
        }
        // The binder has refused names that stand for two queries.
        let mut ctes = self.ctes.clone();
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            ctes.insert(folded(&cte.alias.name), cte.query.as_ref().clone());
        }
        let select = match query.body.as_ref() {
            SetExpr::Select(select) => select,
            SetExpr::Query(inner) => {
                return Rows { ctes: &ctes, ..*self }.query(inner, scans);
            }
            _ => {
                return Err(unsupported(
                    "UNION, EXCEPT, INTERSECT or VALUES below an aggregate",
                    Some("Aggregate each part, then combine the aggregates."),
                ));
            }
        };
        plain_select(select)?;
        let inner =
            Rows { snapshot: self.snapshot, ctes: &ctes, depth: self.depth.saturating_add(1) };
        let source = inner.select(select)?;
        let offset = scans.len();
        let shift = |scan: usize| scan.saturating_add(offset);
        let mut columns = BTreeMap::new();
        for item in &select.projection {
            let SelectItem::ExprWithAlias { expr, alias } = item else {
                let SelectItem::UnnamedExpr(expr) = item else {
                    return Err(unsupported("a column without a name", None));
                };
                let mut lowered = lower(expr, &source.scope)?;
                small(&lowered)?;
                lowered.map_scans(&shift);
                if let Some(name) = last_name(expr) {
                    columns.insert(name, lowered);
                }
                continue;
            };
            let mut lowered = lower(expr, &source.scope)?;
            small(&lowered)?;
            lowered.map_scans(&shift);
            columns.insert(folded(alias), lowered);
        }
        let mut item = Item {
            joins: source.joins,
            filter: source.filter,
            relations: vec![(String::new(), columns)],
        };
        item.joins = map_joins(item.joins, &shift);
        item.filter.iter_mut().for_each(|filter| filter.map_scans(&shift));
        scans.extend(source.scans);
        Ok(item)
    }
}

/// Columns are inlined where they are used, so `x + x AS x`, nested, doubles at each level.
fn small(expr: &Expr) -> Result<(), Refusal> {
    if expr.size() > NODES_MAX {
        return Err(unsupported("an expression this large", Some("Compute it in fewer steps.")));
    }
    Ok(())
}

/// One item of a FROM clause.
#[derive(Clone, Debug)]
struct Item {
    joins: Joins,
    filter: Vec<Expr>,
    relations: Vec<(String, BTreeMap<String, Expr>)>,
}

impl Item {
    fn named(mut self, name: &str) -> Self {
        if let Some(relation) = self.relations.first_mut() {
            name.clone_into(&mut relation.0);
        }
        self
    }

    fn aliased(self, alias: Option<&ast::TableAlias>) -> Self {
        match alias {
            Some(alias) => self.named(&folded(&alias.name)),
            None => self,
        }
    }
}

/// Refuses what a subquery may not have if its rows are to be used one by one.
fn plain_select(select: &Select) -> Result<(), Refusal> {
    if select.distinct.is_some() {
        return Err(limit_below("DISTINCT"));
    }
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(exprs, modifiers)
        if exprs.is_empty() && modifiers.is_empty());
    if grouped || select.having.is_some() {
        return Err(unsupported(
            "an aggregate of an aggregate below a join with private rows",
            Some("Aggregate once, and combine the results above."),
        ));
    }
    Ok(())
}

fn scan(relation: &Relation, scans: &mut Vec<Scan>) -> Item {
    let at = scans.len();
    let columns = relation.columns.iter().map(|column| {
        let node = Node::Column(Column {
            scan: at,
            name: column.name.clone(),
            bounds: column.bounds.clone(),
            nullable: !column.not_null,
        });
        (column.name.clone(), Expr { node, ty: column.ty.clone() })
    });
    let item = Item {
        joins: Joins::Scan(at),
        filter: Vec::new(),
        relations: vec![(relation.name.clone(), columns.collect())],
    };
    scans.push(Scan {
        schema: relation.schema.clone(),
        table: relation.name.clone(),
        exposure: relation.exposure.clone(),
        unique: relation.unique.clone(),
    });
    item
}

fn join_items(
    kind: JoinKind,
    left: Item,
    mut right: Item,
    on: &JoinConstraint,
) -> Result<Item, Refusal> {
    if kind == JoinKind::Left {
        null_extend(&mut right)?;
    }
    let mut conditions = Vec::new();
    if let JoinConstraint::Using(names) = on {
        for name in names {
            conditions.push(same_column(&left, &right, name)?);
        }
    }
    let mut relations = left.relations;
    relations.extend(right.relations);
    let scope = Scope { relations: relations.clone() };
    match on {
        JoinConstraint::On(on) => conjunction(lower(on, &scope)?, &mut conditions),
        JoinConstraint::None | JoinConstraint::Using(_) => {}
        JoinConstraint::Natural => {
            return Err(unsupported("NATURAL", Some("Write the join's condition after ON.")));
        }
    }
    let mut filter = left.filter;
    if kind == JoinKind::Left {
        // The right side's own filter decides which of its rows can match.
        conditions.extend(right.filter);
    } else {
        filter.extend(right.filter);
    }
    let joins = Joins::Join {
        kind,
        left: Box::new(left.joins),
        right: Box::new(right.joins),
        on: conditions,
    };
    Ok(Item { joins, filter, relations })
}

/// The equality that USING means for one name. Where a side has the name twice, they were merged
/// by a USING before, and the first stands for both.
fn same_column(left: &Item, right: &Item, name: &ast::ObjectName) -> Result<Expr, Refusal> {
    let ident = name.0.last().and_then(|part| part.as_ident());
    let column = |item: &Item| {
        let name = folded(ident?);
        item.relations.iter().find_map(|(_, columns)| columns.get(&name)).cloned()
    };
    match (column(left), column(right)) {
        (Some(left), Some(right)) => Ok(Expr::call(
            noisegate_privacy::expr::Function::Eq,
            vec![left, right],
            noisegate_privacy::expr::Type::Bool,
        )),
        _ => Err(unsupported("this USING", Some("Write the join's condition after ON."))),
    }
}

/// Marks what the right side of a left join gives as nullable. A computed column would have to
/// become NULL as a whole, which its expression does not say, so only plain columns pass.
fn null_extend(item: &mut Item) -> Result<(), Refusal> {
    for (_, columns) in &mut item.relations {
        for expr in columns.values_mut() {
            match &mut expr.node {
                Node::Column(column) => column.nullable = true,
                _ => {
                    return Err(unsupported(
                        "a computed column on the right side of a left join",
                        Some("Join the table itself, and compute above the join."),
                    ));
                }
            }
        }
    }
    Ok(())
}

/// The name that PostgreSQL gives an unnamed column: that of the column it is.
fn last_name(expr: &ast::Expr) -> Option<String> {
    match expr {
        ast::Expr::CompoundIdentifier(parts) => parts.last().map(folded),
        ast::Expr::Identifier(name) => Some(folded(name)),
        _ => None,
    }
}

/// An identifier as PostgreSQL reads it.
pub(crate) fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}
