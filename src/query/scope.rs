//! What the names in a FROM clause stand for, with subqueries inlined.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use noisegate_privacy::expr::{Column, Expr, Node};
use noisegate_privacy::plan::{Exposure, JoinKind, Joins, Relation as Read, Scan};
use sqlparser::ast::{
    self, Ident, JoinConstraint, JoinOperator, Query, Select, SetExpr, TableFactor, TableWithJoins,
};

use super::decorrelate;
use super::given::{Given, by_name};
use super::joins::{combine, conjunction, flatten, push_down};
use super::lower::lower_condition;
use super::refusals::{limit_below, unsupported};
use super::splice::rename;
use crate::catalog::snapshot::{Relation, Snapshot};
use crate::error::{Code, Refusal};

/// The relations that an expression can name, by alias.
pub(crate) type Relations = Vec<(String, BTreeMap<String, Expr>)>;

/// What an expression can name, and where its subqueries read.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    relations: Relations,
    /// What is around a subquery.
    outer: Option<Rc<Scope<'a>>>,
    /// How subqueries of this block are read.
    pub(crate) rows: Rows<'a>,
    /// The scans of this block, to which a subquery adds its own.
    pub(crate) scans: Scans,
    /// What is to be joined to the block besides: one row at most for each of its rows.
    pub(crate) lookups: Lookups,
}

/// Scans to be joined to the left of, with their conditions.
pub(crate) type Lookups = Rc<RefCell<Vec<(usize, Vec<Expr>)>>>;

/// The scans of one block, while it is read.
pub(crate) type Scans = Rc<RefCell<Vec<Scan>>>;

impl<'a> Scope<'a> {
    pub(crate) fn new(relations: Relations, rows: Rows<'a>, scans: &Scans) -> Self {
        let lookups = Lookups::default();
        Self { relations, outer: None, rows, scans: Rc::clone(scans), lookups }
    }

    /// The scope of what is around a subquery whose scans are numbered on their own: here they
    /// begin with `offset`.
    pub(crate) fn apart(&self, offset: usize) -> Self {
        let mut scope = self.clone();
        for (_, columns) in &mut scope.relations {
            for expr in columns.values_mut() {
                expr.map_scans(&|scan| scan.saturating_add(offset));
            }
        }
        scope.outer = self.outer.as_ref().map(|outer| Rc::new(outer.apart(offset)));
        scope
    }

    /// The same block with one relation more.
    pub(crate) fn also(&self, alias: &str, columns: BTreeMap<String, Expr>) -> Self {
        let mut scope = self.clone();
        scope.relations.push((alias.to_owned(), columns));
        scope
    }

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
        match (found.next(), found.next(), &self.outer) {
            (Some(expr), None, _) => Ok(expr.clone()),
            (None, None, Some(outer)) => outer.column(parts),
            _ => Err(Refusal::new(
                Code::Unsupported,
                format!("\"{name}\" is no column of the tables that this block aggregates."),
                "An inner query over private rows can refer to the outer one inside EXISTS and IN, \
                 along a declared key, or by equality with a column of a public table; elsewhere \
                 join them. System columns are not available.",
            )
            .near(&name)),
        }
    }
}

/// Rows of tables, joined and filtered, with nothing aggregated.
#[derive(Clone)]
pub(crate) struct RowSource<'a> {
    pub(crate) scans: Vec<Scan>,
    pub(crate) joins: Joins,
    pub(crate) filter: Vec<Expr>,
    pub(crate) scope: Scope<'a>,
}

impl RowSource<'_> {
    /// The joins, with what subqueries in expressions have added since.
    pub(crate) fn all_joins(&self) -> Joins {
        with_lookups(self.joins.clone(), &self.scope.lookups)
    }

    /// All scans, also those that subqueries in expressions have added since.
    pub(crate) fn all_scans(&self) -> Vec<Scan> {
        self.scope.scans.borrow().clone()
    }
}

/// Looks up, for each row of the joins, the one row of each scan.
fn with_lookups(mut joins: Joins, lookups: &Lookups) -> Joins {
    for (scan, on) in lookups.borrow().iter() {
        joins = Joins::Join {
            kind: JoinKind::Left,
            left: Box::new(joins),
            right: Box::new(Joins::Scan(*scan)),
            on: on.clone(),
        };
    }
    joins
}

/// Builds row sources.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) snapshot: &'a Snapshot,
    /// Common table expressions in scope, as written, by name.
    pub(crate) ctes: &'a BTreeMap<String, Query>,
    /// What is given as tables.
    pub(crate) given: &'a [Given],
    pub(crate) depth: u32,
    /// How many tables were read so far: each mention of a WITH query reads its own again.
    pub(crate) read: &'a Cell<u32>,
}

/// The most tables that a query may come to read.
const READ_MAX: u32 = 200;
/// The deepest nesting of subqueries.
const DEPTH_MAX: u32 = 32;
/// The most tables of one leaf.
const SCANS_MAX: usize = 32;

