//! Who may ask, administer and audit, and from which accounts their answers are paid.

use std::collections::BTreeSet;

use super::Changes;
use super::words::now;
use crate::policy::meant::{Policy, Role, RoleAnswers};
use crate::policy::people::analysts;
use crate::policy::teams::Team;
use crate::policy::terms::Terms;

pub(super) fn changes(to: &mut Changes, old: &Policy, new: &Policy) {
    let everybody: BTreeSet<String> = people(old).chain(people(new)).collect();
    for analyst in &everybody {
        asks(to, analyst, old, new);
        powers(to, analyst, old, new);
        teams(to, analyst, old, new);
    }
    for role in &old.roles {
        match new.roles.iter().find(|other| other.name == role.name) {
            Some(other) => terms(to, role, other),
            None => to.other(format!("The role {} is gone.", role.name)),
        }
    }
    for role in &new.roles {
        if old.roles.iter().all(|other| other.name != role.name) {
            to.other(format!("The role {} is new.", role.name));
        }
    }
}

/// All that hold a role or are in a team.
fn people(policy: &Policy) -> impl Iterator<Item = String> {
    let in_roles = policy.roles.iter().flat_map(|role| analysts(role, &policy.teams));
    let in_teams = policy.teams.values().flat_map(Team::members);
    in_roles.chain(in_teams).map(str::to_owned)
}

fn asks(to: &mut Changes, analyst: &str, old: &Policy, new: &Policy) {
    match (old.terms(analyst), new.terms(analyst)) {
        (None, None) => {}
        (Some(old), None) => {
            to.see(format!("{analyst} can no longer ask; it was as {}.", old.role));
        }
        (None, Some(new)) => {
            let Terms { role, epsilon_max, .. } = &new;
            to.see(format!(
                "{analyst} can ask, as {role}, with up to ε {epsilon_max} for a query."
            ));
            if let Some(from) = ids(&new).into_iter().reduce(|all, one| format!("{all}, {one}")) {
                to.spend(format!("Answers to {analyst} are paid from {from}."));
            }
        }
        (Some(old), Some(new)) => {
            if let Some((old, new)) = now(&old.role, &new.role) {
                to.see(format!("{analyst} asks as {new}, not as {old}."));
            }
            let (before, after) = (ids(&old), ids(&new));
            for id in after.difference(&before) {
                to.spend(format!("Answers to {analyst} are paid from {id} too."));
            }
            for id in before.difference(&after) {
                to.spend(format!("Answers to {analyst} are no longer paid from {id}."));
            }
        }
    }
}

fn ids(terms: &Terms) -> BTreeSet<String> {
    terms.pays.iter().map(|(id, _)| id.clone()).collect()
}

fn powers(to: &mut Changes, analyst: &str, old: &Policy, new: &Policy) {
    match (old.is_admin(analyst), new.is_admin(analyst)) {
        (false, true) => to.spend(format!("{analyst} may change budgets.")),
        (true, false) => to.spend(format!("{analyst} may no longer change budgets.")),
        _ => {}
    }
    match (old.is_auditor(analyst), new.is_auditor(analyst)) {
        (false, true) => to.see(format!("{analyst} may look at what administrators see.")),
        (true, false) => {
            to.see(format!("{analyst} may no longer look at what administrators see."));
        }
        _ => {}
    }
}

fn teams(to: &mut Changes, analyst: &str, old: &Policy, new: &Policy) {
    let before: BTreeSet<&str> = old.teams_of(analyst).collect();
    let after: BTreeSet<&str> = new.teams_of(analyst).collect();
    for team in after.difference(&before) {
        to.other(format!("{analyst} is in the team {team}."));
    }
    for team in before.difference(&after) {
        to.other(format!("{analyst} is no longer in the team {team}."));
    }
}

/// What a role may do, whoever holds it.
fn terms(to: &mut Changes, old: &Role, new: &Role) {
    let asking = |role: &Role| role.answers == RoleAnswers::Noisy;
    if !(asking(old) && asking(new)) {
        return;
    }
    let name = &new.name;
    if let Some((old, new)) = now(&old.epsilon_max, &new.epsilon_max) {
        to.spend(format!("A query of {name} spends at most ε {new}, not {old}."));
    }
    if let Some((old, new)) = now(&old.epsilon_default, &new.epsilon_default) {
        to.spend(format!("A query of {name} spends ε {new} unless it asks otherwise, not {old}."));
    }
    if let Some((old, new)) = now(&old.concurrent, &new.concurrent) {
        to.other(format!("One who asks as {name} has up to {new} statements at once, not {old}."));
    }
}
