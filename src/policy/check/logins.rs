//! What the source's login may do, and who can reach the shadow.

use super::Finding;
use crate::catalog::{Login, ShadowState};
use crate::policy::meant::Policy;

/// The source's login must be able to read what is listed, and nothing else.
pub fn check_login(policy: &Policy, login: &Login) -> Vec<Finding> {
    let name = &login.name;
    let error = |what: String, fix: &str| Finding::error(None, what, fix);
    if login.superuser {
        return vec![error(
            format!("the source's login {name} is a superuser"),
            "make a login that may only SELECT from the listed tables",
        )];
    }
    let mut findings: Vec<Finding> = login
        .powers
        .iter()
        .map(|power| {
            error(
                format!("the source's login {name} has the power {power}"),
                "take it away: it needs none",
            )
        })
        .collect();
    for place in &login.creates {
        findings.push(error(
            format!("the source's login {name} can create things in {place}"),
            "REVOKE CREATE there, from it and from PUBLIC",
        ));
    }
    for written in &login.writes {
        findings.push(error(
            format!("the source's login {name} can write to {written}"),
            "REVOKE all but SELECT on it, from the login and from PUBLIC",
        ));
    }
    for read in login.reads.iter().filter(|read| !policy.tables.contains_key(read)) {
        findings.push(error(
            format!("the source's login {name} can read {read}, which is not listed"),
            "REVOKE SELECT on it, or list the table",
        ));
    }
    for (table, place) in &policy.places.tables {
        if policy.tables.contains_key(table) && !login.reads.contains(table) {
            findings.push(Finding::error(
                Some(*place),
                format!("the source's login {name} cannot read {table}"),
                format!(
                    "GRANT SELECT ON {table} and USAGE on its schema to it, or remove the table"
                ),
            ));
        }
    }
    findings
}

/// The shadow must be reached through noisegate alone, and hold no row of a private table.
pub fn check_shadow(policy: &Policy, shadow: &ShadowState) -> Vec<Finding> {
    let strangers = shadow.logins.iter().filter(|login| **login != policy.server.shadow_analyst);
    let mut findings: Vec<Finding> = strangers
        .map(|login| {
            Finding::error(
                None,
                format!("the login {login} can connect to the shadow"),
                "REVOKE CONNECT ON DATABASE from it and from PUBLIC, or give the shadow a server of its own",
            )
        })
        .collect();
    findings.extend(shadow.filled.iter().map(|table| {
        Finding::error(
            policy.places.tables.get(table).copied(),
            format!("the shadow holds rows of {table}, which is private"),
            "empty it there and find out who filled it",
        )
    }));
    findings
}
