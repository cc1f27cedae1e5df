//! The policy, drafts of another one, and what they would change.

use serde::Serialize;
use utoipa::ToSchema;

/// The policy in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "text": "version = 1\n…", "version": "9f86d081884c7d65",
    "loaded_at": "2026-11-30T08:00:00.000Z", "source": "clinic.toml", "last_error": null,
    "findings": [{"level": "warning", "where": "12:1", "message": "…", "fix": "…"}]
}))]
pub struct PolicyText {
    /// As it is written.
    pub text: String,
    /// The digest of what changes an answer.
    pub version: String,
    /// When it came into force.
    pub loaded_at: String,
    /// The name of the file, if it is read from one.
    pub source: String,
    /// Why the last reload failed, if it did.
    pub last_error: Option<String>,
    /// What was found when it was checked.
    pub findings: Vec<Finding>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "warning")]
pub enum FindingLevel {
    /// The guarantee would not hold.
    Error,
    /// It may not be what is meant.
    Warning,
}

/// Something that was found in a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"level": "warning", "where": "12:1", "message": "…", "fix": "…"}))]
pub struct Finding {
    /// How much it matters.
    pub level: FindingLevel,
    /// Line and column.
    #[serde(rename = "where")]
    pub place: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub fix: String,
}

/// What is found of a text that is not in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"valid": true, "error": null, "findings": []}))]
pub struct Draft {
    /// Whether it could come into force.
    pub valid: bool,
    /// Why it could not.
    pub error: Option<String>,
    /// What was found when it was checked.
    pub findings: Vec<Finding>,
}

/// What a text would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"changes": [
    {"kind": "spend", "sentence": "The budget shop has epsilon 3 instead of 2."}
]}))]
pub struct Diff {
    /// First who could see what, then who could spend what, then the rest.
    pub changes: Vec<Change>,
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "spend")]
pub enum ChangeKind {
    /// What answers show, or to whom.
    See,
    /// What may be spent, or who pays.
    Spend,
    /// Anything else.
    Other,
}

/// One thing that would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!(
    {"kind": "spend", "sentence": "The budget shop has epsilon 3 instead of 2."}
))]
pub struct Change {
    /// What it is about.
    pub kind: ChangeKind,
    /// What it is.
    pub sentence: String,
}
