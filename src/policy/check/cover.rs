//! What shows rows of private tables without being one: views, partitions, inheriting tables.

use std::collections::BTreeSet;

use super::Finding;
use crate::catalog::{Catalog, Kind, Table};
use crate::policy::meant::{Policy, TableRule};
use crate::policy::name::TableName;

pub(super) fn check(policy: &Policy, source: &Catalog) -> Vec<Finding> {
    let private = showing_people(policy, source);
    let finding = |(name, table): (&TableName, &Table)| {
        let shows = private.contains(name);
        match (policy.tables.get(name), shows) {
            (Some(TableRule::Public { .. }), true) => Some(Finding::error(
                policy.places.tables.get(name).copied(),
                format!("{name} is listed as public and {}", shown(table)),
                format!(
                    "remove it, or give it a unit and classes of its own as [tables.\"{name}\"]"
                ),
            )),
            (None, true) => Some(Finding::warning(
                None,
                format!("{name} {} and is not listed, so it is denied", shown(table)),
                format!(
                    "nothing needs to be done; to open it, add [tables.\"{name}\"] with a unit"
                ),
            )),
            (None, false) => Some(Finding::warning(
                None,
                format!("{name} is not listed, so it is denied"),
                format!("add [tables.\"{name}\"] with `unit` or `public`, or leave it denied"),
            )),
            _ => None,
        }
    };
    source.tables.iter().filter_map(finding).collect()
}

fn shown(table: &Table) -> &'static str {
    match table.kind {
        Kind::View | Kind::MaterializedView => "selects from a private table",
        _ if !table.parents.is_empty() => "holds rows of a private table",
        _ => "shows rows of a private table that is part of it",
    }
}

/// The private tables, the tables that are parts of them, and whatever shows rows of those: views
/// over them, and tables that they are parts of; and so on.
fn showing_people(policy: &Policy, source: &Catalog) -> BTreeSet<TableName> {
    let private = |name: &TableName| matches!(policy.tables.get(name), Some(TableRule::Private(_)));
    let mut found: BTreeSet<TableName> =
        policy.tables.keys().filter(|name| private(name)).cloned().collect();
    grow(source, &mut found, |table, found| {
        table.parents.iter().any(|parent| found.contains(parent))
    });
    let wholes = |source: &Catalog, found: &BTreeSet<TableName>| -> BTreeSet<TableName> {
        let parts = source.tables.values().filter(|table| found.contains(&table.name));
        parts.flat_map(|table| table.parents.iter().cloned()).collect()
    };
    loop {
        let before = found.len();
        found.extend(wholes(source, &found));
        grow(source, &mut found, |table, found| {
            table.depends_on.iter().any(|used| found.contains(used))
        });
        if found.len() == before {
            return found;
        }
    }
}

/// Adds tables until none is left that follows from those found.
fn grow(
    source: &Catalog,
    found: &mut BTreeSet<TableName>,
    follows: impl Fn(&Table, &BTreeSet<TableName>) -> bool,
) {
    loop {
        let more: Vec<TableName> = source
            .tables
            .values()
            .filter(|table| !found.contains(&table.name) && follows(table, found))
            .map(|table| table.name.clone())
            .collect();
        if more.is_empty() {
            return;
        }
        found.extend(more);
    }
}
