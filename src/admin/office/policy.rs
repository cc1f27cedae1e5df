//! The policy in force, drafts of another one, and its reload.

use serde_json::json;

use super::{Office, OfficeError, Order};
use crate::admin::shown::{
    self, Change, ChangeKind, Diff, Draft, Finding, FindingLevel, PolicyText,
};
use crate::ledger::Teams;
use crate::policy::{self, Policy};

/// The largest text of a policy that is looked at.
const TEXT_BYTES_MAX: usize = 1024 * 1024;
/// What is kept of an error on record.
const ERROR_CHARS_MAX: usize = 500;

impl Office {
    /// The policy in force, as it is written.
    pub fn policy_text(&self) -> Result<PolicyText, OfficeError> {
        let policies = self.running()?;
        let running = policies.running();
        let of_teams = running.gate.policy.doubled();
        let of_teams = of_teams.iter().map(doubled);
        Ok(PolicyText {
            text: running.text.clone(),
            version: hex::encode(running.gate.policy.version).chars().take(16).collect(),
            loaded_at: shown::time(running.loaded_at),
            source: policies.name().unwrap_or_default(),
            last_error: policies.last_error(),
            findings: running.findings.iter().map(finding).chain(of_teams).collect(),
        })
    }

    /// Whether a text could come into force, and what is found of it.
    pub async fn validate_policy(&self, text: &str) -> Result<Draft, OfficeError> {
        let draft = self.running()?.validate(bounded(text)?).await;
        Ok(Draft {
            valid: draft.error.is_none(),
            error: draft.error,
            findings: draft.findings.iter().map(finding).collect(),
        })
    }

    /// Who could see or spend what under a text, other than now.
    pub fn diff_policy(&self, text: &str) -> Result<Diff, OfficeError> {
        let found = self.running()?.diff(bounded(text)?);
        let found = found.map_err(|error| OfficeError::invalid("text", error))?;
        Ok(Diff { changes: found.into_iter().map(change).collect() })
    }

    /// Who could see or spend what under another policy, with the same teams of administrators.
    pub async fn diff_to(&self, draft: &Policy) -> Result<Diff, OfficeError> {
        let teams = self.ledger.teams(&Teams::default()).await?;
        let draft = draft.clone().with_teams(&teams.made, &teams.members);
        let found = policy::diff(&self.policy(), &draft);
        Ok(Diff { changes: found.into_iter().map(change).collect() })
    }

    /// Reads the policy's file anew. If anything is wrong with it, the one before stays.
    pub async fn reload_policy(&self, order: &Order) -> Result<PolicyText, OfficeError> {
        let policies = self.running()?;
        let name = policies.name().unwrap_or_default();
        // Asked for first, so that nothing comes into force for a reason that is none.
        order.event("policy.reload", &name, &json!({}))?;
        let reloaded = policies.reload().await;
        let (kind, detail) = match &reloaded {
            Ok(running) => {
                let version: String =
                    hex::encode(running.gate.policy.version).chars().take(16).collect();
                ("policy.reload", json!({"version": version}))
            }
            Err(error) => {
                let error: String = error.chars().take(ERROR_CHARS_MAX).collect();
                ("policy.reload.failed", json!({"error": error}))
            }
        };
        self.ledger.record(vec![order.event(kind, &name, &detail)?]).await?;
        reloaded.map_err(|error| OfficeError::invalid("policy", error))?;
        self.policy_text()
    }
}

fn change(change: policy::PolicyChange) -> Change {
    Change {
        kind: match change.kind {
            policy::ChangeKind::See => ChangeKind::See,
            policy::ChangeKind::Spend => ChangeKind::Spend,
            policy::ChangeKind::Other => ChangeKind::Other,
        },
        sentence: change.sentence,
    }
}

fn bounded(text: &str) -> Result<&str, OfficeError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(OfficeError::invalid("text", "is longer than a policy that is read"));
    }
    Ok(text)
}

fn doubled(found: &policy::Doubled) -> Finding {
    Finding {
        level: FindingLevel::Warning,
        place: "teams".to_owned(),
        message: found.to_string(),
        fix: "take them out of a team, or change the roles in the file".to_owned(),
    }
}

fn finding(found: &policy::Finding) -> Finding {
    Finding {
        level: match found.level {
            policy::Level::Error => FindingLevel::Error,
            policy::Level::Warning => FindingLevel::Warning,
        },
        place: format!("{}:{}", found.line, found.column),
        message: found.what.clone(),
        fix: found.fix.clone(),
    }
}
