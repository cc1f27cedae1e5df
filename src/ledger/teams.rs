//! The teams, as far as administrators make and fill them. A team is what the events about it say:
//! its record is its state, kept for ever and held by the chain, and there is no second one that
//! could differ from it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::event::{self, Event, RequestKey};
use super::handle::Ledger;
use super::store::{EventRow, Needs};
use super::types::LedgerError;

const ADD: &str = "team.add";
const REMOVE: &str = "team.remove";
const JOIN: &str = "team.join";
const LEAVE: &str = "team.leave";

/// The events that are read in one step.
pub(super) const EVENTS_MAX: u32 = 1000;

/// What administrators made of the teams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Teams {
    /// The teams that they made, each with the role that its members hold, if any.
    pub made: BTreeMap<String, Option<String>>,
    /// Whom they put into a team, made by them or not.
    pub members: BTreeMap<String, BTreeSet<String>>,
    /// The last event that is in this.
    last: i64,
}

/// A change of a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TeamChange {
    /// Makes it, without anybody in it.
    Add {
        /// The role that its members hold.
        role: Option<String>,
    },
    /// Ends it. What its accounts spent stays spent.
    Remove,
    /// Puts an analyst into it.
    Join(String),
    /// Takes an analyst out of it.
    Leave(String),
}

impl TeamChange {
    /// The kind of the event that tells of it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Add { .. } => ADD,
            Self::Remove => REMOVE,
            Self::Join(_) => JOIN,
            Self::Leave(_) => LEAVE,
        }
    }

    /// The detail of that event.
    pub fn detail(&self) -> Value {
        match self {
            Self::Add { role } => json!({ "role": role }),
            Self::Remove => json!({}),
            Self::Join(analyst) | Self::Leave(analyst) => json!({ "analyst": analyst }),
        }
    }

    fn of(kind: &str, detail: &str) -> Option<Self> {
        let detail: Value = serde_json::from_str(detail).ok()?;
        let text = |key| detail.get(key).and_then(Value::as_str).map(str::to_owned);
        match kind {
            ADD => Some(Self::Add { role: text("role") }),
            REMOVE => Some(Self::Remove),
            JOIN => text("analyst").map(Self::Join),
            LEAVE => text("analyst").map(Self::Leave),
            _ => None,
        }
    }
}

impl Teams {
    /// The same after a change.
    #[must_use]
    pub fn after(&self, team: &str, change: &TeamChange) -> Self {
        let mut after = self.clone();
        after.apply(team, change);
        after
    }

    /// The last event that is in this.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    fn apply(&mut self, team: &str, change: &TeamChange) {
        match change {
            TeamChange::Add { role } => {
                self.members.remove(team);
                self.made.insert(team.to_owned(), role.clone());
            }
            TeamChange::Remove => {
                self.members.remove(team);
                self.made.remove(team);
            }
            TeamChange::Join(analyst) => {
                self.members.entry(team.to_owned()).or_default().insert(analyst.clone());
            }
            TeamChange::Leave(analyst) => {
                if let Some(members) = self.members.get_mut(team) {
                    members.remove(analyst);
                    if members.is_empty() {
                        self.members.remove(team);
                    }
                }
            }
        }
    }

    fn hear(&mut self, event: &EventRow) {
        self.last = event.id;
        if let Some(change) = TeamChange::of(&event.kind, &event.detail) {
            self.apply(&event.object, &change);
        }
    }
}

impl Ledger {
    /// The teams as they are now, given what is known of them; only what is new is read.
    pub async fn teams(&self, known: &Teams) -> Result<Teams, LedgerError> {
        let known = known.clone();
        self.read(move |sight| {
            let mut teams = known.clone();
            loop {
                let events = sight.view.team_events(teams.last, EVENTS_MAX)?;
                for event in &events {
                    teams.hear(event);
                }
                if events.is_empty() {
                    return Ok(teams);
                }
            }
        })
        .await
    }

    /// Changes a team by putting the change on record, unless somebody has changed one since these
    /// were read, or a user who has to be there is not; whether it did. A key that was used for the
    /// same request changes nothing.
    pub async fn change_team(
        &self,
        known: &Teams,
        user: Option<&str>,
        event: Event,
        key: Option<RequestKey>,
    ) -> Result<bool, LedgerError> {
        validate(&event)?;
        let last = known.last();
        let needs = Needs {
            requests: key.iter().map(|key| key.key).collect(),
            users: user.iter().map(|user| (*user).to_owned()).collect(),
            ..Needs::default()
        };
        let user = user.map(str::to_owned);
        self.write(needs, move |batch| {
            if key.map_or(Ok(false), |key| batch.is_done(&key))? {
                return Ok(true);
            }
            let is_there = user.is_none_or(|user| batch.has_user(&user));
            let is_known = is_there && batch.last_team_event()? <= last;
            if is_known {
                batch.record(&event, key);
            }
            Ok(is_known)
        })
        .await
    }
}

/// Refuses what is no change of a team.
pub(super) fn validate(event: &Event) -> Result<(), LedgerError> {
    event::validate(event)?;
    if TeamChange::of(event.kind, &event.detail).is_none() || event.object.is_empty() {
        return Err(LedgerError::Malformed("a change of a team that is none"));
    }
    Ok(())
}
