//! What `check` finds, for `check` itself and before a proxy starts.

use std::path::Path;

use super::databases::{ANALYST, Databases, OWNER, READER, connect, listed};
use super::error::CliError;
use crate::catalog::{Catalog, Login, ShadowState, holds};
use crate::policy::{
    Finding, Level, Policy, TableName, TableRule, check, check_login, check_shadow, data_questions,
};
use crate::shadow::{verify_empty, verify_powerless};

/// Holds the policy against the source: its schema, what the login may do, and, if `data`, rows.
pub(super) async fn of_source(
    policy: &Policy,
    databases: &Databases,
    data: bool,
) -> Result<Vec<Finding>, CliError> {
    let client = connect(READER, &databases.source).await?;
    let catalog = Catalog::load(&client).await?;
    let mut findings = check(policy, &catalog);
    findings.extend(check_login(policy, &Login::load(&client).await?));
    if data {
        for question in data_questions(policy, &catalog) {
            if holds(&client, &question.sql).await? {
                findings.push(question.finding);
            }
        }
    }
    Ok(findings)
}

/// Makes sure that analysts meet a shadow without powers and without rows. The owner's login, if
/// there is one, also sees who else can reach it.
pub(super) async fn of_shadow(
    policy: &Policy,
    databases: &Databases,
) -> Result<Vec<Finding>, CliError> {
    let client = connect(ANALYST, &databases.shadow).await?;
    verify_powerless(&client).await?;
    verify_empty(&client, &listed(policy)).await?;
    let Some(owner) = &databases.owner else { return Ok(Vec::new()) };
    let client = connect(OWNER, owner).await?;
    let private = policy.tables.iter().filter(|(_, rule)| matches!(rule, TableRule::Private(_)));
    let private: Vec<TableName> = private.map(|(name, _)| name.clone()).collect();
    Ok(check_shadow(policy, &ShadowState::load(&client, &private).await?))
}

/// A finding in the lines that editors and people read.
pub(super) fn lines(file: &Path, finding: &Finding) -> String {
    let level = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let Finding { line, column, what, fix, .. } = finding;
    format!("{}:{line}:{column}: {level}: {what}\n  fix: {fix}", file.display())
}

/// How many of them are errors; as an error itself, unless it is none.
pub(super) fn verdict(findings: &[Finding]) -> Result<(), CliError> {
    match findings.iter().filter(|finding| finding.level == Level::Error).count() {
        0 => Ok(()),
        1 => Err(CliError::Findings("1 error".to_owned())),
        errors => Err(CliError::Findings(format!("{errors} errors"))),
    }
}
