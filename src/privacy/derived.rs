//! Rows that are computed for each unit alone, before a leaf counts and sums them: orders per
//! customer, a customer's first order, two kinds of rows under one name.
//!
//! # Claim
//! If [`scan`] accepts it, each row of a derived relation belongs to at most one unit, the one that
//! its path leads to, and is a function of that unit's rows and public rows alone. A row whose path
//! starts with NULL belongs to nobody.
//!
//! # Argument
//! The rows below belong to one unit each (`unit`). *Grouped*: one of the keys is a reference, a
//! value that names one row on the way to the unit, so all rows of a group with a value there
//! belong to the unit of that row, and no other row has a part in it. *Windowed*: every partition
//! is within one unit, since the unit is added to it; so what a window computes for a row depends
//! on rows of its unit. For this to be what the analyst asked, one of the partition's expressions
//! has to be a reference that has a value in every row that belongs to somebody. Where it matters
//! rows get their places once, for all windows, and rows that share one are alike in all that is
//! seen of them, so that nothing depends on the order in which the source finds rows. For the same
//! reason equal values that are grouped, or of which one is the greatest, look alike
//! ([`has_one_look`]): which of several looks a group had would hang on other units. *Union*: each row is a row of one of the parts. Over public rows
//! alone everything is public.
//!
//! # Test
//! `tests/neighbours.rs` takes one unit away from random tables, with random derived relations.

use crate::analyze::Rejection;
use crate::expr::{Expr, Type};
use crate::plan::{Exposure, Hop, Joins, Relation, Scan};
use crate::unit::{Owner, always_present, reference, unit_of};

/// Rows that are computed.
#[derive(Clone, Debug, PartialEq)]
pub enum Derived {
    /// One row for each group. Its columns are `k1`, … and `a1`, ….
    Grouped {
        /// The rows grouped.
        rows: Rows,
        /// What they are grouped by.
        keys: Vec<Expr>,
        /// What is computed of each group.
        aggregates: Vec<Aggregate>,
    },
    /// The rows themselves. Its columns are `c1`, …, then `w1`, …, and the unit as `u`.
    Windowed {
        /// The rows.
        rows: Rows,
        /// What of them is passed on.
        columns: Vec<Expr>,
        /// What is computed of each row and others of its unit.
        windows: Vec<Window>,
    },
    /// The rows of all parts. Its columns are `c1`, … and the unit as `u`.
    Union {
        /// The parts and their columns, of the same types.
        parts: Vec<(Rows, Vec<Expr>)>,
    },
}

/// Rows of tables, joined and filtered.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The tables read.
    pub scans: Vec<Scan>,
    /// How they come together.
    pub joins: Joins,
    /// Rows that pass all of these are taken.
    pub filter: Vec<Expr>,
}

/// An aggregate over rows of one unit: exact, since it is not shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Which.
    pub function: AggregateFunction,
    /// Whether equal values count once.
    pub distinct: bool,
    /// What it is over; nothing for `count(*)`.
    pub argument: Option<Expr>,
    /// FILTER (WHERE …).
    pub filter: Option<Expr>,
    /// The type of its value.
    pub ty: Type,
}

/// The aggregates that are a function of the rows, whatever their order, and total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregateFunction {
    /// `count`
    Count,
    /// `sum`, over numeric
    Sum,
    /// `avg`, over numeric
    Avg,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `bool_and`
    BoolAnd,
    /// `bool_or`
    BoolOr,
}

/// A window function over rows of one unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Which.
    pub function: WindowFunction,
    /// What it is over.
    pub argument: Option<Expr>,
    /// PARTITION BY; one of them is a reference.
    pub partition: Vec<Expr>,
    /// ORDER BY.
    pub order: Vec<Order>,
    /// Which rows around the row it sees.
    pub frame: Frame,
    /// The type of its value.
    pub ty: Type,
}

/// The window functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowFunction {
    /// `row_number`
    RowNumber,
    /// `rank`
    Rank,
    /// `dense_rank`
    DenseRank,
    /// `lag` by so many rows
    Lag(u16),
    /// `lead` by so many rows
    Lead(u16),
    /// `first_value`
    FirstValue,
    /// `last_value`
    LastValue,
    /// An aggregate.
    Aggregate(AggregateFunction),
}

/// One part of an ORDER BY.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// What is ordered by.
    pub expr: Expr,
    /// DESC.
    pub descending: bool,
    /// NULLS FIRST.
    pub nulls_first: bool,
}

/// The frame of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// From the first row to the last peer of this one: what PostgreSQL does without a frame.
    Peers,
    /// From the first row to this one.
    Rows,
    /// All rows of the partition.
    All,
}

impl Window {
    /// Whether its value depends on which of several rows that the order holds equal comes first, so
    /// that the order has to be made total.
    pub fn needs_total_order(&self) -> bool {
        match self.function {
            WindowFunction::Rank | WindowFunction::DenseRank => false,
            WindowFunction::Aggregate(_) => self.frame == Frame::Rows,
            WindowFunction::RowNumber
            | WindowFunction::Lag(_)
            | WindowFunction::Lead(_)
            | WindowFunction::FirstValue
            | WindowFunction::LastValue => true,
        }
    }
}

