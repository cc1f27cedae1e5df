//! What a schema is made of.

use std::collections::BTreeMap;

use crate::policy::TableName;

/// The schema of one database at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// Everything that can be selected from, but for the system's own.
    pub tables: BTreeMap<TableName, Table>,
    /// The enum types.
    pub enums: Vec<EnumType>,
}

/// An enum type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumType {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its oid.
    pub oid: u32,
    /// The oid of the type of arrays of it.
    pub array_oid: u32,
    /// Its labels, in order.
    pub labels: Vec<String>,
}

/// A table, or what looks like one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: TableName,
    /// Its oid.
    pub oid: u32,
    /// What it is.
    pub kind: Kind,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The columns of its primary key, in the order of the key; empty without one.
    pub primary_key: Vec<String>,
    /// The sets of columns that are unique, the primary key among them. Empty for a table that
    /// other tables inherit from, since their rows appear in it and no index of it knows them.
    pub uniques: Vec<Vec<String>>,
    /// Its foreign keys; empty for a table that other tables inherit from, for the same reason.
    pub foreign_keys: Vec<ForeignKey>,
    /// What a view selects from.
    pub depends_on: Vec<TableName>,
    /// What a partition is part of, or an inheriting table inherits from.
    pub parents: Vec<TableName>,
}

/// What a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A table of its own, or one partition of another.
    Table,
    /// A table whose rows are in its partitions.
    Partitioned,
    /// A view.
    View,
    /// A view whose rows are kept.
    MaterializedView,
    /// A table of another server.
    Foreign,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its place, from 1, with gaps where columns were dropped.
    pub number: i16,
    /// Its type.
    pub type_oid: u32,
    /// Its type as SQL, with its modifier: `numeric(15,2)`, `public.mood`.
    pub type_name: String,
    /// The modifier of its type; -1 for none.
    pub typmod: i32,
    /// What its type is below all domains; [`Column::type_oid`] if it is none.
    pub base_oid: u32,
    /// That type as SQL, without modifier: `numeric`.
    pub base_name: String,
    /// Whether it cannot be NULL.
    pub not_null: bool,
    /// Whether its value is computed from the others of its row.
    pub generated: bool,
    /// Whether its value is counted up by the table.
    pub identity: bool,
    /// Whether its values can be compared without an error, and equal values are the same value:
    /// a plain type of PostgreSQL's or an enum, in the default collation. Under another collation
    /// texts that differ can be equal, and a comparison of two collations fails when it is reached,
    /// which only some rows do.
    pub admitted: bool,
    /// Whether it is an array of PostgreSQL's own types, in the default collation: functions of the
    /// list that are about arrays can read it, though it is not compared.
    pub readable: bool,
}

/// A foreign key that every row obeys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The columns here.
    pub columns: Vec<String>,
    /// The table that they point to.
    pub target: TableName,
    /// The columns there, in the same order.
    pub target_columns: Vec<String>,
}

impl Table {
    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether no two rows have the same (not NULL) values in these columns.
    pub fn is_unique(&self, columns: &[&str]) -> bool {
        self.uniques
            .iter()
            .any(|unique| unique.iter().all(|column| columns.contains(&column.as_str())))
    }

    /// Whether every row's `column`, unless NULL, is a `target_column` of `target`.
    pub fn points_to(&self, column: &str, target: &TableName, target_column: &str) -> bool {
        self.foreign_keys.iter().any(|key| {
            key.target == *target
                && key.columns == [column]
                && key.target_columns == [target_column]
        })
    }
}
