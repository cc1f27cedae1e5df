//! Whether bounds and values were copied from the data, where they would give its extremes away.

use super::Finding;
use super::types::{bound_problem, key_fits};
use crate::catalog::Catalog;
use crate::policy::meant::{Policy, TableRule, Values};
use crate::policy::name::TableName;
use crate::quote::{ident, literal};

/// A question to the source whose only answer is yes or no, and what yes would mean.
/// Ask it with [`crate::catalog::holds`].
#[derive(Clone, Debug)]
pub struct DataQuestion {
    /// One statement that returns one boolean.
    pub sql: String,
    /// The finding if it is true.
    pub finding: Finding,
}

/// The questions of a policy. Each reads a whole table, so they are for the operator at a quiet time.
pub fn data_questions(policy: &Policy, source: &Catalog) -> Vec<DataQuestion> {
    let mut questions = Vec::new();
    for (name, rule) in &policy.tables {
        let (TableRule::Private(private), Some(table)) = (rule, source.tables.get(name)) else {
            continue;
        };
        for (column_name, rule) in &private.columns {
            let Some(column) = table.column(column_name) else { continue };
            let place = policy.places.columns.get(&(name.clone(), column_name.clone())).copied();
            let copied = |what: &str| {
                Finding::warning(
                    place,
                    format!("the {what} of {name}.{column_name} are exactly those of its rows now"),
                    "take them from what is possible; if that is what they are, leave them",
                )
            };
            if let Some((low, high)) = &rule.bounds
                && [low, high].into_iter().all(|bound| bound_problem(column, bound).is_none())
            {
                let sql = extremes(name, column_name, &column.base_name, [low, high]);
                questions.push(DataQuestion { sql, finding: copied("bounds") });
            }
            let labels = source
                .enums
                .iter()
                .find(|one| one.oid == column.base_oid)
                .map(|one| one.labels.as_slice());
            if let Some(Values::List(keys)) = &rule.values
                && keys.iter().all(|key| key_fits(column, labels, key))
            {
                questions.push(DataQuestion {
                    sql: keys_held(name, column_name, keys),
                    finding: copied("values"),
                });
            }
        }
    }
    questions
}

fn extremes(table: &TableName, column: &str, base: &str, [low, high]: [&str; 2]) -> String {
    let column = ident(column);
    // A whole number may be written 3e5, which only numeric reads.
    let of = |bound: &str| {
        let through =
            if matches!(base, "smallint" | "integer" | "bigint") { "::numeric" } else { "" };
        format!("{}{through}::{base}", literal(bound))
    };
    format!(
        "SELECT coalesce(min({column}) = {} AND max({column}) = {}, false) FROM {}",
        of(low),
        of(high),
        table.quoted()
    )
}

fn keys_held(table: &TableName, column: &str, keys: &[String]) -> String {
    let column = ident(column);
    let list: Vec<String> = keys.iter().map(|key| literal(key)).collect();
    format!(
        "SELECT coalesce(count(DISTINCT {column}) = {} AND bool_and({column}::text IN ({})), false) \
         FROM {} WHERE {column} IS NOT NULL",
        keys.len(),
        list.join(", "),
        table.quoted()
    )
}