/// Whether equal values of the type look the same, as they are printed for the source.
pub fn has_one_look(ty: &Type) -> bool {
    match ty {
        Type::Interval => false,
        Type::Other(name) => name == "uuid",
        _ => true,
    }
}

/// The name of the column that holds the unit.
pub const UNIT: &str = "u";

impl Derived {
    /// The bodies: each is rows of tables, joined and filtered.
    pub fn bodies(&self) -> Vec<&Rows> {
        match self {
            Self::Grouped { rows, .. } | Self::Windowed { rows, .. } => vec![rows],
            Self::Union { parts } => parts.iter().map(|(rows, _)| rows).collect(),
        }
    }

    /// Whether rows that come to the same place of a window are alike in all that is seen of them:
    /// of a type with several looks only intervals are compared by how they look, what is larger
    /// than that is not.
    pub fn tells_rows_apart(&self) -> bool {
        let Self::Windowed { windows, .. } = self else { return true };
        let told = |expr: &&Expr| expr.ty == Type::Interval || has_one_look(&expr.ty);
        !windows.iter().any(Window::needs_total_order)
            || self.expressions().iter().all(|(_, expressions)| expressions.iter().all(told))
    }

    /// The name of a table that it is computed from, to show.
    pub fn name(&self) -> &str {
        self.bodies().first().and_then(|rows| rows.scans.first()).map_or("", Scan::name)
    }

    /// Each body with the expressions over its rows, but for those of the body itself.
    pub fn expressions(&self) -> Vec<(&Rows, Vec<&Expr>)> {
        match self {
            Self::Grouped { rows, keys, aggregates } => {
                let parts =
                    aggregates.iter().flat_map(|one| one.argument.iter().chain(&one.filter));
                vec![(rows, keys.iter().chain(parts).collect())]
            }
            Self::Windowed { rows, columns, windows } => {
                vec![(rows, columns.iter().chain(windows.iter().flat_map(window_parts)).collect())]
            }
            Self::Union { parts } => {
                parts.iter().map(|(rows, columns)| (rows, columns.iter().collect())).collect()
            }
        }
    }

    /// The expressions that a column passes on as they are, one for each body; none if the column
    /// is computed.
    pub fn passed(&self, column: &str) -> Vec<(&Rows, &Expr)> {
        match self {
            Self::Grouped { rows, keys, .. } => at(column, "k")
                .and_then(|at| keys.get(at))
                .map(|expr| (rows, expr))
                .into_iter()
                .collect(),
            Self::Windowed { rows, columns, .. } => at(column, "c")
                .and_then(|at| columns.get(at))
                .map(|expr| (rows, expr))
                .into_iter()
                .collect(),
            Self::Union { parts } => parts
                .iter()
                .filter_map(|(rows, columns)| Some((rows, columns.get(at(column, "c")?)?)))
                .collect(),
        }
    }
}

fn window_parts(window: &Window) -> Vec<&Expr> {
    let order = window.order.iter().map(|order| &order.expr);
    window.argument.iter().chain(&window.partition).chain(order).collect()
}

/// The index that a column's name gives: `k1` is the first key.
fn at(column: &str, prefix: &str) -> Option<usize> {
    column.strip_prefix(prefix)?.parse::<usize>().ok()?.checked_sub(1)
}

/// A scan of derived rows, or why they are not computed for each unit alone.
pub fn scan(derived: Derived) -> Result<Scan, Rejection> {
    let (exposure, unique) = exposure(&derived)?;
    Ok(Scan { relation: Relation::Derived(Box::new(derived)), exposure, unique })
}

/// Whose rows they are, and which column is unique.
fn exposure(derived: &Derived) -> Result<(Exposure, Vec<String>), Rejection> {
    let mut owners = Vec::new();
    for rows in derived.bodies() {
        owners.push(unit_of(&rows.scans, &rows.joins)?);
    }
    let unique = match derived {
        Derived::Grouped { keys, .. } if keys.len() == 1 => vec!["k1".to_owned()],
        _ => Vec::new(),
    };
    if owners.iter().all(|owner| *owner == Owner::Public) {
        return Ok((Exposure::Public, unique));
    }
    let exposure = match derived {
        Derived::Grouped { rows, keys, .. } => grouped(rows, keys),
        Derived::Windowed { rows, windows, .. } => {
            let kept = windows
                .iter()
                .all(|window| window.partition.iter().any(|part| always_refers(rows, part)));
            if !kept {
                return Err(Rejection::NotPerUnit);
            }
            by_unit(&[(rows, owners)])
        }
        Derived::Union { parts } => {
            let parts: Vec<_> =
                parts.iter().zip(owners).map(|((rows, _), owner)| (rows, vec![owner])).collect();
            by_unit(&parts)
        }
    };
    Ok((exposure.ok_or(Rejection::NotPerUnit)?, unique))
}

