//! The live schema and the policy, joined into one immutable picture that queries are read against.

use std::collections::{BTreeMap, BTreeSet};

use noisegate_privacy::expr::{TextType, Type};
use noisegate_privacy::plan::{Exposure, Hop};

use super::{Catalog, Table};
use crate::policy::{
    Bounding, Class, ColumnRule, Policy, PrivateTable, TableName, TableRule, Values,
};

/// What is known of every listed table.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The digest of the policy that this was made from.
    pub version: [u8; 32],
    /// The listed tables, by schema and name.
    pub relations: BTreeMap<(String, String), Relation>,
}

/// A listed table.
#[derive(Clone, Debug)]
pub struct Relation {
    /// The schema.
    pub schema: String,
    /// The name.
    pub name: String,
    /// Whose rows it holds.
    pub exposure: Exposure,
    /// Columns that are each unique and never NULL.
    pub unique: Vec<String>,
    /// The columns, in order.
    pub columns: Vec<ColumnInfo>,
}

/// A column of a listed table.
#[derive(Clone, Debug)]
pub struct ColumnInfo {
    /// The name.
    pub name: String,
    /// The type, as the analysis sees it.
    pub ty: Type,
    /// The type as PostgreSQL prints it, with its modifier.
    pub type_name: String,
    /// Whether it can stand in expressions; see [`super::Column::admitted`].
    pub admitted: bool,
    /// Whether functions of arrays can read it; see [`super::Column::readable`].
    pub readable: bool,
    /// Whether it names a person and is therefore not usable in expressions.
    pub direct: bool,
    /// Bounds that its values are held to.
    pub bounds: Option<(String, String)>,
    /// Whether the policy declares them; else they are those of the type.
    pub declared: bool,
    /// Declared key values.
    pub values: Option<KeyValues>,
    /// Whether it is never NULL.
    pub not_null: bool,
}

/// Where the values come from that a group key may show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyValues {
    /// From the policy.
    List(Vec<String>),
    /// From a column of a public table: schema, table, column.
    Column(String, String, String),
}

/// Why policy and schema do not fit; `noisegate check` says more of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A listed table is not in the source.
    #[error("table {0} does not exist in the source")]
    NoTable(TableName),
    /// There is no way from a row to a person.
    #[error("{0}")]
    Unit(#[from] crate::policy::UnitError),
    /// A step to the person is not a validated foreign key to a unique column.
    #[error(
        "{table}.{column} is not a validated foreign key, of the same plain type, to a unique column"
    )]
    Arrow {
        /// Where the step starts.
        table: TableName,
        /// The referencing column.
        column: String,
    },
    /// The column that identifies a person is not unique.
    #[error("{table}.{column} identifies people but is not unique, NOT NULL and of a plain type")]
    UnitKey {
        /// The unit's table.
        table: TableName,
        /// Its key.
        column: String,
    },
}

impl Snapshot {
    /// The picture that a policy and a live schema make.
    pub fn new(policy: &Policy, catalog: &Catalog) -> Result<Self, SnapshotError> {
        let mut relations = BTreeMap::new();
        for (name, rule) in &policy.tables {
            let table =
                catalog.tables.get(name).ok_or_else(|| SnapshotError::NoTable(name.clone()))?;
            let exposure = match rule {
                TableRule::Public { .. } => Exposure::Public,
                TableRule::Private(private) => exposure(policy, catalog, name, private)?,
            };
            let automatic = match rule {
                TableRule::Private(private) => estimated(policy, private),
                // A query may join it with any private table.
                TableRule::Public { .. } => policy.tables.values().all(|rule| match rule {
                    TableRule::Private(private) => estimated(policy, private),
                    TableRule::Public { .. } => true,
                }),
            };
            let mut relation = relation(catalog, name, table, exposure, rule);
            if automatic {
                relation.columns.iter_mut().for_each(bounded_by_type);
            }
            relations.insert((name.schema.clone(), name.name.clone()), relation);
        }
        Ok(Self { version: policy.version, relations })
    }

