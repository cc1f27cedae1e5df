//! The meaning of a plan, told by a second voice: a slow interpreter over rows in memory.
//!
//! It computes what the emitted SQL must compute on the same rows: the exact vector of each group,
//! bounded. Tests hold it against PostgreSQL (the translation) and against itself with one unit
//! removed (the sensitivity). Nothing that answers a query calls it.
//!
//! It bounds as the SQL does, and does not where the SQL does not: a plan that says that a unit
//! has one row is believed, so that a wrong analysis shows.

use std::collections::{BTreeMap, BTreeSet};

use dashu::integer::IBig;
use dashu::rational::RBig;

use crate::analyze::{Analyzed, Selection};
use crate::expr::Expr;
use crate::layout;
use crate::plan::{Bounds, Domain, Exposure, Leaf, Plan, Statistic};
use crate::unit::always_holds;

mod beside;
mod bounding;
mod eval;
mod rows;
mod value;

pub use beside::Surplus;
pub use dashu::rational::RBig as Rational;
use rows::{Joined, Tables};
pub use value::Value;

/// Tables by schema and name.
#[derive(Clone, Debug, Default)]
pub struct Database {
    /// The tables.
    pub tables: BTreeMap<(String, String), Table>,
}

/// A table's rows.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, in no order that matters.
    pub rows: Vec<Vec<Value>>,
}

/// The exact vector of each group.
pub type Groups = BTreeMap<Vec<Value>, Vec<IBig>>;

/// What the interpreter does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported(pub String);

/// What each unit contributes to each group, after clipping and before the bound on groups.
pub type Contributions = BTreeMap<Value, BTreeMap<Vec<Value>, Vec<IBig>>>;

/// The exact groups of a plan, bounded and in grains; for public keys also those that no row has.
/// Of an estimate, its bins: the key is the bin and the number of public groups.
pub fn interpret(plan: &Plan<Analyzed>, database: &Database) -> Result<Groups, Unsupported> {
    let tables = Tables::new(&plan.leaf().scans, database)?;
    let run = Run { leaf: plan.leaf(), analyzed: plan.analysis(), tables: &tables };
    let mut groups = run.domain()?;
    let mut units = run.contributions()?;
    if run.analyzed.groups_enforced {
        for of_unit in units.values_mut() {
            run.keep_some(of_unit);
        }
    }
    if let Some(grids) = run.analyzed.grids() {
        return Ok(run.histogram(grids, &units, groups.len()));
    }
    for of_unit in units.values_mut() {
        run.bound(of_unit);
    }
    for of_unit in units.into_values() {
        for (key, values) in of_unit {
            let zeros = || vec![IBig::ZERO; layout::total(&run.leaf.cells())];
            let sums = match run.analyzed.selection {
                Selection::Public => groups.get_mut(&key),
                _ => Some(groups.entry(key).or_insert_with(zeros)),
            };
            for (sum, value) in sums.into_iter().flatten().zip(values) {
                *sum += value;
            }
        }
    }
    beside::Beside::of(&run)?.put_into(&run, &mut groups);
    Ok(groups)
}

/// What is left out of statistics that are no sums over units. Which part of a unit's groups, rows
/// and values that is, the SQL chooses in another way.
pub fn surplus(plan: &Plan<Analyzed>, database: &Database) -> Result<Surplus, Unsupported> {
    let tables = Tables::new(&plan.leaf().scans, database)?;
    let run = Run { leaf: plan.leaf(), analyzed: plan.analysis(), tables: &tables };
    Ok(beside::Beside::of(&run)?.surplus(&run))
}

/// What each unit contributes, before the bound on its groups.
pub fn contributions(
    plan: &Plan<Analyzed>,
    database: &Database,
) -> Result<Contributions, Unsupported> {
    let tables = Tables::new(&plan.leaf().scans, database)?;
    Run { leaf: plan.leaf(), analyzed: plan.analysis(), tables: &tables }.contributions()
}

struct Run<'a> {
    leaf: &'a Leaf,
    analyzed: &'a Analyzed,
    tables: &'a Tables<'a>,
}

