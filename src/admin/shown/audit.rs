//! The audit.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What happened, who did it and why.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "number": 4, "at": "2026-11-29T09:30:00.000Z", "who": "carol", "via": "http",
    "kind": "account.grant", "object": "data_team/data", "detail": {"epsilon": "0.5"},
    "why": "the report of this quarter"
}))]
pub struct Record {
    /// Its number; charges and what else happened are counted apart.
    pub number: i64,
    /// When.
    pub at: String,
    /// Who.
    pub who: String,
    /// By which way: `http`, `cli` or `proxy`.
    pub via: String,
    /// What was done.
    pub kind: String,
    /// To what.
    pub object: String,
    /// More about it.
    #[schema(value_type = Object)]
    pub detail: Map<String, Value>,
    /// The reason that was given.
    pub why: String,
}

/// What a look through the whole ledger found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"sound": true, "generations": 311, "records": 1204, "broken": null}))]
pub struct Verified {
    /// Whether everything is as it was written.
    pub sound: bool,
    /// Generations that were held against their digests.
    pub generations: i64,
    /// The records in them.
    pub records: i64,
    /// The first one that is not as it was written.
    pub broken: Option<String>,
}
