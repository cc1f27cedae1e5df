//! The tables of the `noisegate` schema that the proxy fills.

/// A table of the `noisegate` schema, which the proxy fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VirtualTable {
    /// What the analyst's accounts have left.
    Budget,
    /// What the analyst was charged for.
    MyQueries,
    /// What of that is remembered.
    Releases,
    /// The tables that may be asked about.
    Tables,
    /// Their columns.
    Columns,
}

impl VirtualTable {
    pub(crate) fn named(parts: &[String]) -> Option<Self> {
        match parts {
            [schema, name] if schema == "noisegate" => match name.as_str() {
                "budget" => Some(Self::Budget),
                "my_queries" => Some(Self::MyQueries),
                "releases" => Some(Self::Releases),
                "tables" => Some(Self::Tables),
                "columns" => Some(Self::Columns),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::MyQueries => "my_queries",
            Self::Releases => "releases",
            Self::Tables => "tables",
            Self::Columns => "columns",
        }
    }

    /// The columns and their types, as the shadow's empty table has them.
    pub fn columns(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Budget => &[
                ("account", "text"),
                ("accountant", "text"),
                ("epsilon", "numeric"),
                ("epsilon_left", "numeric"),
                ("share_left", "numeric"),
                ("delta", "numeric"),
                ("renews_at", "timestamp with time zone"),
                ("share_spent", "numeric"),
                ("state", "text"),
                ("queries_left", "numeric"),
            ],
            Self::MyQueries => &[
                ("query_id", "text"),
                ("asked_at", "timestamp with time zone"),
                ("state", "text"),
                ("epsilon", "numeric"),
            ],
            Self::Releases => &[
                ("question", "text"),
                ("query_id", "text"),
                ("asked_at", "timestamp with time zone"),
                ("expires_at", "timestamp with time zone"),
                ("epsilon", "numeric"),
            ],
            Self::Tables => &[
                ("schema", "text"),
                ("name", "text"),
                ("kind", "text"),
                ("unit", "text"),
                ("path", "text"),
                ("max_rows", "bigint"),
                ("bounds", "text"),
                ("min_group", "integer"),
            ],
            Self::Columns => &[
                ("schema", "text"),
                ("table_name", "text"),
                ("name", "text"),
                ("type", "text"),
                ("class", "text"),
                ("low", "text"),
                ("high", "text"),
                ("key_values", "text[]"),
                ("keys_from", "text"),
            ],
        }
    }
}
