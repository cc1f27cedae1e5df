//! What an administrator sees first.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Account, Spender};

/// What an administrator sees first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "now": "2026-11-30T08:00:00.000Z", "version": "0.1.0", "policy_version": "9f86d081884c7d65",
    "proxies_note": "The number of queries in flight is of this proxy.",
    "ledger": {"store": "sqlite", "generation": 311}, "accounts": [],
    "top_spenders_7d": [{"analyst": "alice", "charges": 12, "epsilon": 1.7, "share": 0.8}],
    "refusals_24h": [{"code": "budget", "count": 2}], "in_flight": 0,
    "findings": {"errors": 0, "warnings": 1}
}))]
pub struct Overview {
    /// The proxy's time.
    pub now: String,
    /// The program's version.
    pub version: String,
    /// The policy's version.
    pub policy_version: String,
    /// What is of this proxy alone.
    pub proxies_note: String,
    /// Where budgets are counted.
    pub ledger: LedgerStatus,
    /// The first accounts, those of datasets before others.
    pub accounts: Vec<Account>,
    /// Who spent most in the last seven days.
    pub top_spenders_7d: Vec<Spender>,
    /// What was refused in the last day.
    pub refusals_24h: Vec<Refusals>,
    /// Queries of this proxy that are being answered.
    pub in_flight: u64,
    /// What the check of the policy found.
    pub findings: Findings,
}

/// Where budgets are counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"store": "sqlite", "generation": 311}))]
pub struct LedgerStatus {
    /// `sqlite` or `postgresql`.
    pub store: String,
    /// Its latest generation.
    pub generation: i64,
}

/// How often something was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"code": "budget", "count": 2}))]
pub struct Refusals {
    /// The code of the refusal.
    pub code: String,
    /// How often.
    pub count: u64,
}

/// What the check of the policy found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"errors": 0, "warnings": 1}))]
pub struct Findings {
    /// Errors.
    pub errors: u64,
    /// Warnings.
    pub warnings: u64,
}
