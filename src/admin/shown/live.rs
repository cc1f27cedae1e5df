//! Queries that are being answered.

use serde::Serialize;
use utoipa::ToSchema;

/// How far a query is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "asking")]
pub enum QueryStage {
    /// It is read and priced.
    Reading,
    /// It is being paid for.
    Charging,
    /// The database is asked.
    Asking,
    /// The answer is put together.
    Finishing,
}

/// A query that is being answered. Its text is not kept.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "query": "9f86d081884c7d65", "analyst": "alice", "started_at": "2026-11-30T08:00:00.000Z",
    "stage": "asking", "epsilon": 0.5, "fingerprint": "0f0f0f0f0f0f0f0f",
    "here": true
}))]
pub struct Query {
    /// Its id, which the proxy's log has too.
    pub query: String,
    /// Who asks.
    pub analyst: String,
    /// Since when; at another proxy, since it was charged.
    pub started_at: String,
    /// How far it is.
    pub stage: QueryStage,
    /// The ε that each aggregating part of it is asked at, once that is known.
    pub epsilon: Option<f64>,
    /// What it pays for, once that is known: the same for equal questions.
    pub fingerprint: Option<String>,
    /// Whether this proxy answers it. What another answers is known from when it is charged until
    /// that is settled; if its proxy was killed, as long as the answer could have taken, at most
    /// ten timeouts and an hour.
    pub here: bool,
}
