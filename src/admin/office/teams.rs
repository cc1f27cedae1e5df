//! Teams: those of the policy, and those that administrators make. Whom the file puts into a team is
//! for the file to say; whom else, is decided here and kept in the ledger.

use super::accounts::{ordered, short};
use super::{Office, OfficeError, Order, Page, show};
use crate::admin::shown::{self, List, Per};
use crate::ledger::{TeamChange, Teams};
use crate::policy::{Policy, Team, is_short_name};

/// How often a change is decided anew because somebody else has just changed a team.
const TRIES_MAX: usize = 8;

impl Office {
    /// All teams.
    pub async fn teams(&self, page: &Page) -> Result<List<shown::Team>, OfficeError> {
        self.follow_teams().await?;
        let policy = self.policy();
        let all = policy.teams.iter().map(|(name, team)| shown_team(&policy, name, team));
        page.of_named(all.collect(), |team| team.name.clone())
    }

    /// One of them.
    pub async fn team(&self, name: &str) -> Result<shown::Team, OfficeError> {
        self.follow_teams().await?;
        let policy = self.policy();
        Ok(shown_team(&policy, name, known(&policy, name)?))
    }

    /// Makes a team, whose members hold a role that asks, or none.
    pub async fn add_team(
        &self,
        name: &str,
        role: Option<&str>,
        order: &Order,
    ) -> Result<shown::Team, OfficeError> {
        if !is_short_name(name) {
            return Err(OfficeError::invalid("name", "is up to 63 letters, digits, `_` and `-`"));
        }
        let change = TeamChange::Add { role: role.map(str::to_owned) };
        self.change_team(name, &change, order, |policy, _| {
            role.map_or(Ok(()), |role| asks(policy, role))?;
            match policy.teams.get(name) {
                None => Ok(true),
                // Asked for again.
                Some(team) if team.made && roles(policy, name) == Vec::from_iter(role) => Ok(false),
                Some(_) => Err(OfficeError::Conflict(format!("There is a team {name} already."))),
            }
        })
        .await?;
        self.team(name).await
    }

    /// Ends a team that an administrator made. What its accounts spent stays spent.
    pub async fn remove_team(&self, name: &str, order: &Order) -> Result<(), OfficeError> {
        self.change_team(name, &TeamChange::Remove, order, |policy, teams| {
            // Also where the file has taken the name since.
            if teams.made.contains_key(name) {
                return Ok(true);
            }
            known(policy, name)?;
            Err(OfficeError::Conflict(format!(
                "The policy file has the team {name}; take it out there, and reload the policy."
            )))
        })
        .await
    }

    /// Puts an analyst into a team.
    pub async fn join_team(
        &self,
        name: &str,
        analyst: &str,
        order: &Order,
    ) -> Result<shown::Team, OfficeError> {
        self.follow_teams().await?;
        known(&self.policy(), name)?;
        self.known(analyst).await?;
        let change = TeamChange::Join(analyst.to_owned());
        self.change_team(name, &change, order, |policy, _| {
            let team = known(policy, name)?;
            let mut of_team = policy.roles.iter().filter(|role| role.is_of(name));
            if let Some(role) = of_team.find(|role| !role.only_asks()) {
                return Err(OfficeError::Conflict(format!(
                    "Whoever is in {name} holds the role {}, and who administers or audits is for \
                     the policy file to say.",
                    role.name
                )));
            }
            if policy.is_admin(analyst) || policy.is_auditor(analyst) {
                return Err(OfficeError::Conflict(format!(
                    "{} administers or audits, and whether they ask as well is for the policy \
                     file to say.",
                    short(analyst)
                )));
            }
            Ok(!team.holds(analyst))
        })
        .await?;
        self.team(name).await
    }

