//! The tables of the `noisegate` schema that the proxy fills.

/// A table of the `noisegate` schema, which the proxy fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VirtualTable {
    /// What the analyst's accounts have left.
    Budget,
    /// What the analyst was charged for.
    MyQueries,
}

impl VirtualTable {
    pub(crate) fn named(parts: &[String]) -> Option<Self> {
        match parts {
            [schema, name] if schema == "noisegate" => match name.as_str() {
                "budget" => Some(Self::Budget),
                "my_queries" => Some(Self::MyQueries),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::MyQueries => "my_queries",
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
            ],
            Self::MyQueries => &[
                ("query_id", "text"),
                ("asked_at", "timestamp with time zone"),
                ("state", "text"),
                ("epsilon", "numeric"),
            ],
        }
    }
}
