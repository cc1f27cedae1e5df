//! Analysts and teams.

use serde::Serialize;
use utoipa::ToSchema;

/// Somebody whom the policy or the ledger knows.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "name": "alice", "roles": ["analyst"], "teams": ["data"], "can_log_in": true,
    "added_at": "2026-11-01T08:00:00.000Z", "last_seen_at": "2026-11-29T09:30:00.000Z",
    "accounts": ["each_analyst/alice", "data_team/data", "shop"], "frozen": false
}))]
pub struct Analyst {
    /// The name that is logged in with.
    pub name: String,
    /// The policy's roles.
    pub roles: Vec<String>,
    /// The policy's teams.
    pub teams: Vec<String>,
    /// Whether there are a password and a role.
    pub can_log_in: bool,
    /// When the password was first set.
    pub added_at: Option<String>,
    /// The last login.
    pub last_seen_at: Option<String>,
    /// The accounts that pay for the answers.
    pub accounts: Vec<String>,
    /// Whether there are own accounts, and all of them are frozen.
    pub frozen: bool,
}

/// A team of the policy, or one that an administrator made.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({
    "name": "data", "made": false, "roles": ["analyst"], "members": ["alice", "bob", "dora"],
    "added": ["dora"], "accounts": ["data_team/data"]
}))]
pub struct Team {
    /// Its name.
    pub name: String,
    /// Whether an administrator made it; otherwise the policy file has it.
    pub made: bool,
    /// The roles that its members hold.
    pub roles: Vec<String>,
    /// Who is in it.
    pub members: Vec<String>,
    /// Those of them whom an administrator put into it.
    pub added: Vec<String>,
    /// Its own accounts.
    pub accounts: Vec<String>,
}