/// The reference that an expression over rows is, if it is one.
pub(crate) fn refers<'a>(rows: &'a Rows, expr: &'a Expr) -> Option<crate::unit::Reference<'a>> {
    let column = expr.as_column()?;
    reference(rows.scans.get(column.scan)?, &column.name)
}

/// Whether an expression is a reference that has a value in every row that belongs to a unit: it is
/// on no nullable side of a join, and NULL there means that the row belongs to nobody.
fn always_refers(rows: &Rows, expr: &Expr) -> bool {
    let mut present = Vec::new();
    always_present(&rows.joins, &mut present, &mut Vec::new());
    let Some(column) = expr.as_column().filter(|column| present.contains(&column.scan)) else {
        return false;
    };
    let Some(scan) = rows.scans.get(column.scan) else { return false };
    if refers(rows, expr).is_none() {
        return false;
    }
    match (&scan.relation, &scan.exposure) {
        (Relation::Table { .. }, Exposure::Private { path, .. })
            if path.first().is_some_and(|hop| hop.column == column.name) =>
        {
            true
        }
        // What else names a row of a table is a unique column, which is never NULL.
        (Relation::Table { .. }, _) => true,
        (Relation::Given { .. }, _) => false,
        (Relation::Derived(_), _) if column.name == UNIT => true,
        (Relation::Derived(derived), _) => {
            let passed = derived.passed(&column.name);
            !passed.is_empty() && passed.into_iter().all(|(rows, expr)| always_refers(rows, expr))
        }
    }
}

fn grouped(rows: &Rows, keys: &[Expr]) -> Option<Exposure> {
    let referring = keys.iter().enumerate().filter_map(|(at, key)| Some((at, refers(rows, key)?)));
    let (at, (schema, table, column, rest, unit)) =
        referring.min_by_key(|(at, (_, _, _, rest, _))| {
            let always = keys.get(*at).is_some_and(|key| always_refers(rows, key));
            (!always, rest.len())
        })?;
    let mut path = vec![Hop {
        column: format!("k{}", at.saturating_add(1)),
        to_schema: schema.to_owned(),
        to_table: table.to_owned(),
        to_column: column.to_owned(),
    }];
    path.extend_from_slice(rest);
    let alone = keys.len() == 1 && path.len() == 1 && column == unit;
    let rows_max = if alone { 1 } else { rows_max(rows) };
    Some(Exposure::Private { path, unit: unit.to_owned(), rows_max })
}

/// The exposure of rows that carry their unit in a column, which must be of one table.
fn by_unit(parts: &[(&Rows, Vec<Owner>)]) -> Option<Exposure> {
    let mut found: Option<(String, String, String)> = None;
    let mut most = 0_u32;
    for (rows, owners) in parts {
        let [Owner::Unit(scan)] = owners.as_slice() else { return None };
        let (schema, table, unit) = unit_table(rows.scans.get(*scan)?)?;
        let this = (schema.to_owned(), table.to_owned(), unit.to_owned());
        if found.as_ref().is_some_and(|found| *found != this) {
            return None;
        }
        found = Some(this);
        most = most.saturating_add(rows_max(rows));
    }
    let (to_schema, to_table, unit) = found?;
    let hop = Hop { column: UNIT.to_owned(), to_schema, to_table, to_column: unit.clone() };
    Some(Exposure::Private { path: vec![hop], unit, rows_max: most })
}

/// The table that the unit's key is in, and the key.
pub(crate) fn unit_table(scan: &Scan) -> Option<(&str, &str, &str)> {
    let Exposure::Private { path, unit, .. } = &scan.exposure else { return None };
    match path.last() {
        Some(hop) => Some((&hop.to_schema, &hop.to_table, unit)),
        None => scan.table().map(|(schema, table)| (schema, table, unit.as_str())),
    }
}

fn rows_max(rows: &Rows) -> u32 {
    let of = |scan: &Scan| match &scan.exposure {
        Exposure::Private { rows_max, .. } => Some(*rows_max),
        Exposure::Public => None,
    };
    rows.joins
        .scans()
        .into_iter()
        .filter_map(|at| rows.scans.get(at).and_then(of))
        .max()
        .unwrap_or(1)
}

/// Whether a scan's exposure is what its relation gives, at every depth.
pub(crate) fn is_sound(scan: &Scan) -> Result<(), Rejection> {
    let derived = match &scan.relation {
        Relation::Table { .. } => return Ok(()),
        Relation::Given { .. } if scan.exposure == Exposure::Public => return Ok(()),
        Relation::Given { .. } => return Err(Rejection::Malformed),
        Relation::Derived(derived) => derived,
    };
    for rows in derived.bodies() {
        rows.scans.iter().try_for_each(is_sound)?;
    }
    for (rows, expressions) in derived.expressions() {
        crate::unit::subqueries_follow(&rows.scans, &rows.joins, &rows.filter, &expressions)?;
    }
    let (exposure, unique) = exposure(derived)?;
    if exposure == scan.exposure && unique == scan.unique {
        Ok(())
    } else {
        Err(Rejection::Malformed)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
