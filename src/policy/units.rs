//! The way from a row to the person it belongs to.
//!
//! An arrow lands on a row of another private table; from there the way goes on by that table's own
//! rule until it reaches a table whose unit is its own column. Further arrows in one rule spell that
//! out and have to agree with it, so a way is never decided in two places.

use std::collections::{BTreeMap, BTreeSet};

use super::meant::{Policy, TableRule, UnitRule};
use super::name::TableName;

/// One arrow: rows of `table` belong to the row of `to_table` whose `to_column` equals their `column`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step {
    /// The table the arrow leaves.
    pub table: TableName,
    /// Its column.
    pub column: String,
    /// The table the arrow lands in.
    pub to_table: TableName,
    /// Its column; unique there, which `check` holds against the live schema.
    pub to_column: String,
}

/// Why there is no way from a row to a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// The table is not listed as private.
    #[error("{0} is not a private table of the policy")]
    NotPrivate(TableName),
    /// The arrows come back to a table they left.
    #[error("the arrows come back to {0}")]
    Cycle(TableName),
    /// The arrows of one rule do not agree with the rule of a table on the way.
    #[error("after {0} the arrows leave the way that its own rule goes")]
    Disagree(TableName),
}

impl UnitError {
    /// The problem of one table, as a finding.
    pub(super) fn what(&self, of: &TableName) -> String {
        format!("there is no way from a row of {of} to a person: {self}")
    }

    /// What to write.
    pub(super) fn fix(&self) -> String {
        match self {
            Self::NotPrivate(table) => {
                format!("add [tables.\"{table}\"] with its own unit, or lead elsewhere")
            }
            Self::Cycle(table) => {
                format!("let one table on the way be its own unit, perhaps {table}")
            }
            Self::Disagree(table) => format!("end the arrows at {table}; its own rule leads on"),
        }
    }
}

impl Policy {
    /// The way from a row of a private table to the row that is the person: empty when the table's
    /// own unit column is the person.
    pub fn unit_path(&self, table: &TableName) -> Result<Vec<Step>, UnitError> {
        path(&self.tables, table)
    }

    /// The table and column whose values are the persons that rows of `table` belong to. Two tables
    /// have the same kind of person exactly when this is equal.
    pub fn unit_key(&self, table: &TableName) -> Result<(TableName, String), UnitError> {
        let end = self.unit_path(table)?.pop().map_or_else(|| table.clone(), |step| step.to_table);
        let column = rule(&self.tables, &end)?.column.clone();
        Ok((end, column))
    }
}

fn rule<'a>(
    tables: &'a BTreeMap<TableName, TableRule>,
    table: &TableName,
) -> Result<&'a UnitRule, UnitError> {
    match tables.get(table) {
        Some(TableRule::Private(private)) => Ok(&private.unit),
        _ => Err(UnitError::NotPrivate(table.clone())),
    }
}

pub(super) fn path(
    tables: &BTreeMap<TableName, TableRule>,
    from: &TableName,
) -> Result<Vec<Step>, UnitError> {
    let mut steps: Vec<Step> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut promises: Vec<&[(TableName, String)]> = Vec::new();
    let mut table = from.clone();
    loop {
        if !seen.insert(table.clone()) {
            return Err(UnitError::Cycle(table));
        }
        let unit = rule(tables, &table)?;
        let Some(((to_table, to_column), later)) = unit.path.split_first() else { break };
        promises.retain(|promise| !promise.is_empty());
        for promise in &mut promises {
            match promise.split_first() {
                Some((next, rest)) if next.0 == *to_table && next.1 == *to_column => {
                    *promise = rest;
                }
                _ => return Err(UnitError::Disagree(table)),
            }
        }
        promises.push(later);
        steps.push(Step {
            table,
            column: unit.column.clone(),
            to_table: to_table.clone(),
            to_column: to_column.clone(),
        });
        table = to_table.clone();
    }
    // Arrows that go on where the person is already reached promise a way that nobody goes.
    if promises.iter().any(|promise| !promise.is_empty()) {
        Err(UnitError::Disagree(table))
    } else {
        Ok(steps)
    }
}