    /// A listed table.
    pub fn relation(&self, schema: &str, name: &str) -> Option<&Relation> {
        self.relations.get(&(schema.to_owned(), name.to_owned()))
    }

    /// The bare names of private tables: a statement that mentions none of them is not ours.
    pub fn private_names(&self) -> BTreeSet<String> {
        self.relations
            .values()
            .filter(|relation| relation.is_private())
            .map(|relation| relation.name.clone())
            .collect()
    }
}

impl Relation {
    /// Whether its rows belong to people.
    pub fn is_private(&self) -> bool {
        matches!(self.exposure, Exposure::Private { .. })
    }

    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&ColumnInfo> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Whether what one person adds to a sum over this table is estimated.
fn estimated(policy: &Policy, table: &PrivateTable) -> bool {
    table.bounds.unwrap_or(policy.defaults.bounds) == Bounding::Automatic
}

/// Where what people add is estimated, the range of a column's type will do for its bounds: it is
/// public, and where the search for a better one ends. A column that names people has none.
fn bounded_by_type(column: &mut ColumnInfo) {
    if column.bounds.is_some() || column.direct || !column.admitted {
        return;
    }
    column.bounds = range_of(&column.ty);
}

/// The least and the greatest number of a type, if it has them.
fn range_of(ty: &Type) -> Option<(String, String)> {
    match ty {
        Type::Int(2) => Some((i16::MIN.to_string(), i16::MAX.to_string())),
        Type::Int(4) => Some((i32::MIN.to_string(), i32::MAX.to_string())),
        Type::Int(8) => Some((i64::MIN.to_string(), i64::MAX.to_string())),
        Type::Numeric(Some((precision, scale))) if (1..=30).contains(precision) => {
            let nines = |count: u32| "9".repeat(usize::try_from(count).unwrap_or(0));
            let most = match precision.checked_sub(*scale)? {
                0 => format!("0.{}", nines(*scale)),
                whole if *scale == 0 => nines(whole),
                whole => format!("{}.{}", nines(whole), nines(*scale)),
            };
            Some((format!("-{most}"), most))
        }
        _ => None,
    }
}

fn exposure(
    policy: &Policy,
    catalog: &Catalog,
    name: &TableName,
    private: &PrivateTable,
) -> Result<Exposure, SnapshotError> {
    let mut path = Vec::new();
    for step in policy.unit_path(name)? {
        let (table, column) = (step.table.clone(), step.column.clone());
        let enforced = catalog.tables.get(&step.table).is_some_and(|from| {
            from.foreign_keys.iter().any(|key| {
                key.columns == [step.column.as_str()]
                    && key.target == step.to_table
                    && key.target_columns == [step.to_column.as_str()]
            }) && same_type(catalog, &step)
        });
        if !enforced {
            return Err(SnapshotError::Arrow { table, column });
        }
        path.push(Hop {
            column: step.column,
            to_schema: step.to_table.schema,
            to_table: step.to_table.name,
            to_column: step.to_column,
        });
    }
    let (table, unit) = policy.unit_key(name)?;
    let unique = catalog.tables.get(&table).is_some_and(|found| {
        found.is_unique(&[&unit])
            && found.column(&unit).is_some_and(|column| column.not_null && column.admitted)
    });
    if !unique {
        return Err(SnapshotError::UnitKey { table, column: unit });
    }
    Ok(Exposure::Private { path, unit, rows_max: private.max_rows })
}

/// Whether both ends of a step have one type: between two, `=` can be coarser than either, and one
/// person's rows would be taken for several people's.
fn same_type(catalog: &Catalog, step: &crate::policy::Step) -> bool {
    let base = |table: &TableName, column: &str| {
        let column = catalog.tables.get(table)?.column(column)?;
        column.admitted.then_some(column.base_oid)
    };
    let from = base(&step.table, &step.column);
    from.is_some() && from == base(&step.to_table, &step.to_column)
}

fn relation(
    catalog: &Catalog,
    name: &TableName,
    table: &Table,
    exposure: Exposure,
    rule: &TableRule,
) -> Relation {
    let rules = match rule {
        TableRule::Private(private) => Some(&private.columns),
        TableRule::Public { .. } => None,
    };
    let unique = table
        .columns
        .iter()
        .filter(|column| column.admitted && column.not_null)
        .filter(|column| table.is_unique(&[&column.name]))
        .map(|column| column.name.clone())
        .collect();
    let columns = table
        .columns
        .iter()
        .map(|column| {
            let rule: Option<&ColumnRule> = rules.and_then(|rules| rules.get(&column.name));
            ColumnInfo {
                name: column.name.clone(),
                ty: type_of_name(&column.type_name),
                type_name: column.type_name.clone(),
                // Equal texts of no declared width can have more blanks or fewer at their end.
                admitted: column.admitted && column.type_name != "bpchar",
                readable: column.readable,
                // A column of a private table that nobody classified is hidden.
                direct: rules.is_some() && rule.is_none_or(|rule| rule.class == Class::Direct),
                bounds: rule.and_then(|rule| rule.bounds.clone()),
                declared: rule.is_some_and(|rule| rule.bounds.is_some()),
                values: rule.and_then(|rule| rule.values.as_ref()).and_then(|v| values(catalog, v)),
                not_null: column.not_null,
            }
        })
        .collect();
    Relation { schema: name.schema.clone(), name: name.name.clone(), exposure, unique, columns }
}

/// Where the values of a key come from; not from a column that nothing can be compared with.
fn values(catalog: &Catalog, values: &Values) -> Option<KeyValues> {
    match values {
        Values::List(values) => Some(KeyValues::List(values.clone())),
        Values::Column { table, column } => {
            let admitted = catalog.tables.get(table)?.column(column)?.admitted;
            let (schema, table) = (table.schema.clone(), table.name.clone());
            admitted.then(|| KeyValues::Column(schema, table, column.clone()))
        }
    }
}

/// The analysis' view of a type that PostgreSQL's `format_type` printed, such as `numeric(15,2)`.
pub fn type_of_name(name: &str) -> Type {
    let lower = name.to_ascii_lowercase();
    let lower = lower.strip_prefix("pg_catalog.").unwrap_or(&lower);
    let (base, modifier) = match lower.split_once('(') {
        Some((base, rest)) => {
            let (inside, after) = rest.split_once(')').unwrap_or((rest, ""));
            (format!("{}{after}", base.trim_end()), Some(inside.to_owned()))
        }
        None => (lower.to_owned(), None),
    };
    match base.as_str() {
        "boolean" | "bool" => Type::Bool,
        "smallint" | "int2" => Type::Int(2),
        "integer" | "int" | "int4" => Type::Int(4),
        "bigint" | "int8" => Type::Int(8),
        "numeric" | "decimal" => Type::Numeric(modifier.as_deref().and_then(precision)),
        "real" | "float4" => Type::Float(4),
        "double precision" | "float8" => Type::Float(8),
        "text" => Type::Text(TextType::Text),
        "character varying" | "varchar" => Type::Text(TextType::Varchar),
        "character" | "char" | "bpchar" => Type::Text(TextType::Bpchar),
        "date" => Type::Date,
        "timestamp without time zone" | "timestamp" => Type::Timestamp,
        "timestamp with time zone" | "timestamptz" => Type::TimestampTz,
        other if other == "interval" || other.starts_with("interval ") => Type::Interval,
        // The parser writes the names that it knows in capitals, PostgreSQL never does.
        _ if name.contains('"') => Type::Other(name.to_owned()),
        _ => Type::Other(name.to_ascii_lowercase()),
    }
}

/// What stands in parentheses after the name of a type, or restricts the fields of an interval.
pub fn type_modifier(name: &str) -> Option<String> {
    match name.split_once('(') {
        Some((_, rest)) => Some(rest.split(')').next().unwrap_or_default().trim().to_owned()),
        None => name.to_ascii_lowercase().strip_prefix("interval ").map(str::to_owned),
    }
}

fn precision(modifier: &str) -> Option<(u32, u32)> {
    let (precision, scale) = modifier.split_once(',').unwrap_or((modifier, "0"));
    Some((precision.trim().parse().ok()?, scale.trim().parse().ok()?))
}
