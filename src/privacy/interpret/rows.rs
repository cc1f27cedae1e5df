//! Rows of tables, joined: pair by pair, as slowly as it can be said.

use std::collections::BTreeMap;

use dashu::integer::IBig;

use super::eval::{Row, eval, within_bounds};
use super::{Database, Table, Unsupported, Value, cell, unsupported};
use crate::derived::{Aggregate, AggregateFunction, Derived, Frame, Order, Window, WindowFunction};
use crate::expr::{Exists, Expr};
use crate::plan::{Exposure, JoinKind, Joins, Relation, Scan};
use crate::unit::unit_scan;

/// A joined row: for each scan its row, or nothing on the nullable side of a left join.
pub(super) type Joined<'a> = Vec<Option<&'a [Value]>>;

/// The scans of some rows, with what their derived ones hold.
pub(super) struct Tables<'a> {
    scans: &'a [Scan],
    database: &'a Database,
    derived: Vec<Option<Table>>,
}

impl<'a> Tables<'a> {
    pub(super) fn new(scans: &'a [Scan], database: &'a Database) -> Result<Self, Unsupported> {
        let derived = scans.iter().map(|scan| match &scan.relation {
            Relation::Table { .. } | Relation::Given { .. } => Ok(None),
            Relation::Derived(derived) => derive(derived, database).map(Some),
        });
        Ok(Self { scans, database, derived: derived.collect::<Result<_, _>>()? })
    }

    pub(super) fn table(&self, at: usize) -> Result<&Table, Unsupported> {
        let missing = || unsupported("a scan that is not there");
        if let Some(Some(table)) = self.derived.get(at) {
            return Ok(table);
        }
        let (schema, table) = self.scans.get(at).and_then(Scan::table).ok_or_else(missing)?;
        self.named(schema, table)
    }

