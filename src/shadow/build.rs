//! Turns the difference between what a shadow has and what it shall have into SQL.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::schema::{ListedTable, Name, Reference, Schema, Table};
use crate::quote::{ident, literal};

/// The SQL that builds or changes a shadow, and what it does to which table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Statements, to be run in one transaction as the shadow's owner.
    pub sql: String,
    /// Tables that are new or made again.
    pub created: BTreeSet<Name>,
    /// Tables that are dropped, some of them to be made again.
    pub dropped: BTreeSet<Name>,
}

/// Compares the source's schema with the shadow's. `dirty` tables are made again even if they
/// look right: they hold rows, or statistics of rows, that they should not.
/// An empty `existing` gives the SQL that builds a shadow from nothing.
pub fn plan(
    source: Schema,
    listed: &[ListedTable],
    existing: &Schema,
    dirty: &BTreeSet<Name>,
) -> Plan {
    let wanted = source.into_twin(listed);
    let stale = stale_enums(&wanted, existing);
    let keep = |name: &Name, table: &Table| {
        !dirty.contains(name) && is_unchanged(table, wanted.tables.get(name), &stale)
    };
    let dropped: BTreeSet<Name> = existing
        .tables
        .iter()
        .filter(|(name, table)| !keep(name, table))
        .map(|(name, _)| name.clone())
        .collect();
    let kept = |name: &Name| existing.tables.contains_key(name) && !dropped.contains(name);
    let created: BTreeSet<Name> =
        wanted.tables.keys().filter(|name| !kept(name)).cloned().collect();

    let mut sql = String::new();
    drop_old(&mut sql, &wanted, existing, &dropped, &stale);
    for (name, labels) in &wanted.enums {
        if existing.enums.get(name) != Some(labels) {
            let labels: Vec<String> = labels.iter().map(|label| literal(label)).collect();
            line(&mut sql, &format!("CREATE TYPE {} AS ENUM ({})", name.sql(), labels.join(", ")));
        }
    }
    for (name, table) in wanted.tables.iter().filter(|(name, _)| created.contains(*name)) {
        line(&mut sql, &create_table(name, table));
    }
    link(&mut sql, &wanted, existing, &dropped, &created);
    Plan { sql, created, dropped }
}

/// Enums that are not wanted any more, or not with these labels.
fn stale_enums<'a>(wanted: &Schema, existing: &'a Schema) -> BTreeSet<&'a Name> {
    let enums = existing.enums.iter();
    let stale = enums.filter(|(name, labels)| wanted.enums.get(*name) != Some(*labels));
    stale.map(|(name, _)| name).collect()
}

/// Foreign keys are not looked at: they can change without the table.
fn is_unchanged(table: &Table, twin: Option<&Table>, stale: &BTreeSet<&Name>) -> bool {
    let mut enums = table.columns.iter().filter_map(|column| column.labels_of.as_ref());
    twin.is_some_and(|twin| twin.columns == table.columns && twin.keys == table.keys)
        && !enums.any(|name| stale.contains(name))
}

/// Schemas come first on their own: making one needs a right on the database.
pub(super) fn schemas(tables: &[ListedTable], enums: &Schema) -> BTreeSet<String> {
    let of_tables = tables.iter().map(|table| table.schema.clone());
    of_tables.chain(enums.enums.keys().map(|name| name.schema.clone())).collect()
}

fn line(sql: &mut String, statement: &str) {
    sql.push_str(statement);
    sql.push_str(";\n");
}

fn drop_old(
    sql: &mut String,
    wanted: &Schema,
    existing: &Schema,
    dropped: &BTreeSet<Name>,
    stale: &BTreeSet<&Name>,
) {
    // CASCADE reaches the foreign keys of tables that stay; `link` makes them again.
    for name in dropped {
        line(sql, &format!("DROP TABLE {} CASCADE", name.sql()));
    }
    for name in stale {
        line(sql, &format!("DROP TYPE {}", name.sql()));
    }
    let names = |schema: &Schema| -> BTreeSet<String> {
        schema.tables.keys().chain(schema.enums.keys()).map(|name| name.schema.clone()).collect()
    };
    for schema in names(existing).difference(&names(wanted)).filter(|schema| *schema != "public") {
        line(sql, &format!("DROP SCHEMA {}", ident(schema)));
    }
}

fn create_table(name: &Name, table: &Table) -> String {
    let mut parts: Vec<String> = Vec::new();
    for column in &table.columns {
        let mut part = format!("{} {}", ident(&column.name), column.data_type);
        if let Some(collation) = &column.collation {
            let _ = write!(part, " COLLATE pg_catalog.{}", ident(collation));
        }
        if column.not_null {
            part.push_str(" NOT NULL");
        }
        parts.push(part);
    }
    for key in &table.keys {
        let kind = match (key.primary, key.nulls_not_distinct) {
            (true, _) => "PRIMARY KEY",
            (false, true) => "UNIQUE NULLS NOT DISTINCT",
            (false, false) => "UNIQUE",
        };
        parts.push(format!("CONSTRAINT {} {kind} ({})", ident(&key.name), list(&key.columns)));
    }
    format!("CREATE TABLE {} (\n    {}\n)", name.sql(), parts.join(",\n    "))
}

/// Foreign keys, after all tables exist.
fn link(
    sql: &mut String,
    wanted: &Schema,
    existing: &Schema,
    dropped: &BTreeSet<Name>,
    created: &BTreeSet<Name>,
) {
    for (name, table) in &wanted.tables {
        // Those to a dropped table went with it.
        let there: Vec<&Reference> = existing
            .tables
            .get(name)
            .filter(|_| !created.contains(name))
            .into_iter()
            .flat_map(|table| &table.references)
            .filter(|reference| !dropped.contains(&reference.to))
            .collect();
        for old in there.iter().filter(|old| !table.references.contains(old)) {
            let name = name.sql();
            line(sql, &format!("ALTER TABLE {name} DROP CONSTRAINT {}", ident(&old.name)));
        }
        for new in table.references.iter().filter(|new| !there.contains(new)) {
            line(sql, &add_reference(name, new));
        }
    }
}

/// Deferrable, so that a refresh can replace all public rows in any order, in one transaction.
fn add_reference(name: &Name, reference: &Reference) -> String {
    format!(
        "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}) DEFERRABLE",
        name.sql(),
        ident(&reference.name),
        list(&reference.columns),
        reference.to.sql(),
        list(&reference.to_columns),
    )
}

fn list(columns: &[String]) -> String {
    columns.iter().map(|column| ident(column)).collect::<Vec<_>>().join(", ")
}
