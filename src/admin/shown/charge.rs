//! Charges, the releases that they paid for, and who made them.

use serde::Serialize;
use utoipa::ToSchema;

/// What became of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "spent")]
pub enum ChargeState {
    /// It counts as spent, and its answer is not there yet.
    Pending,
    /// Spent.
    Spent,
    /// Not spent, since nothing was asked.
    GivenBack,
}

/// What one statement paid.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 17, "query": "9f86d081884c7d65", "fingerprint": "0f0f0f0f0f0f0f0f", "analyst": "alice", "at": "2026-11-29T09:30:00.000Z",
    "state": "spent", "leaves": 1, "epsilon": 0.5,
    "accounts": ["each_analyst/alice", "data_team/data", "shop"]
}))]
pub struct Charge {
    /// Its number.
    pub id: i64,
    /// The statement's id, which the proxy's log has too.
    pub query: String,
    /// What was asked: the same for equal questions, whose text is not kept. Of one aggregating part
    /// the first digits of its question.
    pub fingerprint: String,
    /// Who asked.
    pub analyst: String,
    /// When.
    pub at: String,
    /// What became of it.
    pub state: ChargeState,
    /// How many aggregating parts it had.
    pub leaves: i64,
    /// The ε of one answer at this price.
    pub epsilon: f64,
    /// The accounts that paid, each of them all of it.
    pub accounts: Vec<String>,
}

/// What one analyst spent.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({"analyst": "alice", "charges": 12, "epsilon": 1.7, "share": 0.8}))]
pub struct Spender {
    /// Who.
    pub analyst: String,
    /// In how many charges.
    pub charges: i64,
    /// The ε of one answer at the price of all of them.
    pub epsilon: f64,
    /// The share of what all spent.
    pub share: f64,
}

/// Who spent how much.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "from": "2026-11-23T00:00:00.000Z", "to": "2026-11-30T00:00:00.000Z",
    "analysts": 1, "charges": 12,
    "items": [{"analyst": "alice", "charges": 12, "epsilon": 1.7, "share": 1.0}], "next": null
}))]
pub struct Spenders {
    /// From when on.
    pub from: String,
    /// Before when.
    pub to: String,
    /// How many spent anything.
    pub analysts: usize,
    /// How often all of them were charged.
    pub charges: i64,
    /// What is in this part. Whoever spent most comes first.
    pub items: Vec<Spender>,
    /// Given as `cursor` with the same times, it gives the next part; null where there is none.
    pub next: Option<String>,
}

/// A remembered answer, without what it says.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 9, "question": "0f".repeat(32), "analyst": "alice",
    "made_at": "2026-11-29T09:30:00.000Z", "expires_at": "2026-12-06T09:30:00.000Z", "bytes": 412
}))]
pub struct Release {
    /// Its number.
    pub id: i64,
    /// The digest of what it answers.
    pub question: String,
    /// Who asked first.
    pub analyst: String,
    /// When it was paid for.
    pub made_at: String,
    /// From when on it does not answer any more.
    pub expires_at: String,
    /// Its size.
    pub bytes: i64,
}