impl<'a> Rows<'a> {
    pub(crate) fn new(
        snapshot: &'a Snapshot,
        ctes: &'a BTreeMap<String, Query>,
        given: &'a [Given],
        read: &'a Cell<u32>,
    ) -> Self {
        Self { snapshot, ctes, given, depth: 0, read }
    }

    /// The rows of a FROM clause with its WHERE.
    pub(crate) fn select(&self, select: &Select) -> Result<RowSource<'a>, Refusal> {
        let scans = Scans::default();
        self.block(select, &scans, None)
    }

    /// The same, beside scans that are there already, with what is around a subquery.
    pub(crate) fn block(
        &self,
        select: &Select,
        scans: &Scans,
        outer: Option<Rc<Scope<'a>>>,
    ) -> Result<RowSource<'a>, Refusal> {
        if self.depth > DEPTH_MAX {
            return Err(unsupported("nesting this deep", None));
        }
        let mut items = Vec::new();
        for item in &select.from {
            items.push(self.joined(item, scans)?);
        }
        let relations = items.iter().flat_map(|item| item.relations.clone()).collect();
        let scope = Scope { outer, ..Scope::new(relations, *self, scans) };
        let mut conjuncts = Vec::new();
        if let Some(selection) = &select.selection {
            conjunction(lower_condition(selection, &scope)?, &mut conjuncts);
        }
        conjuncts.extend(items.iter().flat_map(|item| item.filter.clone()));
        // Inner joins may be made in any order; the one that follows the unit is found below.
        let mut parts = Vec::new();
        for item in items {
            flatten(item.joins, &mut parts, &mut conjuncts);
        }
        let mut joins =
            combine(parts, &conjuncts).ok_or_else(|| unsupported("a query without FROM", None))?;
        let within = joins.scans();
        let mut filter = Vec::new();
        for conjunct in conjuncts {
            // What reads a row around the subquery is no condition of the subquery's joins.
            let own = conjunct.scans().iter().all(|scan| within.contains(scan));
            filter.extend(if own { push_down(&mut joins, conjunct) } else { Some(conjunct) });
        }
        let joins = with_lookups(joins, &scope.lookups);
        scope.lookups.borrow_mut().clear();
        let scans = scans.borrow().clone();
        Ok(RowSource { scans, joins, filter, scope })
    }

    fn joined(&self, item: &TableWithJoins, scans: &Scans) -> Result<Item, Refusal> {
        let mut left = self.factor(&item.relation, scans)?;
        let scope = |relations| Scope::new(relations, *self, scans);
        for join in &item.joins {
            let right = self.factor(&join.relation, scans)?;
            left = match &join.join_operator {
                JoinOperator::Join(on) | JoinOperator::Inner(on) | JoinOperator::CrossJoin(on) => {
                    join_items(JoinKind::Inner, left, right, on, &scope)?
                }
                JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => {
                    join_items(JoinKind::Left, left, right, on, &scope)?
                }
                JoinOperator::Right(on) | JoinOperator::RightOuter(on) => {
                    join_items(JoinKind::Left, right, left, on, &scope)?
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

    fn factor(&self, factor: &TableFactor, scans: &Scans) -> Result<Item, Refusal> {
        self.read.set(self.read.get().saturating_add(1));
        if scans.borrow().len() >= SCANS_MAX || self.read.get() > READ_MAX {
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
                columns.aliased(alias.as_ref())
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
        scans: &Scans,
    ) -> Result<Item, Refusal> {
        match parts {
            [name] => {
                if let Some(given) = by_name(name, self.given) {
                    return given_table(given, scans).aliased(alias);
                }
                let query = self.ctes.get(name).ok_or_else(|| {
                    unsupported(
                        &format!("the relation \"{name}\" beside private tables"),
                        Some("Use tables that the policy lists."),
                    )
                    .near(name)
                })?;
                let columns = self.query(query, scans)?;
                if alias.is_some() { columns.aliased(alias) } else { Ok(columns.named(name)) }
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
                columns.named(name).aliased(alias)
            }
            _ => Err(unsupported("a table name of three parts", None)),
        }
    }

    /// The rows of a subquery: of a table, of what is computed for each unit, or of several parts.
    pub(crate) fn query(&self, query: &Query, scans: &Scans) -> Result<Item, Refusal> {
        if query.limit_clause.is_some() || query.fetch.is_some() {
            return Err(limit_below("LIMIT or OFFSET"));
        }
        if !query.locks.is_empty() {
            return Err(unsupported("FOR UPDATE inside a subquery", None));
        }
        let ctes = self.with(query);
        let rows = Rows { ctes: &ctes, ..*self };
        match query.body.as_ref() {
            SetExpr::Query(inner) => rows.query(inner, scans),
            body => {
                let inner = Rows { depth: self.depth.saturating_add(1), ..rows };
                inner.derived(body, query.order_by.as_ref())?.placed(scans)
            }
        }
    }

    /// The common table expressions that a query sees. The binder has refused names that stand for
    /// two queries.
    pub(crate) fn with(&self, query: &Query) -> BTreeMap<String, Query> {
        let mut ctes = self.ctes.clone();
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            ctes.insert(folded(&cte.alias.name), named_columns(cte));
        }
        ctes
    }
}

/// One item of a FROM clause.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) joins: Joins,
    pub(crate) filter: Vec<Expr>,
    pub(crate) relations: Relations,
    /// The columns in order, if it is a subquery.
    pub(crate) list: Vec<Expr>,
}

impl Item {
    fn named(mut self, name: &str) -> Self {
        if let Some(relation) = self.relations.first_mut() {
            name.clone_into(&mut relation.0);
        }
        self
    }

    fn aliased(mut self, alias: Option<&ast::TableAlias>) -> Result<Self, Refusal> {
        let Some(alias) = alias else { return Ok(self) };
        // `AS t (a, b)` names the first columns anew.
        if let Some((_, columns)) = self.relations.first_mut() {
            for expr in self.list.iter().take(alias.columns.len()) {
                let old =
                    columns.iter().find(|(_, one)| *one == expr).map(|(name, _)| name.clone());
                old.and_then(|old| columns.remove(&old));
            }
            for (new, expr) in alias.columns.iter().zip(&self.list) {
                columns.insert(folded(&new.name), expr.clone());
            }
        }
        let name = folded(&alias.name);
        if name.starts_with("noisegate_") && name != decorrelate::GROUPS {
            return Err(unsupported(
                "a name that begins with noisegate_",
                Some("Give it another name."),
            )
            .near(&name));
        }
        Ok(self.named(&name))
    }
}

fn scan(relation: &Relation, scans: &Scans) -> Item {
    let at = scans.borrow().len();
    let list: Vec<Expr> = (relation.columns.iter())
        .map(|column| {
            let node = Node::Column(Column {
                scan: at,
                name: column.name.clone(),
                bounds: column.bounds.clone(),
                nullable: !column.not_null,
            });
            Expr { node, ty: column.ty.clone() }
        })
        .collect();
    let names = relation.columns.iter().map(|column| column.name.clone());
    let columns = names.zip(list.clone());
    let item = Item {
        joins: Joins::Scan(at),
        filter: Vec::new(),
        relations: vec![(relation.name.clone(), columns.collect())],
        list,
    };
    scans.borrow_mut().push(Scan {
        relation: Read::Table { schema: relation.schema.clone(), table: relation.name.clone() },
        exposure: relation.exposure.clone(),
        unique: relation.unique.clone(),
    });
    item
}

/// A table whose rows come as parameters.
fn given_table(given: &Given, scans: &Scans) -> Item {
    let at = scans.borrow().len();
    let list: Vec<Expr> = (given.columns.iter().enumerate())
        .map(|(number, (_, ty))| {
            let name = format!("c{}", number.saturating_add(1));
            let node = Node::Column(Column { scan: at, name, bounds: None, nullable: true });
            Expr { node, ty: ty.clone() }
        })
        .collect();
    let named = list.iter().enumerate();
    let named = named.map(|(at, expr)| (format!("c{}", at.saturating_add(1)), expr.clone()));
    let columns = given.columns.iter().map(|(_, ty)| ty.clone()).collect();
    scans.borrow_mut().push(Scan {
        relation: Read::Given { parameter: given.parameter, columns },
        exposure: Exposure::Public,
        unique: Vec::new(),
    });
    let relations = vec![(String::new(), named.collect())];
    Item { joins: Joins::Scan(at), filter: Vec::new(), relations, list }
}

fn join_items<'a>(
    kind: JoinKind,
    left: Item,
    mut right: Item,
    on: &JoinConstraint,
    scope: &dyn Fn(Relations) -> Scope<'a>,
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
    let scope = scope(relations.clone());
    match on {
        JoinConstraint::On(on) => {
            conjunction(lower_condition(on, &scope)?, &mut conditions);
            if !scope.lookups.borrow().is_empty() {
                return Err(unsupported(
                    "a subquery that refers to the row around it, inside ON",
                    Some("Put the comparison into WHERE."),
                ));
            }
        }
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
    Ok(Item { joins, filter, relations, list: Vec::new() })
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

/// A WITH query whose columns have the names of `WITH t (a, b)`.
pub(crate) fn named_columns(cte: &ast::Cte) -> Query {
    let mut query = cte.query.as_ref().clone();
    let names: Vec<String> = cte.alias.columns.iter().map(|column| folded(&column.name)).collect();
    rename(&mut query.body, &names);
    query
}

/// An identifier as PostgreSQL reads it.
pub(crate) fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}