impl<'a> Run<'a> {
    fn contributions(&self) -> Result<Contributions, Unsupported> {
        let mut units = Contributions::new();
        for (unit, key, row) in self.rows()? {
            let values = units
                .entry(unit)
                .or_default()
                .entry(key)
                .or_insert_with(|| vec![IBig::ZERO; self.leaf.statistics.len()]);
            for (sum, statistic) in values.iter_mut().zip(&self.leaf.statistics) {
                *sum += self.row_value(statistic, &row)?;
            }
        }
        if !self.analyzed.one_row {
            units.values_mut().flat_map(BTreeMap::values_mut).for_each(|values| self.clip(values));
        }
        Ok(units)
    }

    /// The rows that count, with the unit and the key of each.
    fn rows(&self) -> Result<Vec<(Value, Vec<Value>, Joined<'_>)>, Unsupported> {
        let mut found = Vec::new();
        for row in self.tables.joined(&self.leaf.joins, &self.tables.nothing())? {
            if !self.passes(&self.leaf.filter, &row)? {
                continue;
            }
            let unit = self.tables.unit(self.analyzed.unit, &row)?;
            if unit == Value::Null {
                continue;
            }
            let key: Vec<Value> = self
                .leaf
                .keys
                .iter()
                .map(|key| self.eval(&key.expr, &row))
                .collect::<Result<_, _>>()?;
            if !self.listed(&key)? {
                continue;
            }
            found.push((unit, key, row));
        }
        Ok(found)
    }

    fn passes(&self, conditions: &[Expr], row: &Joined<'_>) -> Result<bool, Unsupported> {
        self.tables.passes(conditions, row)
    }

    fn eval(&self, expr: &Expr, row: &Joined<'_>) -> Result<Value, Unsupported> {
        self.tables.eval(expr, row)
    }

    /// What one row adds to a statistic.
    fn row_value(&self, statistic: &Statistic, row: &Joined<'_>) -> Result<IBig, Unsupported> {
        if let Some(filter) = statistic.filter()
            && self.eval(filter, row)? != Value::Bool(true)
        {
            return Ok(IBig::ZERO);
        }
        match statistic {
            Statistic::Units { .. } | Statistic::Rows { present: None, .. } => Ok(IBig::ONE),
            Statistic::Rows { present: Some(value), .. } => {
                Ok(IBig::from(u8::from(self.eval(value, row)? != Value::Null)))
            }
            Statistic::Sum { value, bounds, .. } => {
                steps(&eval::within_bounds(value, self.eval(value, row)?)?, bounds)
            }
            Statistic::Distinct { .. } | Statistic::Histogram { .. } => Ok(IBig::ZERO),
        }
    }

