//! What the shadow copies of a schema, read from the catalog of either side.
//!
//! Read are: tables, columns with types, NOT NULL, primary keys, unique constraints, foreign keys
//! and enum labels. Not read, because they can hold facts about rows: defaults, CHECKs, comments,
//! other indexes and their predicates, sequences, partition bounds, domains, statistics.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use tokio_postgres::{Client, IsolationLevel, Row, Transaction};

use super::error::{ShadowError, during};
use crate::quote::qualified;

/// A table that analysts may name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedTable {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Whether its rows belong to people; such a table stays empty in the shadow.
    pub private: bool,
}

/// A schema and a name in it, as the catalog spells them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The schema.
    pub schema: String,
    /// The name in it.
    pub name: String,
}

impl Name {
    pub(super) fn new(schema: &str, name: &str) -> Self {
        Self { schema: schema.to_owned(), name: name.to_owned() }
    }

    pub(super) fn sql(&self) -> String {
        qualified(&self.schema, &self.name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl ListedTable {
    pub(super) fn key(&self) -> Name {
        Name::new(&self.schema, &self.name)
    }
}

/// A column that the shadow cannot have, because its type is neither PostgreSQL's own nor an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omitted {
    /// Its table.
    pub table: Name,
    /// Its name.
    pub column: String,
    /// Its type on the source.
    pub data_type: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    /// With its modifier, qualified unless it is PostgreSQL's own.
    pub(super) data_type: String,
    pub(super) not_null: bool,
    pub(super) collation: Option<String>,
    /// The enum that the type is, or is an array of.
    pub(super) labels_of: Option<Name>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) primary: bool,
    pub(super) nulls_not_distinct: bool,
    pub(super) columns: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) to: Name,
    pub(super) to_columns: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) keys: Vec<Key>,
    pub(super) references: Vec<Reference>,
}

/// What was read; tables and enums by name, so that equal schemas compare equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    pub(super) tables: BTreeMap<Name, Table>,
    pub(super) enums: BTreeMap<Name, Vec<String>>,
    pub(super) omitted: Vec<Omitted>,
}

/// Reads the listed tables in one snapshot. Tables that do not exist are missing in the result.
pub async fn read(client: &mut Client, tables: &BTreeSet<Name>) -> Result<Schema, ShadowError> {
    let step = during("reading the schema");
    let transaction = client.build_transaction().read_only(true);
    let transaction = transaction.isolation_level(IsolationLevel::RepeatableRead);
    let transaction = transaction.start().await.map_err(&step)?;
    // format_type writes a schema unless it is on the path.
    transaction.batch_execute("SET LOCAL search_path = pg_catalog").await.map_err(&step)?;
    let mut schema = Schema::default();
    read_columns(&transaction, tables, &mut schema).await.map_err(&step)?;
    read_constraints(&transaction, tables, &mut schema).await.map_err(&step)?;
    for row in transaction.query(ENUMS, &[]).await.map_err(&step)? {
        schema.enums.insert(Name { schema: row.get(0), name: row.get(1) }, row.get(2));
    }
    transaction.commit().await.map_err(&step)?;
    Ok(schema)
}

const COLUMNS: &str = include_str!("read_columns.sql");
const CONSTRAINTS: &str = include_str!("read_constraints.sql");
const ENUMS: &str = "
SELECT n.nspname::text, t.typname::text, array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname <> 'noisegate' AND n.nspname !~ '^pg_'
GROUP BY 1, 2";

fn columns_of(tables: &BTreeSet<Name>) -> (Vec<&str>, Vec<&str>) {
    tables.iter().map(|table| (table.schema.as_str(), table.name.as_str())).unzip()
}

async fn read_columns(
    transaction: &Transaction<'_>,
    tables: &BTreeSet<Name>,
    schema: &mut Schema,
) -> Result<(), tokio_postgres::Error> {
    let (schemas, names) = columns_of(tables);
    for row in transaction.query(COLUMNS, &[&schemas, &names]).await? {
        let name = Name { schema: row.get("schema"), name: row.get("name") };
        let table = schema.tables.entry(name.clone()).or_default();
        let Some(column) = row.get::<_, Option<String>>("column_name") else { continue };
        let data_type = row.get("data_type");
        if row.get("known") {
            table.columns.push(column_from(&row, column, data_type));
        } else {
            schema.omitted.push(Omitted { table: name, column, data_type });
        }
    }
    Ok(())
}

fn column_from(row: &Row, name: String, data_type: String) -> Column {
    let enum_schema: Option<String> = row.get("enum_schema");
    let labels_of = enum_schema.map(|schema| Name { schema, name: row.get("enum_name") });
    let (not_null, collation) = (row.get("not_null"), row.get("collation_name"));
    Column { name, data_type, not_null, collation, labels_of }
}

async fn read_constraints(
    transaction: &Transaction<'_>,
    tables: &BTreeSet<Name>,
    schema: &mut Schema,
) -> Result<(), tokio_postgres::Error> {
    let (schemas, names) = columns_of(tables);
    for row in transaction.query(CONSTRAINTS, &[&schemas, &names]).await? {
        let owner = Name { schema: row.get("schema"), name: row.get("name") };
        let Some(table) = schema.tables.get_mut(&owner) else { continue };
        let (name, columns) = (row.get("constraint_name"), row.get("columns"));
        let to_schema: Option<String> = row.get("to_schema");
        if let Some(to_schema) = to_schema {
            let to = Name { schema: to_schema, name: row.get("to_name") };
            table.references.push(Reference {
                name,
                columns,
                to,
                to_columns: row.get("to_columns"),
            });
        } else {
            let (primary, nulls_not_distinct) = (row.get("primary"), row.get("nulls_not_distinct"));
            table.keys.push(Key { name, primary, nulls_not_distinct, columns });
        }
    }
    Ok(())
}

impl Schema {
    /// Reduces what a source has to what its shadow shall have.
    pub(super) fn into_twin(mut self, listed: &[ListedTable]) -> Self {
        let private: BTreeSet<Name> =
            listed.iter().filter(|table| table.private).map(ListedTable::key).collect();
        for table in self.tables.values_mut() {
            let has = |wanted: &String| table.columns.iter().any(|column| column.name == *wanted);
            table.keys.retain(|key| key.columns.iter().all(has));
            table.references.retain(|reference| reference.columns.iter().all(has));
        }
        let kept = self.tables.clone();
        for (name, table) in &mut self.tables {
            table.references.retain(|reference| {
                // The other table is empty in the shadow, so no row could refer to it.
                let dangles = private.contains(&reference.to) && !private.contains(name);
                !dangles && kept.get(&reference.to).is_some_and(|to| has_key(to, reference))
            });
        }
        let used: BTreeSet<Name> = kept
            .values()
            .flat_map(|table| table.columns.iter().filter_map(|column| column.labels_of.clone()))
            .collect();
        self.enums.retain(|name, _| used.contains(name));
        self
    }
}

/// A foreign key may rest on a unique index that is no constraint; the shadow has none.
fn has_key(to: &Table, reference: &Reference) -> bool {
    let wanted: BTreeSet<&String> = reference.to_columns.iter().collect();
    to.keys.iter().any(|key| key.columns.iter().collect::<BTreeSet<_>>() == wanted)
}
