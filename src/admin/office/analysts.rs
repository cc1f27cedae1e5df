//! Analysts. Who may ask what is the policy's; who may log in is the ledger's.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::accounts::short;
use super::decide::own_accounts;
use super::request::unseen;
use super::{Office, OfficeError, Order, Page};
use crate::admin::shown::{self, List};
use crate::ledger::{Control, Person, TeamChange, Teams};
use crate::policy::{Member, Policy, Team};
use crate::wire::scram;

/// The longest name that PostgreSQL's clients can log in with.
const NAME_BYTES_MAX: usize = 63;

impl Office {
    /// Everybody whom the policy names or who has a password.
    pub async fn analysts(&self, page: &Page) -> Result<List<shown::Analyst>, OfficeError> {
        let policy = self.policy();
        let people = self.people().await?;
        let controls = self.ledger.controls().await?;
        let mut names = named(&policy);
        names.extend(people.keys().cloned());
        let part = page.of_named(names.into_iter().collect(), String::clone)?;
        let show = |name: String| {
            let person = people.get(&name);
            analyst(&policy, &controls, &name, person)
        };
        Ok(List { items: part.items.into_iter().map(show).collect(), next: part.next })
    }

    /// One of them.
    pub async fn analyst(&self, name: &str) -> Result<shown::Analyst, OfficeError> {
        let policy = self.policy();
        let people = self.people().await?;
        let person = people.get(name);
        if person.is_none() && !named(&policy).contains(name) {
            return Err(not_found(name));
        }
        let controls = self.ledger.controls().await?;
        Ok(analyst(&policy, &controls, name, person))
    }

    /// Whether somebody of this name could log in.
    pub fn check_name(name: &str) -> Result<(), OfficeError> {
        // Anybody may be removed, whatever they are called; nobody new is called so.
        if name.contains(unseen) {
            return Err(OfficeError::invalid("name", "holds a character that cannot be seen"));
        }
        let unusable = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | ':');
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains(unusable) {
            return Err(OfficeError::invalid(
                "name",
                "is at most 63 bytes without spaces, slashes or colons",
            ));
        }
        Ok(())
    }

    /// Lets somebody log in with a password, or with another one than before.
    pub async fn put_analyst(
        &self,
        name: &str,
        password: String,
        order: &Order,
    ) -> Result<shown::Analyst, OfficeError> {
        Self::check_name(name)?;
        let event = order.event("analyst.put", name, &json!({}))?;
        let made = tokio::task::spawn_blocking(move || scram::verifier(&password)).await;
        let verifier = made
            .map_err(|_| OfficeError::invalid("password", "could not be read"))?
            .map_err(|error| OfficeError::invalid("password", error.to_string()))?;
        self.ledger.put_user_as(name, &verifier, order.key, event).await?;
        self.analyst(name).await
    }

    /// Takes somebody's password away, and takes them out of the teams that administrators put them
    /// into. What they spent stays spent.
    pub async fn remove_analyst(&self, name: &str, order: &Order) -> Result<(), OfficeError> {
        let event = order.event("analyst.remove", &short(name), &json!({}))?;
        // Also out of teams that this policy does not know: another one may.
        let leave = TeamChange::Leave(name.to_owned());
        loop {
            let teams = self.ledger.teams(&Teams::default()).await?;
            let of = teams.members.iter().filter(|(_, members)| members.contains(name));
            let leaves = of.map(|(team, _)| order.event(leave.kind(), team, &leave.detail()));
            let leaves = (&teams, leaves.collect::<Result<Vec<_>, _>>()?);
            match self.ledger.remove_user_as(name, event.clone(), leaves).await? {
                Some(true) => break,
                Some(false) => return Err(not_found(name)),
                // Somebody has just changed a team, which may be one of theirs.
                None => {}
            }
        }
        self.follow_teams().await
    }

    /// Refuses whom neither the policy nor the ledger knows.
    pub(super) async fn known(&self, name: &str) -> Result<(), OfficeError> {
        if named(&self.policy()).contains(name) || self.people().await?.contains_key(name) {
            return Ok(());
        }
        Err(not_found(name))
    }

    async fn people(&self) -> Result<BTreeMap<String, Person>, OfficeError> {
        let people = self.ledger.people().await?;
        Ok(people.into_iter().map(|person| (person.name.clone(), person)).collect())
    }
}

/// Everybody whom the policy names.
fn named(policy: &Policy) -> BTreeSet<String> {
    let members = policy.roles.iter().flat_map(|role| &role.members);
    let analysts = members.filter_map(|member| match member {
        Member::Analyst(name) => Some(name),
        Member::Team(_) => None,
    });
    let teams = policy.teams.values().flat_map(Team::members);
    analysts.map(String::as_str).chain(teams).map(str::to_owned).collect()
}

fn analyst(
    policy: &Policy,
    controls: &BTreeMap<String, Control>,
    name: &str,
    person: Option<&Person>,
) -> shown::Analyst {
    let roles: Vec<String> = policy.roles_of(name).map(|role| role.name.clone()).collect();
    let own = own_accounts(policy, name);
    let frozen = |id: &String| controls.get(id).is_some_and(|control| control.frozen);
    shown::Analyst {
        name: name.to_owned(),
        can_log_in: person.is_some() && !roles.is_empty(),
        roles,
        teams: policy.teams_of(name).map(str::to_owned).collect(),
        added_at: person.and_then(|person| person.added_at).map(shown::time),
        last_seen_at: person.and_then(|person| person.seen_at).map(shown::time),
        accounts: policy
            .terms(name)
            .map(|terms| terms.pays.into_iter().map(|(id, _)| id).collect())
            .unwrap_or_default(),
        frozen: !own.is_empty() && own.iter().all(frozen),
    }
}

fn not_found(name: &str) -> OfficeError {
    OfficeError::NotFound { what: "analyst", name: short(name) }
}
