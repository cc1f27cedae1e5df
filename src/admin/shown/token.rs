//! Tokens of programs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody may do here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "auditor")]
pub enum Role {
    /// See everything and change what can be changed.
    Admin,
    /// See everything.
    Auditor,
}

impl Role {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }

    /// Reads what [`Self::name`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Admin, Self::Auditor].into_iter().find(|role| role.name() == text)
    }
}

/// A token, without its secret, of which only a digest is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "5f2a9c01d4e7b836", "name": "nightly-report", "role": "auditor",
    "created_at": "2026-11-29T09:30:00.000Z", "expires_at": "2026-12-29T09:30:00.000Z",
    "created_by": "carol"
}))]
pub struct Token {
    /// What it is revoked by.
    pub id: String,
    /// The name that it was given.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: String,
    /// From when on it is of no use.
    pub expires_at: String,
    /// Who made it.
    pub created_by: String,
}

/// A token that was made a moment ago.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "5f2a9c01d4e7b836", "name": "nightly-report", "role": "auditor",
    "created_at": "2026-11-29T09:30:00.000Z", "expires_at": "2026-12-29T09:30:00.000Z",
    "created_by": "carol", "token": "ng_…"
}))]
pub struct FreshToken {
    /// What it is from now on.
    #[serde(flatten)]
    pub token: Token,
    /// The secret, which is shown this once.
    #[serde(rename = "token")]
    pub secret: String,
}

impl std::fmt::Debug for FreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FreshToken").field("token", &self.token).finish_non_exhaustive()
    }
}