    pub(super) fn named(&self, schema: &str, table: &str) -> Result<&'a Table, Unsupported> {
        self.database
            .tables
            .get(&(schema.to_owned(), table.to_owned()))
            .ok_or_else(|| unsupported("a table that is not there"))
    }

    /// The rows of a tree of joins, beside one that is there already.
    pub(super) fn joined<'b>(
        &'b self,
        joins: &Joins,
        around: &Joined<'b>,
    ) -> Result<Vec<Joined<'b>>, Unsupported> {
        match joins {
            Joins::Scan(at) => {
                let rows = self.table(*at)?.rows.iter();
                Ok(rows.map(|row| with_row(around, *at, row)).collect())
            }
            Joins::Join { kind, left, right, on } => {
                let (lefts, rights) = (self.joined(left, around)?, self.joined(right, around)?);
                let mut joined = Vec::new();
                for left in &lefts {
                    let before = joined.len();
                    for right in &rights {
                        let both: Joined<'b> =
                            left.iter().zip(right).map(|(left, right)| left.or(*right)).collect();
                        if self.passes(on, &both)? {
                            joined.push(both);
                        }
                    }
                    if *kind == JoinKind::Left && joined.len() == before {
                        joined.push(left.clone());
                    }
                }
                Ok(joined)
            }
        }
    }

    /// No row yet.
    pub(super) fn nothing(&self) -> Joined<'_> {
        vec![None; self.scans.len()]
    }

    pub(super) fn passes(
        &self,
        conditions: &[Expr],
        row: &Joined<'_>,
    ) -> Result<bool, Unsupported> {
        for condition in conditions {
            if self.eval(condition, row)? != Value::Bool(true) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn eval(&self, expr: &Expr, row: &Joined<'_>) -> Result<Value, Unsupported> {
        eval(expr, &At { tables: self, row })
    }

    /// The unit's key, at the end of the path of this scan.
    pub(super) fn unit(&self, scan: usize, row: &Joined<'_>) -> Result<Value, Unsupported> {
        let Some(Scan { exposure: Exposure::Private { path, unit, .. }, .. }) =
            self.scans.get(scan)
        else {
            return Err(unsupported("a unit in a public table"));
        };
        let Some(mut row) = row.get(scan).copied().flatten() else { return Ok(Value::Null) };
        let mut table = self.table(scan)?;
        for hop in path {
            let reference = cell(table, row, &hop.column)?;
            table = self.named(&hop.to_schema, &hop.to_table)?;
            let target = table.position(&hop.to_column)?;
            let found = table
                .rows
                .iter()
                .find(|row| *reference != Value::Null && row.get(target) == Some(reference));
            let Some(found) = found else { return Ok(Value::Null) };
            row = found;
        }
        cell(table, row, unit).cloned()
    }
}

fn with_row<'b>(around: &Joined<'b>, at: usize, row: &'b [Value]) -> Joined<'b> {
    let mut joined = around.clone();
    if let Some(place) = joined.get_mut(at) {
        *place = Some(row);
    }
    joined
}

/// A joined row, as expressions see it.
struct At<'a, 'b> {
    tables: &'a Tables<'a>,
    row: &'a Joined<'b>,
}

impl Row for At<'_, '_> {
    /// The value of a column, NULL where the scan has no row.
    fn cell(&self, scan: usize, name: &str) -> Result<Value, Unsupported> {
        let at = self.tables.table(scan)?.position(name)?;
        let value = self.row.get(scan).copied().flatten().and_then(|row| row.get(at));
        Ok(value.cloned().unwrap_or_default())
    }

    fn exists(&self, exists: &Exists) -> Result<bool, Unsupported> {
        let around: Joined<'_> = self.row.clone();
        for row in self.tables.joined(&exists.joins, &around)? {
            if self.tables.passes(&exists.filter, &row)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The rows of a derived relation.
fn derive(derived: &Derived, database: &Database) -> Result<Table, Unsupported> {
    let numbered = |prefix: &str, count: usize| {
        (1..=count).map(|at| format!("{prefix}{at}")).collect::<Vec<_>>()
    };
    match derived {
        Derived::Grouped { rows, keys, aggregates } => {
            let tables = Tables::new(&rows.scans, database)?;
            let mut groups: BTreeMap<Vec<Value>, Vec<Joined<'_>>> = BTreeMap::new();
            for row in body(&tables, &rows.joins, &rows.filter)? {
                let key = keys.iter().map(|key| tables.eval(key, &row));
                groups.entry(key.collect::<Result<_, _>>()?).or_default().push(row);
            }
            let mut columns = numbered("k", keys.len());
            columns.extend(numbered("a", aggregates.len()));
            let mut found = Vec::new();
            for (mut key, rows) in groups {
                for one in aggregates {
                    key.push(aggregate(&tables, one, &rows)?);
                }
                found.push(key);
            }
            Ok(Table { columns, rows: found })
        }
        Derived::Windowed { rows, columns, windows } => {
            let tables = Tables::new(&rows.scans, database)?;
            let all = body(&tables, &rows.joins, &rows.filter)?;
            let unit = unit_scan(&rows.scans, &rows.joins);
            let mut found = Vec::new();
            for (at, row) in all.iter().enumerate() {
                let mut cells: Vec<Value> = columns
                    .iter()
                    .map(|column| tables.eval(column, row))
                    .collect::<Result<_, _>>()?;
                for one in windows {
                    cells.push(window(&tables, one, columns, &all, at)?);
                }
                cells.extend(unit.map(|scan| tables.unit(scan, row)).transpose()?);
                found.push(cells);
            }
            let mut names = numbered("c", columns.len());
            names.extend(numbered("w", windows.len()));
            names.extend(unit.map(|_| crate::derived::UNIT.to_owned()));
            Ok(Table { columns: names, rows: found })
        }
        Derived::Union { parts } => {
            let mut table = Table::default();
            for (rows, columns) in parts {
                let tables = Tables::new(&rows.scans, database)?;
                let unit = unit_scan(&rows.scans, &rows.joins);
                table.columns = numbered("c", columns.len());
                table.columns.extend(unit.map(|_| crate::derived::UNIT.to_owned()));
                for row in body(&tables, &rows.joins, &rows.filter)? {
                    let cells = columns.iter().map(|column| tables.eval(column, &row));
                    let mut cells: Vec<Value> = cells.collect::<Result<_, _>>()?;
                    cells.extend(unit.map(|scan| tables.unit(scan, &row)).transpose()?);
                    table.rows.push(cells);
                }
            }
            Ok(table)
        }
    }
}

fn body<'b>(
    tables: &'b Tables<'_>,
    joins: &Joins,
    filter: &[Expr],
) -> Result<Vec<Joined<'b>>, Unsupported> {
    let mut kept = Vec::new();
    for row in tables.joined(joins, &tables.nothing())? {
        if tables.passes(filter, &row)? {
            kept.push(row);
        }
    }
    Ok(kept)
}

fn aggregate(
    tables: &Tables<'_>,
    aggregate: &Aggregate,
    rows: &[Joined<'_>],
) -> Result<Value, Unsupported> {
    let mut values = Vec::new();
    for row in rows {
        if let Some(filter) = &aggregate.filter
            && tables.eval(filter, row)? != Value::Bool(true)
        {
            continue;
        }
        let value = match &aggregate.argument {
            Some(argument) => summand(aggregate.function, argument, tables.eval(argument, row)?)?,
            None => Value::Bool(true),
        };
        if value != Value::Null {
            values.push(value);
        }
    }
    if aggregate.distinct {
        values.sort();
        values.dedup();
    }
    of_values(aggregate.function, &values)
}

/// What is summed is held to its bounds; everything else is taken as it is.
fn summand(
    function: AggregateFunction,
    argument: &Expr,
    value: Value,
) -> Result<Value, Unsupported> {
    match function {
        AggregateFunction::Sum | AggregateFunction::Avg => within_bounds(argument, value),
        _ => Ok(value),
    }
}

fn of_values(function: AggregateFunction, values: &[Value]) -> Result<Value, Unsupported> {
    Ok(match function {
        AggregateFunction::Count => Value::int(i64::try_from(values.len()).unwrap_or(i64::MAX)),
        AggregateFunction::Min => values.iter().min().cloned().unwrap_or_default(),
        AggregateFunction::Max => values.iter().max().cloned().unwrap_or_default(),
        AggregateFunction::BoolAnd => values.iter().min().cloned().unwrap_or_default(),
        AggregateFunction::BoolOr => values.iter().max().cloned().unwrap_or_default(),
        AggregateFunction::Sum => {
            let mut sum = None;
            for value in values {
                sum = match (sum, value) {
                    (_, Value::NaN) | (Some(Value::NaN), _) => Some(Value::NaN),
                    (None, Value::Number(one)) => Some(Value::Number(one.clone())),
                    (Some(Value::Number(sum)), Value::Number(one)) => {
                        Some(Value::Number(sum + one))
                    }
                    _ => return Err(unsupported("a sum of something that is no number")),
                };
            }
            sum.unwrap_or_default()
        }
        // PostgreSQL rounds the quotient.
        AggregateFunction::Avg => return Err(unsupported("an average")),
    })
}

/// The value of a window function for the row at `at`.
fn window(
    tables: &Tables<'_>,
    window: &Window,
    columns: &[Expr],
    all: &[Joined<'_>],
    at: usize,
) -> Result<Value, Unsupported> {
    let this = all.get(at).ok_or_else(|| unsupported("a row that is not there"))?;
    let partition = |row: &Joined<'_>| {
        let part = window.partition.iter().map(|part| tables.eval(part, row));
        part.collect::<Result<Vec<_>, _>>()
    };
    let home = partition(this)?;
    let mut rows = Vec::new();
    for (index, row) in all.iter().enumerate() {
        if partition(row)? == home {
            rows.push((position(tables, &window.order, row)?, tie(tables, columns, row)?, index));
        }
    }
    rows.sort();
    let place = rows.iter().position(|(_, _, index)| *index == at).unwrap_or(0);
    let key = |place: usize| rows.get(place).map(|(key, _, _)| key);
    let peers_start = rows.iter().position(|(one, _, _)| Some(one) == key(place)).unwrap_or(0);
    let value = |place: Option<usize>| {
        let row = place.and_then(|place| rows.get(place)).and_then(|(_, _, index)| all.get(*index));
        match (row, &window.argument) {
            (Some(row), Some(argument)) => tables.eval(argument, row),
            (Some(_), None) => Ok(Value::Bool(true)),
            (None, _) => Ok(Value::Null),
        }
    };
    let count = |number: usize| {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        Value::Number(IBig::from(number.saturating_add(1)).into())
    };
    let end = match window.frame {
        Frame::All => rows.len(),
        Frame::Rows => place.saturating_add(1),
        Frame::Peers => rows
            .iter()
            .rposition(|(one, _, _)| Some(one) == key(place))
            .map_or(rows.len(), |last| last.saturating_add(1)),
    };
    match window.function {
        WindowFunction::RowNumber => Ok(count(place)),
        WindowFunction::Rank => Ok(count(peers_start)),
        WindowFunction::DenseRank => {
            let mut before: Vec<_> = rows.iter().take(place).map(|(key, _, _)| key).collect();
            before.dedup();
            before.retain(|one| Some(*one) != key(place));
            Ok(count(before.len()))
        }
        WindowFunction::Lag(by) => value(place.checked_sub(usize::from(by))),
        WindowFunction::Lead(by) => value(place.checked_add(usize::from(by))),
        WindowFunction::FirstValue => value(Some(0)),
        WindowFunction::LastValue => value(end.checked_sub(1)),
        WindowFunction::Aggregate(function) => {
            let mut values = Vec::new();
            for place in 0..end {
                let one = value(Some(place))?;
                let one = match &window.argument {
                    Some(argument) => summand(function, argument, one)?,
                    None => one,
                };
                if one != Value::Null {
                    values.push(one);
                }
            }
            of_values(function, &values)
        }
    }
}

/// A value that sorts as an ORDER BY asks: for each part whether it is NULL and its rank.
type Position = Vec<(bool, Ranked)>;

/// A value in ascending or descending order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ranked {
    Up(Value),
    Down(Value),
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Down(one), Self::Down(other)) => other.cmp(one),
            (Self::Up(one) | Self::Down(one), Self::Up(other) | Self::Down(other)) => {
                one.cmp(other)
            }
        }
    }
}

fn position(
    tables: &Tables<'_>,
    order: &[Order],
    row: &Joined<'_>,
) -> Result<Position, Unsupported> {
    let part = |order: &Order| {
        let value = tables.eval(&order.expr, row)?;
        let null = value == Value::Null;
        let ranked = if order.descending { Ranked::Down(value) } else { Ranked::Up(value) };
        Ok((null != order.nulls_first, ranked))
    };
    order.iter().map(part).collect()
}

/// What makes the order total: any function of the columns that are passed on. The SQL has another
/// one, so tests compare where no two rows are equal, or where it makes no difference.
fn tie(tables: &Tables<'_>, columns: &[Expr], row: &Joined<'_>) -> Result<Vec<Value>, Unsupported> {
    columns.iter().map(|column| tables.eval(column, row)).collect()
}