    /// Takes an analyst out of a team again, whatever the policy says of the team by now.
    pub async fn leave_team(
        &self,
        name: &str,
        analyst: &str,
        order: &Order,
    ) -> Result<shown::Team, OfficeError> {
        let change = TeamChange::Leave(analyst.to_owned());
        self.change_team(name, &change, order, |policy, teams| {
            if teams.members.get(name).is_some_and(|members| members.contains(analyst)) {
                return Ok(true);
            }
            let who = short(analyst);
            if known(policy, name)?.names(analyst) {
                return Err(OfficeError::Conflict(format!(
                    "The policy file puts {who} into {name}; take them out there, and reload the \
                     policy."
                )));
            }
            Err(OfficeError::NotFound { what: "member", name: who })
        })
        .await?;
        let policy = self.policy();
        let gone = Team::default();
        Ok(shown_team(&policy, name, policy.teams.get(name).unwrap_or(&gone)))
    }

    /// Changes a team if `decide` finds that there is something to change, on the teams as they are;
    /// again if somebody else was faster.
    async fn change_team(
        &self,
        name: &str,
        change: &TeamChange,
        order: &Order,
        decide: impl Fn(&Policy, &Teams) -> Result<bool, OfficeError>,
    ) -> Result<(), OfficeError> {
        let event = order.event(change.kind(), &short(name), &change.detail())?;
        for _ in 0..TRIES_MAX {
            let teams = self.ledger.teams(&Teams::default()).await?;
            let with = |teams: &Teams| {
                Policy::clone(&self.policy()).with_teams(&teams.made, &teams.members)
            };
            let policy = with(&teams);
            if !decide(&policy, &teams)? {
                return Ok(());
            }
            // Whoever leaves can always leave; nobody joins who would get no answers for it.
            if let TeamChange::Join(_) = change {
                let before = policy.doubled();
                let after = with(&teams.after(name, change)).doubled();
                if let Some(doubled) = after.iter().find(|one| !before.contains(one)) {
                    return Err(OfficeError::Conflict(format!("{doubled}.")));
                }
            }
            // Whom the file does not name has to be there still.
            let user = match change {
                TeamChange::Join(analyst) if !is_named(&policy, analyst) => Some(analyst.as_str()),
                _ => None,
            };
            if self.ledger.change_team(&teams, user, event.clone(), order.key).await? {
                return self.follow_teams().await;
            }
        }
        Err(OfficeError::Conflict("The teams are being changed; try again.".to_owned()))
    }
}

/// Whether the file names somebody.
fn is_named(policy: &Policy, analyst: &str) -> bool {
    policy.roles_of(analyst).next().is_some()
        || policy.teams.values().any(|team| team.names(analyst))
}

fn known<'p>(policy: &'p Policy, name: &str) -> Result<&'p Team, OfficeError> {
    let not_found = || OfficeError::NotFound { what: "team", name: short(name) };
    policy.teams.get(name).ok_or_else(not_found)
}

/// Refuses a role that is not there, or has power.
fn asks(policy: &Policy, name: &str) -> Result<(), OfficeError> {
    let mut asking = policy.roles.iter().filter(|role| role.only_asks()).map(|role| &*role.name);
    if asking.clone().any(|role| role == name) {
        return Ok(());
    }
    let all = asking.next().map_or_else(
        || "no role only asks".to_owned(),
        |first| asking.fold(format!("those are {first}"), |all, role| format!("{all}, {role}")),
    );
    Err(OfficeError::invalid("role", format!("is not one of those that only ask; {all}")))
}

fn roles<'p>(policy: &'p Policy, team: &str) -> Vec<&'p str> {
    let held = policy.roles.iter().filter(|role| role.is_of(team));
    held.map(|role| role.name.as_str()).collect()
}

fn shown_team(policy: &Policy, name: &str, team: &Team) -> shown::Team {
    let own = ordered(policy)
        .into_iter()
        .filter(|account| show::per(account.budget) == Per::Team && account.holder == Some(name));
    shown::Team {
        name: name.to_owned(),
        made: team.made,
        roles: roles(policy, name).into_iter().map(str::to_owned).collect(),
        members: team.members().map(str::to_owned).collect(),
        added: team.added.iter().cloned().collect(),
        accounts: own.map(|account| account.id).collect(),
    }
}
