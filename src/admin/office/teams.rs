//! Teams: those of the policy, and those that administrators make. Whom the file puts into a team is
//! for the file to say; whom else, is decided here and kept in the ledger.

use super::accounts::{ordered, short};
use super::{InForce, Office, OfficeError, Order, Page, show};
use crate::admin::shown::{self, List, Per};
use crate::ledger::{TeamChange, Teams};
use crate::policy::{Policy, Team, is_short_name};

impl Office {
    /// All teams.
    pub async fn teams(&self, page: &Page) -> Result<List<shown::Team>, OfficeError> {
        let policy = self.with_teams().await?;
        let all = policy.teams.iter().map(|(name, team)| shown_team(&policy, name, team));
        page.of_named(all.collect(), |team| team.name.clone())
    }

    /// One of them.
    pub async fn team(&self, name: &str) -> Result<shown::Team, OfficeError> {
        let policy = self.with_teams().await?;
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
        let policy = self.with_teams().await?;
        if let Some(role) = role {
            asks(&policy, role)?;
        }
        let change = TeamChange::Add { role: role.map(str::to_owned) };
        match policy.teams.get(name) {
            None => self.change_team(name, change, order).await?,
            // Asked for again.
            Some(team) if team.made && roles(&policy, name) == Vec::from_iter(role) => {
                order.event(change.kind(), name, &change.detail())?;
            }
            Some(_) => {
                return Err(OfficeError::Conflict(format!("There is a team {name} already.")));
            }
        }
        self.team(name).await
    }

    /// Ends a team that an administrator made. What its accounts spent stays spent.
    pub async fn remove_team(&self, name: &str, order: &Order) -> Result<(), OfficeError> {
        let policy = self.with_teams().await?;
        if !known(&policy, name)?.made {
            return Err(OfficeError::Conflict(format!(
                "The policy file has the team {name}; take it out there, and reload the policy."
            )));
        }
        self.change_team(name, TeamChange::Remove, order).await
    }

    /// Puts an analyst into a team.
    pub async fn join_team(
        &self,
        name: &str,
        analyst: &str,
        order: &Order,
    ) -> Result<shown::Team, OfficeError> {
        let policy = self.with_teams().await?;
        let team = known(&policy, name)?;
        self.known(analyst).await?;
        let of_team = policy.roles.iter().filter(|role| role.is_of(name));
        if let Some(role) = of_team.into_iter().find(|role| !role.only_asks()) {
            return Err(OfficeError::Conflict(format!(
                "Whoever is in {name} holds the role {}, and who administers or audits is for the \
                 policy file to say.",
                role.name
            )));
        }
        if policy.is_admin(analyst) || policy.is_auditor(analyst) {
            return Err(OfficeError::Conflict(format!(
                "{} administers or audits, and whether they ask as well is for the policy file to \
                 say.",
                short(analyst)
            )));
        }
        let change = TeamChange::Join(analyst.to_owned());
        if team.holds(analyst) {
            order.event(change.kind(), name, &change.detail())?;
        } else {
            self.change_team(name, change, order).await?;
        }
        self.team(name).await
    }

    /// Takes an analyst out of a team again.
    pub async fn leave_team(
        &self,
        name: &str,
        analyst: &str,
        order: &Order,
    ) -> Result<shown::Team, OfficeError> {
        let policy = self.with_teams().await?;
        let team = known(&policy, name)?;
        if !team.added.contains(analyst) {
            let who = short(analyst);
            return Err(if team.names(analyst) {
                OfficeError::Conflict(format!(
                    "The policy file puts {who} into {name}; take them out there, and reload the \
                     policy."
                ))
            } else {
                OfficeError::NotFound { what: "member", name: who }
            });
        }
        self.change_team(name, TeamChange::Leave(analyst.to_owned()), order).await?;
        self.team(name).await
    }

    /// The policy with the teams as they are now.
    async fn with_teams(&self) -> Result<InForce, OfficeError> {
        self.follow_teams().await?;
        Ok(self.policy())
    }

    async fn change_team(
        &self,
        name: &str,
        change: TeamChange,
        order: &Order,
    ) -> Result<(), OfficeError> {
        let event = order.event(change.kind(), name, &change.detail())?;
        // Whoever leaves can always leave; nobody joins who would get no answers for it.
        if !matches!(change, TeamChange::Leave(_) | TeamChange::Remove) {
            let policy = self.policy();
            let after = self.ledger.teams(&Teams::default()).await?;
            let after = after.after(name, &change);
            let after = Policy::clone(&policy).with_teams(&after.made, &after.members).doubled();
            let before = policy.doubled();
            if let Some(doubled) = after.iter().find(|one| !before.contains(one)) {
                return Err(OfficeError::Conflict(format!("{doubled}.")));
            }
        }
        self.ledger.change_team(event, order.key).await?;
        self.follow_teams().await
    }
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