    /// Whether the key is one that the policy or a public table lists.
    fn listed(&self, key: &[Value]) -> Result<bool, Unsupported> {
        for (value, key) in key.iter().zip(&self.leaf.keys) {
            let listed = match &key.domain {
                Domain::Declared(_) | Domain::PublicColumn(..) => {
                    self.values(&key.domain, &key.expr)?.contains(value)
                }
                Domain::PublicRows | Domain::Found => true,
            };
            if !listed {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn values(&self, domain: &Domain, expr: &Expr) -> Result<BTreeSet<Value>, Unsupported> {
        match domain {
            Domain::Declared(values) => {
                values.iter().map(|value| value::constant(value.as_deref(), &expr.ty)).collect()
            }
            Domain::PublicColumn(schema, table, column) => {
                let table = self.tables.named(schema, table)?;
                let at = table.position(column)?;
                let values = table.rows.iter().filter_map(|row| row.get(at));
                Ok(values.filter(|value| **value != Value::Null).cloned().collect())
            }
            Domain::PublicRows | Domain::Found => Err(unsupported("values of rows")),
        }
    }

    /// The keys that are shown whatever the data is, each with zeros.
    fn domain(&self) -> Result<Groups, Unsupported> {
        let zeros = vec![IBig::ZERO; layout::total(&self.leaf.cells())];
        match self.analyzed.selection {
            Selection::Whole => return Ok(Groups::from([(Vec::new(), zeros)])),
            Selection::Threshold { .. } => return Ok(Groups::new()),
            Selection::Public => {}
        }
        let mut keys = vec![vec![Value::Null; self.leaf.keys.len()]];
        for (at, key) in self.leaf.keys.iter().enumerate() {
            if key.domain == Domain::PublicRows {
                continue;
            }
            let values = self.values(&key.domain, &key.expr)?;
            keys = keys
                .iter()
                .flat_map(|key| values.iter().map(|value| with(key, at, value)))
                .collect();
        }
        let from_rows = self.public_rows()?;
        let all = keys.iter().flat_map(|key| {
            from_rows.iter().map(|values| {
                values.iter().fold(key.clone(), |key, (at, value)| with(&key, *at, value))
            })
        });
        Ok(all.map(|key| (key, zeros.clone())).collect())
    }

    /// The keys of public rows, by index; those rows that pass all conditions on public rows alone.
    /// (The SQL leaves out scans that no key leads to, which is the same unless one is empty.)
    fn public_rows(&self) -> Result<BTreeSet<Vec<(usize, Value)>>, Unsupported> {
        let keys: Vec<(usize, &Expr)> = (self.leaf.keys.iter().enumerate())
            .filter(|(_, key)| key.domain == Domain::PublicRows)
            .map(|(at, key)| (at, &key.expr))
            .collect();
        if keys.is_empty() {
            return Ok(BTreeSet::from([Vec::new()]));
        }
        let (present, conditions) = always_holds(self.leaf);
        let is_public = |scan: &usize| {
            self.leaf.scans.get(*scan).is_some_and(|scan| scan.exposure == Exposure::Public)
        };
        let conditions: Vec<Expr> = conditions
            .into_iter()
            .filter(|condition| {
                let scans = condition.scans();
                !scans.is_empty()
                    && scans.iter().all(|scan| is_public(scan) && present.contains(scan))
            })
            .cloned()
            .collect();
        let mut scans: BTreeSet<usize> = keys.iter().flat_map(|(_, key)| key.scans()).collect();
        for _ in 0..conditions.len() {
            for read in conditions.iter().map(Expr::scans) {
                if read.iter().any(|scan| scans.contains(scan)) {
                    scans.extend(read);
                }
            }
        }
        let held: Vec<Expr> = conditions
            .into_iter()
            .filter(|condition| condition.scans().iter().all(|scan| scans.contains(scan)))
            .collect();
        let mut rows: Vec<Joined<'a>> = vec![vec![None; self.leaf.scans.len()]];
        for scan in scans {
            let table = self.tables.table(scan)?;
            rows = rows
                .iter()
                .flat_map(|row| {
                    table.rows.iter().map(move |found| {
                        let mut row = row.clone();
                        if let Some(place) = row.get_mut(scan) {
                            *place = Some(found.as_slice());
                        }
                        row
                    })
                })
                .collect();
        }
        let mut found = BTreeSet::new();
        for row in rows {
            if self.passes(&held, &row)? {
                let key = keys.iter().map(|(at, key)| Ok((*at, self.eval(key, &row)?)));
                found.insert(key.collect::<Result<_, _>>()?);
            }
        }
        Ok(found)
    }
}

impl Table {
    fn position(&self, name: &str) -> Result<usize, Unsupported> {
        self.columns
            .iter()
            .position(|column| column == name)
            .ok_or_else(|| unsupported("a column that is not there"))
    }
}

fn cell<'a>(table: &Table, row: &'a [Value], column: &str) -> Result<&'a Value, Unsupported> {
    row.get(table.position(column)?).ok_or_else(|| unsupported("a short row"))
}

fn with(key: &[Value], at: usize, value: &Value) -> Vec<Value> {
    let mut key = key.to_vec();
    if let Some(place) = key.get_mut(at) {
        value.clone_into(place);
    }
    key
}

/// A row's number in steps of the grid, clipped, from the centre.
fn steps(value: &Value, bounds: &Bounds) -> Result<IBig, Unsupported> {
    let steps = match value {
        Value::Null => return Ok(IBig::ZERO),
        // PostgreSQL holds it for the greatest number.
        Value::NaN => bounds.high.clone(),
        Value::Number(number) => {
            let step = IBig::from(10).pow(usize::try_from(bounds.scale).unwrap_or(0));
            let steps = value::round(&(number * RBig::from(step)));
            // Like LEAST(GREATEST(…)), whatever the order of the two.
            steps.max(bounds.low.clone()).min(bounds.high.clone())
        }
        _ => return Err(unsupported("a sum of something that is no number")),
    };
    Ok(steps - &bounds.centre)
}

pub(crate) fn unsupported(what: impl Into<String>) -> Unsupported {
    Unsupported(what.into())
}
