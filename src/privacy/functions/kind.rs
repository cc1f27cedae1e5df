//! The types that the table's rows are about.

use crate::expr::{TextType, Type};

/// A type of an argument or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `smallint`
    Int2,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `numeric`
    Numeric,
    /// `real`
    Float4,
    /// `double precision`
    Float8,
    /// `text`, and `character varying`, which PostgreSQL takes for it
    Text,
    /// `character`
    Bpchar,
    /// `boolean`
    Bool,
    /// `date`
    Date,
    /// `timestamp`
    Timestamp,
    /// `timestamp with time zone`
    TimestampTz,
    /// `interval`
    Interval,
    /// `uuid`
    Uuid,
    /// `jsonb`
    Jsonb,
    /// `bytea`
    Bytea,
    /// `text[]`
    Texts,
    /// `character varying[]`
    Varchars,
    /// An array of one of the plain types.
    Array,
    /// A value of the array's type, which another argument is.
    Element,
    /// `integer[]`
    Int4s,
    /// `bigint[]`
    Int8s,
    /// `numeric[]`
    Numerics,
    /// `double precision[]`
    Float8s,
    /// `date[]`
    Dates,
    /// `timestamp[]`
    Timestamps,
}

/// What an array can be of, to be read.
const ELEMENTS: &[Kind] = &[
    Kind::Int2,
    Kind::Int4,
    Kind::Int8,
    Kind::Numeric,
    Kind::Float4,
    Kind::Float8,
    Kind::Text,
    Kind::Bool,
    Kind::Date,
    Kind::Timestamp,
    Kind::TimestampTz,
    Kind::Uuid,
];

impl Kind {
    /// The type's name, without modifiers and schema.
    pub fn shown(self) -> &'static str {
        match self {
            Self::Int2 => "smallint",
            Self::Int4 => "integer",
            Self::Int8 => "bigint",
            Self::Numeric => "numeric",
            Self::Float4 => "real",
            Self::Float8 => "double precision",
            Self::Text => "text",
            Self::Bpchar => "character",
            Self::Bool => "boolean",
            Self::Date => "date",
            Self::Timestamp => "timestamp without time zone",
            Self::TimestampTz => "timestamp with time zone",
            Self::Interval => "interval",
            Self::Uuid => "uuid",
            Self::Jsonb => "jsonb",
            Self::Bytea => "bytea",
            Self::Texts => "text[]",
            Self::Varchars => "character varying[]",
            Self::Array => "array",
            Self::Element => "element",
            Self::Int4s => "integer[]",
            Self::Int8s => "bigint[]",
            Self::Numerics => "numeric[]",
            Self::Float8s => "double precision[]",
            Self::Dates => "date[]",
            Self::Timestamps => "timestamp without time zone[]",
        }
    }

    /// The type, as expressions have it.
    pub fn ty(self) -> Type {
        match self {
            Self::Int2 => Type::Int(2),
            Self::Int4 => Type::Int(4),
            Self::Int8 => Type::Int(8),
            Self::Numeric => Type::Numeric(None),
            Self::Float4 => Type::Float(4),
            Self::Float8 => Type::Float(8),
            Self::Text => Type::Text(TextType::Text),
            Self::Bpchar => Type::Text(TextType::Bpchar),
            Self::Bool => Type::Bool,
            Self::Date => Type::Date,
            Self::Timestamp => Type::Timestamp,
            Self::TimestampTz => Type::TimestampTz,
            Self::Interval => Type::Interval,
            other => Type::Other(other.shown().to_owned()),
        }
    }

    /// Whether a value of the type can stand for it; `array` is the array among the arguments.
    pub(crate) fn takes(self, ty: &Type, array: Option<&Type>) -> bool {
        match self {
            Self::Numeric => matches!(ty, Type::Numeric(_)),
            Self::Text => matches!(ty, Type::Text(TextType::Text | TextType::Varchar)),
            Self::Array => {
                element_of(ty).is_some_and(|kind| array.and_then(element_of) == Some(kind))
            }
            // Whole numbers of two sizes are compared as they are.
            Self::Element => array.and_then(element_of).is_some_and(|kind| {
                kind.takes(ty, None) || matches!((kind.ty(), ty), (Type::Int(_), Type::Int(_)))
            }),
            Self::Uuid | Self::Jsonb | Self::Bytea => {
                matches!(ty, Type::Other(name) if plain(name) == self.shown())
            }
            Self::Varchars => is_array(ty, "character varying") || is_array(ty, "varchar"),
            Self::Timestamps => is_array(ty, "timestamp without time zone"),
            Self::Texts
            | Self::Int4s
            | Self::Int8s
            | Self::Numerics
            | Self::Float8s
            | Self::Dates => is_array(ty, self.shown().trim_end_matches("[]")),
            _ => *ty == self.ty(),
        }
    }
}

fn is_array(ty: &Type, element: &str) -> bool {
    matches!(ty, Type::Other(name) if plain(name).strip_suffix("[]") == Some(element))
}

/// A type's name in small letters, without its schema and modifiers.
fn plain(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let lower = lower.trim_start_matches("pg_catalog.").replace("(6)", "");
    match lower.split_once('(') {
        Some((before, rest)) => {
            let after = rest.split_once(')').map_or("", |(_, after)| after);
            format!("{}{after}", before.trim_end())
        }
        None => lower,
    }
}

/// What the values of an array are, if it is one that is read.
pub fn element_of(ty: &Type) -> Option<Kind> {
    let Type::Other(name) = ty else { return None };
    let name = plain(name);
    let name = name.strip_suffix("[]")?;
    let short = |kind: Kind| match kind {
        Kind::Timestamp => "timestamp",
        Kind::TimestampTz => "timestamptz",
        Kind::Int4 => "int",
        kind => kind.shown(),
    };
    ELEMENTS.iter().copied().find(|kind| kind.shown() == name || short(*kind) == name)
}

/// The type of arrays of a type.
pub fn array_of(ty: &Type) -> Type {
    Type::Other(format!("{}[]", ty.name()))
}
