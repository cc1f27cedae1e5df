//! The live schema and the policy, joined into one immutable picture that queries are read against.

use std::collections::{BTreeMap, BTreeSet};

use noisegate_privacy::expr::{TextType, Type};
use noisegate_privacy::plan::Exposure;

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
    /// Whether it names a person and is therefore not usable in expressions.
    pub direct: bool,
    /// Declared bounds.
    pub bounds: Option<(String, String)>,
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

impl Snapshot {
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
        _ => Type::Other(name.to_owned()),
    }
}

fn precision(modifier: &str) -> Option<(u32, u32)> {
    let (precision, scale) = modifier.split_once(',').unwrap_or((modifier, "0"));
    Some((precision.trim().parse().ok()?, scale.trim().parse().ok()?))
}
