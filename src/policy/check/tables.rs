//! The tables section against the schema: names, keys, types.

use super::types::{Shape, bound_problem, comparable, key_fits, shape};
use super::{Finding, Level};
use crate::catalog::{Catalog, Column, Table};
use crate::policy::meant::{Class, ColumnRule, Policy, PrivateTable, TableRule, Values};
use crate::policy::name::{TableName, plain};

pub(super) fn check(policy: &Policy, source: &Catalog) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, rule) in &policy.tables {
        let Some(table) = source.tables.get(name) else {
            findings.push(Finding::error(
                policy.places.tables.get(name).copied(),
                format!("the source has no table {name}"),
                similar(source, name),
            ));
            continue;
        };
        if let TableRule::Private(private) = rule {
            let one = One { policy, source, name, table, private };
            findings.extend(one.unit());
            findings.extend(one.unlisted());
            for (column, rule) in &private.columns {
                findings.extend(one.column(column, rule));
            }
        }
    }
    findings
}

fn similar(source: &Catalog, name: &TableName) -> String {
    let same = |other: &&TableName| other.name.eq_ignore_ascii_case(&name.name);
    match source.tables.keys().find(same) {
        Some(other) => format!("there is {other}; correct the name or remove the table"),
        None => "correct the name or remove the table".to_owned(),
    }
}

/// One private table, as the policy and as the source have it.
struct One<'a> {
    policy: &'a Policy,
    source: &'a Catalog,
    name: &'a TableName,
    table: &'a Table,
    private: &'a PrivateTable,
}

impl One<'_> {
    /// The arrow that leaves this table. Those that leave the tables on its way are their findings.
    fn unit(&self) -> Vec<Finding> {
        let place = self.policy.places.units.get(self.name).copied();
        let unit = &self.private.unit;
        let name = self.name;
        let error = |what, fix: &str| vec![Finding::error(place, what, fix)];
        if self.table.column(&unit.column).is_none() {
            return error(
                format!("{name} has no column {}", unit.column),
                "name the column that leads to a person",
            );
        }
        let Some((target, key)) = unit.path.first() else {
            let several =
                self.private.max_rows > 1 || self.table.is_unique(&[unit.column.as_str()]);
            return if several {
                Vec::new()
            } else {
                vec![Finding::warning(
                    place,
                    format!(
                        "{} is not unique in {name}, and only one row of each person counts",
                        unit.column
                    ),
                    "add max_rows = <rows of one person in one group>, or a unique constraint",
                )]
            };
        };
        let Some(landing) = self.source.tables.get(target) else { return Vec::new() };
        if landing.column(key).is_none() {
            return error(
                format!("{target} has no column {key}"),
                "name the column that the arrow lands on",
            );
        }
        let mut findings = Vec::new();
        if !landing.is_unique(&[key.as_str()]) {
            findings.extend(error(
                format!("{key} is not unique in {target}, so a row of {name} may belong to several people"),
                "let the arrow land on a column that is a primary key or unique by itself, in a table that no other \
                 inherits from",
            ));
        }
        if !self.table.points_to(&unit.column, target, key) {
            let statement = format!(
                "ALTER TABLE {name} ADD FOREIGN KEY ({}) REFERENCES {target} ({}), validated",
                plain(&unit.column),
                plain(key)
            );
            findings.extend(error(
                format!(
                    "{}.{} is not a validated foreign key to {target}.{key}",
                    name, unit.column
                ),
                &format!("declare it in the source: {statement}"),
            ));
        }
        findings
    }

    fn unlisted(&self) -> Option<Finding> {
        let hidden: Vec<&str> = self
            .table
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .filter(|column| {
                !self.private.columns.contains_key(*column) && *column != self.private.unit.column
            })
            .collect();
        (!hidden.is_empty()).then(|| {
            Finding::warning(
                self.policy.places.tables.get(self.name).copied(),
                format!(
                    "{} has columns that are not classified, so nobody can use them: {}",
                    self.name,
                    hidden.join(", ")
                ),
                "add columns.<name> = { class = … } for each, if only \"direct\"",
            )
        })
    }

    fn column(&self, name: &str, rule: &ColumnRule) -> Vec<Finding> {
        let place = self.policy.places.columns.get(&(self.name.clone(), name.to_owned())).copied();
        let Some(column) = self.table.column(name) else {
            return vec![Finding::error(
                place,
                format!("{} has no column {name}", self.name),
                "correct the name or remove the line",
            )];
        };
        let finding = |level, what: &str, fix: &str| {
            Finding::new(level, place, format!("{}.{name} {what}", self.name), fix)
        };
        let mut findings = Vec::new();
        let reachable = rule.class != Class::Direct;
        if reachable && rule.bounds.is_none() && shape(column) != Shape::Other {
            findings.push(finding(
                Level::Warning,
                "has no bounds, so sums of it are refused",
                "add bounds = [lowest, highest] of what is possible",
            ));
        }
        if matches!(rule.class, Class::Quasi | Class::Public) && self.table.is_unique(&[name]) {
            findings.push(finding(
                Level::Warning,
                "is unique, so it names a person",
                "write class = \"direct\"",
            ));
        }
        if let Some((low, high)) = &rule.bounds {
            let problem = [low, high].into_iter().find_map(|bound| bound_problem(column, bound));
            findings.extend(problem.map(|(what, fix)| finding(Level::Error, what, &fix)));
        }
        if let Some(values) = &rule.values
            && let Some((what, fix)) = self.values(column, values)
        {
            findings.push(finding(Level::Error, &what, fix));
        }
        findings
    }

    fn values(&self, column: &Column, values: &Values) -> Option<(String, &'static str)> {
        match values {
            Values::List(keys) => {
                let of_enum = self.source.enums.iter().find(|one| one.oid == column.base_oid);
                let labels = of_enum.map(|one| one.labels.as_slice());
                let wrong = keys.iter().find(|key| !key_fits(column, labels, key))?;
                Some((
                    format!("is of type {} and cannot be `{wrong}`", column.type_name),
                    "write keys as PostgreSQL prints them",
                ))
            }
            Values::Column { table, column: from } => {
                // A table that does not exist is a finding of its own line.
                match self.source.tables.get(table)?.column(from) {
                    None => Some((
                        format!("takes its values from {table}, which has no column {from}"),
                        "name a column of that table",
                    )),
                    Some(other) if !comparable(column, other) => Some((
                        format!(
                            "is of type {} and its values are of type {}",
                            column.type_name, other.type_name
                        ),
                        "name a column of the same type",
                    )),
                    Some(_) => None,
                }
            }
        }
    }
}
